"""The container of Codespaces and VS Code: its file has the form of the dev container reference.

No package on PyPI or npm carries the schema, so what it asks of our keys is written here
(https://containers.dev/implementors/json_reference/, read in November 2026).
"""
import json
import re
import shlex

from workshop.commands import command_line
from workshop.local.addresses import DEFAULT_PORT
from workshop.machine.paths import MINE, NOTEBOOKS, ROOT
from workshop.machine.python_version import check_python

FILE = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
SIZE = re.compile(r"\d+([tgmk]b)?")
ON_FORWARD = {"notify", "openBrowser", "openBrowserOnce", "openPreview", "silent", "ignore"}


def test_its_keys_are_those_of_the_reference_with_values_of_their_kind():
    assert FILE.keys() <= {"name", "image", "features", "hostRequirements", "updateContentCommand",
                           "remoteEnv", "portsAttributes", "customizations"}
    assert FILE["hostRequirements"].keys() <= {"cpus", "memory", "storage", "gpu"}
    assert type(FILE["hostRequirements"]["cpus"]) is int
    assert all(SIZE.fullmatch(FILE["hostRequirements"][key]) for key in ("memory", "storage"))
    for port, attributes in FILE["portsAttributes"].items():
        assert port.isdigit() and attributes.keys() <= {"label", "onAutoForward", "protocol"}
        assert attributes["onAutoForward"] in ON_FORWARD
    assert all(isinstance(value, str) for value in FILE["remoteEnv"].values())
    assert all(re.fullmatch(r"[\w./-]+:\d+", name) for name in FILE["features"])


def test_it_has_a_python_that_the_workshop_takes_and_docker_inside():
    version = re.fullmatch(r"mcr\.microsoft\.com/devcontainers/python:(3)\.(\d+)-\w+",
                           FILE["image"])
    assert check_python((int(version[1]), int(version[2]), 0)) is None
    assert any("docker-in-docker" in name for name in FILE["features"])


def test_set_up_is_a_command_of_the_workshop_which_makes_the_first_lessons_copy():
    python, option, package, command, number = shlex.split(FILE["updateContentCommand"])
    assert (python, option, package) == ("python3", "-m", "workshop")
    assert command in command_line.COMMANDS and command_line.COMMANDS[command].groups is None
    [opened] = FILE["customizations"]["codespaces"]["openFiles"]
    folder, name = opened.split("/")
    assert folder == MINE.name and (NOTEBOOKS / name).exists() and name.startswith(number)


def test_the_local_clouds_port_is_not_forwarded():
    assert FILE["portsAttributes"][str(DEFAULT_PORT)]["onAutoForward"] == "ignore"
