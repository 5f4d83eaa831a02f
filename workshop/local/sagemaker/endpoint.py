"""An endpoint's life: Creating, InService, Updating, Failed, and gone."""
import logging
import threading
import time

from workshop.local.sagemaker import checks
from workshop.local.sagemaker.container import Plan, StartError, unpacked
from workshop.local.sagemaker.variant import Variant

CHANGING = ("Creating", "Updating")
log = logging.getLogger("workshop.local.sagemaker")


def plan(endpoint: str, model: dict, variant: dict, start_seconds: float) -> Plan:
    """What an endpoint's containers are made from. The image's digest and the model's archive are
    looked up now: a cold start next week serves the same model.

    Raises StartError when the model's data is not there or no archive.
    """
    container, serverless = model["container"], variant["ServerlessConfig"]
    url, archive = container.get("ModelDataUrl"), None
    try:
        image = checks.resolve(container["Image"])
        if url:
            archive = unpacked(checks.model_data(url), url)
    except checks.RefusedError as refused:
        raise StartError(refused.message) from None
    return Plan(endpoint, variant["VariantName"], image, serverless["MemorySizeInMB"],
                serverless["MaxConcurrency"], model["role"], archive,
                dict(container.get("Environment") or {}), start_seconds)


class Endpoint:
    """What DescribeEndpoint tells, and the variant that answers at present (None: nothing does)."""

    def __init__(self, name: str, config: dict, model: dict, start_seconds: float):
        self.name, self.config, self.model = name, config, model
        self.status, self.reason = "Creating", ""
        self.created = self.modified = time.time()
        self.variant: Variant | None = None
        self.start_seconds = start_seconds
        self._begin(config, model)

    def update(self, config: dict, model: dict) -> None:
        """Bring up `config`, then let it answer in place of the present one.

        No request is refused meanwhile: those under way end where they began. When the new one
        does not come up, the old one stays.
        """
        self.status, self.reason, self.modified = "Updating", "", time.time()
        self._begin(config, model)

    @property
    def concurrency(self) -> int:
        """How much of the account's concurrency it has."""
        return 0 if self.status == "Failed" else \
            self.wanted["variant"]["ServerlessConfig"]["MaxConcurrency"]

    def _begin(self, config: dict, model: dict) -> None:
        self.wanted = config
        threading.Thread(target=self._bring_up, args=(config, model), daemon=True,
                         name="workshop-sagemaker-endpoint").start()

    def _bring_up(self, config: dict, model: dict) -> None:
        try:
            variant = Variant(plan(self.name, model, config["variant"], self.start_seconds))
            variant.warm_up()
        except Exception as failed:     # an endpoint must not stay in between for ever
            if not isinstance(failed, StartError):
                log.exception("endpoint %s", self.name)
            self.reason = str(failed)
            self.status = "InService" if self.variant else "Failed"
            self.wanted = self.config
        else:
            old, self.variant = self.variant, variant
            self.config, self.model, self.status = config, model, "InService"
            if old:
                old.retire()
        self.modified = time.time()

    def delete(self) -> None:
        if self.variant:
            self.variant.close()

    def summary(self) -> dict:
        """As ListEndpoints gives it."""
        return {"EndpointName": self.name, "EndpointArn": checks.arn("endpoint", self.name),
                "CreationTime": self.created, "LastModifiedTime": self.modified,
                "EndpointStatus": self.status}

    def description(self) -> dict:
        """As DescribeEndpoint gives it."""
        told = {**self.summary(), "EndpointConfigName": self.config["name"]}
        if self.reason:
            told["FailureReason"] = self.reason
        if self.variant:
            chosen = self.config["variant"]
            told["ProductionVariants"] = [{
                "VariantName": chosen["VariantName"], "CurrentWeight": 1.0, "DesiredWeight": 1.0,
                "CurrentServerlessConfig": chosen["ServerlessConfig"],
                "DesiredServerlessConfig": chosen["ServerlessConfig"],
                "DeployedImages": [{"SpecifiedImage": self.model["container"]["Image"],
                                    "ResolvedImage": self.variant.plan.image,
                                    "ResolutionTime": self.created}]}]
        return told
