"""The calls of `boto3.client("sagemaker")`: models, endpoint configurations, endpoints, tags."""
import logging
import os
import threading
import time

from workshop.local import limits
from workshop.local.sagemaker import checks
from workshop.local.sagemaker.checks import RefusedError, arn, invalid, missing
from workshop.local.sagemaker.endpoint import CHANGING, Endpoint

IDLE = 10        # seconds after which an idle container goes; AWS does not say after how many
PAGE = 10        # entries of a list, when MaxResults does not say
log = logging.getLogger("workshop.local.sagemaker")


def number(variable: str, usual: float) -> float:
    """A number from the environment of the local cloud's process."""
    try:
        return float(os.environ.get(variable) or usual)
    except ValueError:
        log.warning("%s=%r is no number; %s it is", variable, os.environ[variable], usual)
        return usual


class ControlPlane:
    """All that exists, by name. One request at a time changes it."""

    def __init__(self):
        self.models: dict[str, dict] = {}
        self.configs: dict[str, dict] = {}
        self.endpoints: dict[str, Endpoint] = {}
        self.tags: dict[str, dict[str, str]] = {}        # ARN → key → value
        self.lock = threading.RLock()
        self.idle_seconds = number("WORKSHOP_SAGEMAKER_IDLE", IDLE)
        self.start_seconds = number("WORKSHOP_SAGEMAKER_START", limits.ENDPOINT_START)
        self.concurrency = int(number("WORKSHOP_SAGEMAKER_CONCURRENCY",
                                      limits.ENDPOINT_CONCURRENCY))
        threading.Thread(target=self._scale_in, daemon=True, name="workshop-sagemaker-idle").start()

    def operate(self, name: str, asked: dict) -> dict | None:
        """Answer one operation; raises RefusedError."""
        operation = OPERATIONS.get(name)
        if operation is None:
            raise RefusedError("UnknownOperationException", f"The local cloud has no "
                               f"{name or 'such'} operation of SageMaker's; it has "
                               f"{', '.join(OPERATIONS)}.")
        with self.lock:
            return operation(self, asked)

    def _scale_in(self) -> None:
        while True:
            time.sleep(0.5)
            for endpoint in list(self.endpoints.values()):
                try:
                    if endpoint.variant:
                        endpoint.variant.scale_in(self.idle_seconds)
                except Exception:   # Docker is away for a moment: later then
                    log.exception("endpoint %s was not scaled in", endpoint.name)

    # Models

    def create_model(self, asked: dict) -> dict:
        name = asked["ModelName"]
        self._refuse_if_there("model", name, self.models)
        container = checks.model(asked)
        self.models[name] = {"name": name, "container": container, "created": time.time(),
                             "role": asked.get("ExecutionRoleArn")}
        return {"ModelArn": self._tagged(arn("model", name), asked)}

    def describe_model(self, asked: dict) -> dict:
        model = self._find("model", asked["ModelName"], self.models)
        return {"ModelName": model["name"], "PrimaryContainer": {"Mode": "SingleModel",
                                                                 **model["container"]},
                "ExecutionRoleArn": model["role"], "CreationTime": model["created"],
                "ModelArn": arn("model", model["name"]), "EnableNetworkIsolation": False}

    def list_models(self, asked: dict) -> dict:
        entries = [{"ModelName": name, "ModelArn": arn("model", name),
                    "CreationTime": model["created"]} for name, model in self.models.items()]
        return page("Models", entries, "ModelName", asked)

    def delete_model(self, asked: dict) -> None:
        """Endpoints that serve it go on."""
        self._forget("model", asked["ModelName"], self.models)

    # Endpoint configurations

    def create_endpoint_config(self, asked: dict) -> dict:
        name = asked["EndpointConfigName"]
        self._refuse_if_there("endpoint-config", name, self.configs)
        variant = checks.variant(asked)
        self._find("model", variant.get("ModelName") or "", self.models)
        self.configs[name] = {"name": name, "variant": variant, "created": time.time()}
        return {"EndpointConfigArn": self._tagged(arn("endpoint-config", name), asked)}

    def describe_endpoint_config(self, asked: dict) -> dict:
        config = self._config(asked)
        return {"EndpointConfigName": config["name"], "ProductionVariants": [config["variant"]],
                "EndpointConfigArn": arn("endpoint-config", config["name"]),
                "CreationTime": config["created"], "EnableNetworkIsolation": False}

    def list_endpoint_configs(self, asked: dict) -> dict:
        entries = [{"EndpointConfigName": name, "EndpointConfigArn": arn("endpoint-config", name),
                    "CreationTime": config["created"]} for name, config in self.configs.items()]
        return page("EndpointConfigs", entries, "EndpointConfigName", asked)

    def delete_endpoint_config(self, asked: dict) -> None:
        self._forget("endpoint-config", asked["EndpointConfigName"], self.configs)

    # Endpoints

    def create_endpoint(self, asked: dict) -> dict:
        name = asked["EndpointName"]
        self._refuse_if_there("endpoint", name, self.endpoints)
        config = self._config(asked)
        self._refuse_over_quota(config, None)
        self.endpoints[name] = Endpoint(name, config, self._model_of(config), self.start_seconds)
        return {"EndpointArn": self._tagged(arn("endpoint", name), asked)}

    def describe_endpoint(self, asked: dict) -> dict:
        return self._endpoint(asked).description()

    def list_endpoints(self, asked: dict) -> dict:
        entries = [endpoint.summary() for endpoint in self.endpoints.values()
                   if endpoint.status == asked.get("StatusEquals", endpoint.status)]
        return page("Endpoints", entries, "EndpointName", asked)

    def update_endpoint(self, asked: dict) -> dict:
        endpoint = self._endpoint(asked)
        self._refuse_while_changing(endpoint)
        if endpoint.status == "Failed":
            raise invalid(f'Cannot update endpoint "{arn("endpoint", endpoint.name)}" with status '
                          "Failed: delete it.")
        config = self._config(asked)
        self._refuse_over_quota(config, endpoint)
        endpoint.update(config, self._model_of(config))
        return {"EndpointArn": arn("endpoint", endpoint.name)}

    def delete_endpoint(self, asked: dict) -> None:
        endpoint = self._endpoint(asked)
        self._refuse_while_changing(endpoint)
        self._forget("endpoint", endpoint.name, self.endpoints)
        endpoint.delete()

    # Tags

    def add_tags(self, asked: dict) -> dict:
        tags = self._tags_of(asked)
        tags.update({tag["Key"]: tag["Value"] for tag in asked["Tags"]})
        return {"Tags": pairs(tags)}

    def list_tags(self, asked: dict) -> dict:
        return {"Tags": pairs(self._tags_of(asked))}

    def delete_tags(self, asked: dict) -> dict:
        tags = self._tags_of(asked)
        for key in asked["TagKeys"]:
            tags.pop(key, None)
        return {}

    # What they share

    def _find(self, kind: str, name: str, table: dict):
        if name not in table:
            raise missing(kind, name)
        return table[name]

    def _refuse_if_there(self, kind: str, name: str, table: dict) -> None:
        if name in table:
            raise invalid(f'Cannot create already existing {checks.WORDS[kind]} '
                          f'"{arn(kind, name)}".')

    def _forget(self, kind: str, name: str, table: dict) -> None:
        self._find(kind, name, table)
        del table[name]
        self.tags.pop(arn(kind, name), None)

    def _config(self, asked: dict) -> dict:
        return self._find("endpoint-config", asked["EndpointConfigName"], self.configs)

    def _model_of(self, config: dict) -> dict:
        return self._find("model", config["variant"]["ModelName"], self.models)

    def _endpoint(self, asked: dict) -> Endpoint:
        return self._find("endpoint", asked["EndpointName"], self.endpoints)

    def _refuse_while_changing(self, endpoint: Endpoint) -> None:
        if endpoint.status in CHANGING:
            raise invalid("Cannot update in-progress endpoint "
                          f'"{arn("endpoint", endpoint.name)}".')

    def _refuse_over_quota(self, config: dict, changed: Endpoint | None) -> None:
        """The endpoints of an account share its concurrency. changed: the one that is updated."""
        used = sum(one.concurrency for one in self.endpoints.values())
        more = config["variant"]["ServerlessConfig"]["MaxConcurrency"] \
            - (changed.concurrency if changed else 0)
        if used + more > self.concurrency and more > 0:
            raise RefusedError(
                "ResourceLimitExceeded", "The account-level service limit 'Maximum total "
                "concurrency that can be allocated across all serverless endpoints' is "
                f"{self.concurrency}, with current utilization of {used} and a request delta of "
                f"{more}. Please use AWS Service Quotas to request an increase for this quota.")

    def _tagged(self, name: str, asked: dict) -> str:
        """Keep the tags that a new resource is given; returns its ARN."""
        self.tags[name] = {tag["Key"]: tag["Value"] for tag in asked.get("Tags") or []}
        return name

    def _tags_of(self, asked: dict) -> dict[str, str]:
        name = asked.get("ResourceArn") or ""
        if name not in self.tags:
            kind, _, rest = name.rpartition(":")[2].partition("/")
            raise missing(kind, rest) if kind in checks.WORDS else invalid(
                f"Could not find resource \"{name}\".")
        return self.tags[name]


