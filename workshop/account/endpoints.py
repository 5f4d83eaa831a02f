"""SageMaker endpoints, with their configurations and models: each is NAME or NAME-ONE_WORD."""
from functools import partial

from botocore.exceptions import WaiterError

from workshop.account import calls, ownership
from workshop.machine import tools

WAITER = {"Delay": 2, "MaxAttempts": 450}   # boto3 looks every 30 seconds, if it is not told


def find(name):
    """Endpoint NAME as SageMaker describes it (dict), or None."""
    return calls.if_there(calls.client("sagemaker").describe_endpoint, EndpointName=name)


def ensure(name, config):
    """Let endpoint NAME, new or updated, run a configuration (its name), and wait for it.

    Raises RuntimeError with SageMaker's reason when it does not come into service.
    """
    client, found = calls.client("sagemaker"), check(name)
    if found and found["EndpointConfigName"] == config and found["EndpointStatus"] == "InService":
        return
    if found:
        client.update_endpoint(EndpointName=name, EndpointConfigName=config)
    else:
        client.create_endpoint(EndpointName=name, EndpointConfigName=config, Tags=ownership.pairs())
    tools.say(f"waiting for endpoint {name} (minutes on AWS)")
    try:
        client.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=WAITER)
    except WaiterError as error:
        now = find(name)
        raise RuntimeError(f"Endpoint {name} is {now['EndpointStatus']}: "
                           f"{now.get('FailureReason', 'no reason given')}") from error
    now = find(name)
    if now["EndpointConfigName"] != config:
        raise RuntimeError(f"Endpoint {name} went back to its old configuration: "
                           f"{now.get('FailureReason', 'no reason given')}")


def create_model(**arguments):
    """SageMaker's create_model; again, for a limited time, while it does not know a new role yet.

    Raises ClientError for any other refusal.
    """
    return calls.when_known(calls.client("sagemaker").create_model,
                            lambda error: "assume" in error["Message"].lower(), **arguments)


def ensure_model(name, role, image, data):
    """Find or make model NAME. role: ARN. image: URI in ECR. data: s3://… of a .tar.gz."""
    ownership.check_name(name)
    client = calls.client("sagemaker")
    if not calls.if_there(client.describe_model, ModelName=name):
        create_model(ModelName=name, ExecutionRoleArn=role, Tags=ownership.pairs(),
                     PrimaryContainer={"Image": image, "ModelDataUrl": data})


def ensure_config(name, memory, concurrency):
    """Find or make the serverless configuration NAME of the model NAME.

    memory: MB. concurrency: requests at once.
    """
    ownership.check_name(name)
    client = calls.client("sagemaker")
    if not calls.if_there(client.describe_endpoint_config, EndpointConfigName=name):
        client.create_endpoint_config(
            EndpointConfigName=name, Tags=ownership.pairs(), ProductionVariants=[{
                "VariantName": "AllTraffic", "ModelName": name, "ServerlessConfig": {
                    "MemorySizeInMB": memory, "MaxConcurrency": concurrency}}])


def tags(thing):
    """Tags (dict of str) of a thing: an endpoint, a configuration or a model."""
    arn = thing.get("EndpointArn") or thing.get("EndpointConfigArn") or thing["ModelArn"]
    return calls.by_key(calls.client("sagemaker").list_tags(ResourceArn=arn)["Tags"])


def delete(name):
    """Delete endpoint NAME with its configurations and models."""
    ownership.delete([*endpoint_removals(name), *_parts_of(name)])


def _parts_of(name):
    for what, words, how in (("EndpointConfig", "endpoint configuration", remove_config),
                             ("Model", "model", remove_model)):
        for one in calls.pages("sagemaker", *_listing(what), NameContains=name):
            part = one[f"{what}Name"]
            if _is_of(part, name):
                yield ownership.Removal(f"{words} {part}", tags(one), partial(how, part))


def _listing(what):
    """Operation and key that list Endpoints, EndpointConfigs or Models."""
    return f"list_{what.lower().replace('config', '_config')}s", f"{what}s"


def _is_of(found, name):
    """Whether a model or configuration belongs to endpoint NAME: NAME-SOMETHING, one word."""
    return found == name or (found.startswith(f"{name}-") and "-" not in found[len(name) + 1:])


def remove(name):
    """Delete endpoint NAME, whosever it is, and wait until it is gone."""
    client = calls.client("sagemaker")
    client.delete_endpoint(EndpointName=name)
    client.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=WAITER)


def listed(meant, what="Endpoint"):
    """What the inventory lists of those that are meant. what: Endpoint, EndpointConfig or Model."""
    return calls.lister(tags, "sagemaker", *_listing(what), f"{what}Name", f"{what}Arn")(meant)


remove_config = calls.remover("sagemaker", "delete_endpoint_config", lambda name: {
    "EndpointConfigName": name})
remove_model = calls.remover("sagemaker", "delete_model", lambda name: {"ModelName": name})
check, endpoint_removals, _ = ownership.verbs("endpoint", find, tags, remove)
