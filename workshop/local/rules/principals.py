"""Which names of AWS's services a trust policy may have as a principal.

IAM has no public list of them. So a name counts as known when one of its parts is that of a service
that botocore knows ("delivery.logs.amazonaws.com" by "logs"), or is in MORE.
"""
from functools import cache

import botocore.session

END = ".amazonaws.com"
MORE = {"airflow-env", "ec2fleet", "ec2scheduled", "ecs-tasks", "edgelambda", "eks-fargate-pods",
        "lexv2", "macie", "opsworks-cm", "spot", "spotfleet", "vpc-flow-logs"}


def is_service(name: str) -> bool:
    """Whether a role can trust this name, for example "lambda.amazonaws.com"."""
    parts = name.removesuffix(".cn").removesuffix(END).split(".")
    return bool(set(parts) & MORE) or bool(set(parts) & _parts())


@cache
def _parts() -> set[str]:
    """The parts of all endpoints' names, and botocore's own names of services."""
    session = botocore.session.get_session()
    partitions = session.get_component("data_loader").load_data("endpoints")["partitions"]
    names = [name for one in partitions for name in one["services"]]
    return {part for name in [*names, *session.get_available_services()]
            for part in name.split(".")}