OPERATIONS = {
    "CreateModel": ControlPlane.create_model,
    "DescribeModel": ControlPlane.describe_model,
    "ListModels": ControlPlane.list_models,
    "DeleteModel": ControlPlane.delete_model,
    "CreateEndpointConfig": ControlPlane.create_endpoint_config,
    "DescribeEndpointConfig": ControlPlane.describe_endpoint_config,
    "ListEndpointConfigs": ControlPlane.list_endpoint_configs,
    "DeleteEndpointConfig": ControlPlane.delete_endpoint_config,
    "CreateEndpoint": ControlPlane.create_endpoint,
    "DescribeEndpoint": ControlPlane.describe_endpoint,
    "ListEndpoints": ControlPlane.list_endpoints,
    "UpdateEndpoint": ControlPlane.update_endpoint,
    "DeleteEndpoint": ControlPlane.delete_endpoint,
    "AddTags": ControlPlane.add_tags,
    "ListTags": ControlPlane.list_tags,
    "DeleteTags": ControlPlane.delete_tags,
}


def pairs(tags: dict[str, str]) -> list[dict]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def page(title: str, entries: list[dict], name: str, asked: dict) -> dict:
    """One page of a list: filtered by NameContains, newest first unless the request says else."""
    wanted = (asked.get("NameContains") or "").lower()
    entries = [entry for entry in entries if wanted in entry[name].lower()]
    key = {"Name": name, "Status": "EndpointStatus"}.get(asked.get("SortBy"), "CreationTime")
    entries.sort(key=lambda entry: entry[key], reverse=asked.get("SortOrder") != "Ascending")
    first = int(asked.get("NextToken") or 0)
    last = first + int(asked.get("MaxResults") or PAGE)
    more = {"NextToken": str(last)} if last < len(entries) else {}
    return {title: entries[first:last], **more}
