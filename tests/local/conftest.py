"""What the tests of AWS's refusals share: a client that checks nothing, and a world."""
import json

import boto3
import pytest

from calls import NAME, QUEUE_ARN, TOPIC, TRUST, URI, client, packed
from workshop.local import addresses, identities


@pytest.fixture(scope="session")
def learner(local_cloud):
    """A session of boto3 that acts as the learner."""
    keys = identities.user_keys(addresses.state_folder())
    return boto3.Session(keys["access_key"], keys["secret_key"], region_name=addresses.REGION)


@pytest.fixture(scope="module")
def ask(local_cloud):
    """`ask("lambda")`: a client that sends what boto3 would not send."""
    return client


@pytest.fixture(scope="module")
def worker(ask):
    """The ARN of a role that functions may take and that may do everything with queues."""
    iam = ask("iam")
    arn = iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    iam.put_role_policy(RoleName=NAME, PolicyName="queues", PolicyDocument=json.dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["sqs:*", "logs:*"], "Resource": "*"}]}))
    yield arn
    for name in iam.list_role_policies(RoleName=NAME)["PolicyNames"]:
        iam.delete_role_policy(RoleName=NAME, PolicyName=name)
    iam.delete_role(RoleName=NAME)


@pytest.fixture(scope="module")
def functions(ask, worker, role):
    """A function with versions 1 and 2 and an alias, one whose role reads no queue; the ARNs of
    two versions of a layer, whose numbers go on after those that an earlier module deleted."""
    lambda_ = ask("lambda")
    for name, arn in ((NAME, worker), (f"{NAME}-poor", role)):
        lambda_.create_function(FunctionName=name, Role=arn, Runtime="python3.13", Timeout=10,
                                Handler="index.handler", Code={"ZipFile": packed()}, Publish=True)
        lambda_.get_waiter("function_active_v2").wait(FunctionName=name)
    lambda_.update_function_code(FunctionName=NAME, ZipFile=packed("handler = print\n"),
                                 Publish=True)
    lambda_.get_waiter("function_updated_v2").wait(FunctionName=NAME)
    lambda_.create_alias(FunctionName=NAME, Name="live", FunctionVersion="1")
    layers = [lambda_.publish_layer_version(LayerName=NAME, Content={"ZipFile": packed()})
              for _ in range(2)]
    yield {f"layer {at}": one["LayerVersionArn"] for at, one in enumerate(layers, 1)}
    for name in (NAME, f"{NAME}-poor"):
        lambda_.delete_function(FunctionName=name)
    for one in layers:
        lambda_.delete_layer_version(LayerName=NAME, VersionNumber=one["Version"])


@pytest.fixture(scope="module")
def queues(ask):
    """URLs: a queue, one without a mapping, one with a short time-out, a FIFO queue."""
    sqs = ask("sqs")
    wanted = {"queue": (NAME, {"VisibilityTimeout": "30"}), "free": (f"{NAME}-free", {}),
              "short": (f"{NAME}-short", {"VisibilityTimeout": "5"}),
              "fifo": (f"{NAME}.fifo", {"FifoQueue": "true"})}
    urls = {key: sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
            for key, (name, attributes) in wanted.items()}
    yield urls
    for url in urls.values():
        sqs.delete_queue(QueueUrl=url)


@pytest.fixture(scope="module")
def expired(ask, queues):
    """The receipt handle of a FIFO queue's message that is visible again."""
    sqs, url = ask("sqs"), queues["fifo"]
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g", MessageDeduplicationId="d")
    [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"],
                                  VisibilityTimeout=0)
    return message["ReceiptHandle"]


@pytest.fixture(scope="module")
def mapping(ask, functions, queues):
    """What `create_event_source_mapping` answers."""
    lambda_ = ask("lambda")
    made = lambda_.create_event_source_mapping(EventSourceArn=QUEUE_ARN, FunctionName=NAME)
    yield made
    lambda_.delete_event_source_mapping(UUID=made["UUID"])


@pytest.fixture(scope="module")
def things(local_cloud):
    """A bucket, a log stream, a stack, a repository, a rule."""
    s3, logs, ecr, events = map(client, ("s3", "logs", "ecr", "events"))
    cfn = client("cloudformation")
    s3.create_bucket(Bucket=NAME)
    logs.create_log_group(logGroupName=NAME)
    logs.create_log_stream(logGroupName=NAME, logStreamName="s")
    ecr.create_repository(repositoryName=NAME)
    events.put_rule(Name=NAME, EventPattern=json.dumps({"source": ["x"]}))
    cfn.create_stack(StackName=NAME, TemplateBody=json.dumps({"Resources": {"A": TOPIC}}))
    cfn.get_waiter("stack_create_complete").wait(StackName=NAME, WaiterConfig={"Delay": 1})
    yield
    cfn.delete_stack(StackName=NAME)
    events.delete_rule(Name=NAME)
    ecr.delete_repository(repositoryName=NAME, force=True)
    logs.delete_log_group(logGroupName=NAME)
    s3.delete_bucket(Bucket=NAME)


@pytest.fixture(scope="module")
def http_api(local_cloud):
    """The id of an HTTP API with a route and a stage."""
    api = client("apigatewayv2")
    number = api.create_api(Name=NAME, ProtocolType="HTTP")["ApiId"]
    api.create_route(ApiId=number, RouteKey="GET /x")
    api.create_stage(ApiId=number, StageName="prod")
    yield number
    api.delete_api(ApiId=number)


@pytest.fixture
def rest_api(local_cloud):
    """(id, root resource) of a REST API with a method that has no integration."""
    api = client("apigateway")
    number = api.create_rest_api(name=NAME)["id"]
    root = api.get_resources(restApiId=number)["items"][0]["id"]
    api.put_method(restApiId=number, resourceId=root, httpMethod="GET", authorizationType="NONE")
    yield number, root
    api.delete_rest_api(restApiId=number)


@pytest.fixture(scope="module")
def deployed(local_cloud):
    """A REST API with a deployed method, and an empty one: their parts by name."""
    api = client("apigateway")
    used, empty = (api.create_rest_api(name=NAME)["id"] for _ in range(2))
    root = api.get_resources(restApiId=used)["items"][0]["id"]
    api.put_method(restApiId=used, resourceId=root, httpMethod="GET", authorizationType="NONE")
    api.put_integration(restApiId=used, resourceId=root, httpMethod="GET", type="AWS_PROXY",
                        integrationHttpMethod="POST", uri=URI)
    yield {"rest api": used, "root": root, "empty api": empty,
           "deployment": api.create_deployment(restApiId=used, stageName="prod")["id"]}
    for number in (used, empty):
        api.delete_rest_api(restApiId=number)


@pytest.fixture(scope="module")
def world(functions, queues, expired, mapping, things, http_api, deployed):
    """All of it; what has no name of its own is found by the keys. See `calls.Of`."""
    client("sqs").purge_queue(QueueUrl=queues["queue"])
    return {**functions, **queues, **deployed, "expired": expired, "mapping": mapping,
            "http api": http_api}
