"""The labels by which Docker's containers, images, networks and volumes are told apart.

Two checkouts on one engine must not touch each other's: what a checkout makes carries CLONE and its
number. The number is not the path itself, because images may go to a registry.
"""
import hashlib

from workshop.machine.paths import ROOT

NUMBER = hashlib.sha256(str(ROOT).encode()).hexdigest()[:12]

WORKSHOP = "workshop=lambda-onnx"   # what serves every checkout
CLONE = "workshop.clone"            # a checkout's number
CLOUD = "workshop.cloud"            # a container of the local cloud: its port
FUNCTION = "workshop.function"      # a function's execution environment: the function's name
ENDPOINT = "workshop.endpoint"      # a SageMaker endpoint's container: the endpoint's name
STAND_IN = "workshop.stand-in"      # the stand-in base image, and what is built on it: "true"

OURS = f"{CLONE}={NUMBER}"


def of_cloud(port: int) -> str:
    """The label of the containers that the local cloud on this port started."""
    return f"{CLOUD}={port}"
