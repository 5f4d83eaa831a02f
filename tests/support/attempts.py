"""What somebody whom the local cloud does not know may try: one list for every kind of stranger.

Standard library only: it runs in a container and as another user of the machine, too. As a program
it reads the local cloud's address, makes every attempt, and prints a JSON list of what came back.
"""
import base64
import http.client
import json
import sys
from urllib.parse import urlsplit

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON_11 = {"Content-Type": "application/x-amz-json-1.1"}
KEY = ("AWS4-HMAC-SHA256 Credential={key}/20261128/us-east-1/{service}/aws4_request, "
       "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64)


def signed(service, key="AKIAIOSFODNN7EXAMPLE", **more):
    """Headers of a request whose signature is invented."""
    return {"Authorization": KEY.format(key=key, service=service),
            "X-Amz-Date": "20261128T000000Z", **more}


def login(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


ECS = {**JSON_11, "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters"}
RUN_TASK = {**JSON_11, "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.RunTask"}

# (name, method, path, headers, body)
ATTEMPTS = [
    ("queues, by a path of ours", "POST", "/_aws/x", FORM, "Action=ListQueues&Version=2012-11-05"),
    ("queues, by GET", "GET", "/_aws/x?Action=ListQueues&Version=2012-11-05", {}, None),
    ("make a queue", "POST", "/", FORM, "Action=CreateQueue&QueueName=stranger&Version=2012-11-05"),
    ("make a queue, JSON", "POST", "/", {**JSON_11, "X-Amz-Target": "AmazonSQS.CreateQueue"},
     '{"QueueName": "stranger"}'),
    ("make a queue at an API's address", "POST", "/_aws/execute-api/abcdefghij/",
     {**JSON_11, "X-Amz-Target": "AmazonSQS.CreateQueue"}, '{"QueueName": "stranger"}'),
    ("make a queue at a function URL", "POST", f"/_aws/lambda-url/{'a' * 32}/", FORM,
     "Action=CreateQueue&QueueName=stranger&Version=2012-11-05"),
    ("clusters of ECS", "POST", "/", ECS, "{}"),
    ("clusters of ECS, by a path of ours", "POST", "/_aws/ecs", ECS, "{}"),
    ("a task of ECS, invented signature", "POST", "/", {**RUN_TASK, **signed("ecs")}, "{}"),
    ("virtual machines", "POST", "/", FORM, "Action=RunInstances&Version=2016-11-15"),
    ("buckets", "GET", "/", {}, None),
    ("buckets, as `test`", "GET", "/", signed("s3", "test"), None),
    ("buckets, by an account's number", "GET", "/", signed("s3", "012345678912"), None),
    ("make a bucket", "PUT", "/stranger", {}, ""),
    ("make a bucket, invented signature", "PUT", "/stranger", signed("s3"), ""),
    ("an object", "GET", "/workshop-test-private/secret.txt", {}, None),
    ("an object's size", "HEAD", "/workshop-test-private/secret.txt", {}, None),
    ("an object, invented link", "GET", "/workshop-test-private/secret.txt?X-Amz-Algorithm="
     "AWS4-HMAC-SHA256&X-Amz-Credential=test%2F20261128%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date="
     "20261128T000000Z&X-Amz-Expires=604800&X-Amz-SignedHeaders=host&X-Amz-Signature=0", {}, None),
    ("an object, old kind of link", "GET", "/workshop-test-private/secret.txt?AWSAccessKeyId=test"
     "&Signature=x&Expires=4102444800", {}, None),
    ("replace an object", "PUT", "/workshop-test-private/secret.txt", {}, "changed"),
    ("functions", "GET", "/2015-03-31/functions/", {}, None),
    ("functions, as `test`", "GET", "/2015-03-31/functions/", signed("lambda", "test"), None),
    ("functions, no signature in it", "GET", "/2015-03-31/functions/",
     {"Authorization": "AWS4-HMAC-SHA256"}, None),
    ("functions, Bearer", "GET", "/2015-03-31/functions/", {"Authorization": "Bearer x"}, None),
    ("invoke a function", "POST", "/2015-03-31/functions/stranger/invocations", {}, "{}"),
    ("a function's code", "GET", "/_ministack/lambda-code/012345678912/us-east-1/f", {}, None),
    ("roles", "POST", "/", FORM, "Action=ListRoles&Version=2010-05-08"),
    ("make an access key", "POST", "/", FORM, "Action=CreateAccessKey&Version=2010-05-08"),
    ("keys of a role", "POST", "/", FORM, "Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:"
     "iam::012345678912:role/r&RoleSessionName=s"),
    ("a stack", "POST", "/", FORM, "Action=CreateStack&StackName=s&Version=2010-05-15"),
    ("an endpoint of SageMaker", "POST", "/endpoints/e/invocations", signed("sagemaker"), "{}"),
    ("the registry", "GET", "/v2/", {}, None),
    ("the registry, MiniStack's password", "GET", "/v2/", login("AWS", "ministack-auth-token"),
     None),
    ("the registry's list", "GET", "/v2/_catalog", login("AWS", ""), None),
    ("an image", "GET", "/v2/workshop-churn/manifests/v1", login("root", "root"), None),
    ("send an image's layer", "POST", "/v2/stranger/blobs/uploads/", {}, ""),
    ("forget everything", "POST", "/_ministack/reset", {}, ""),
    ("MiniStack's settings", "POST", "/_ministack/config", JSON_11,
     '{"lambda_svc.LAMBDA_EXECUTOR": "local"}'),
    ("MiniStack's health", "GET", "/_ministack/health", {}, None),
    ("LocalStack's health", "GET", "/_localstack/health", {}, None),
    ("messages in queues", "GET", "/_aws/sqs/messages", {}, None),
    ("mails", "GET", "/_aws/ses", {}, None),
    ("metadata of a machine", "GET", "/latest/meta-data/iam/security-credentials/", {}, None),
    ("another host", "GET", "/", {"Host": "evil.example"}, None),
    ("a host below ours", "GET", "/", {"Host": "x.localhost"}, None),
    ("an API's host", "GET", "/", {"Host": "abcdefghij.execute-api.localhost"}, None),
    ("an address by its old path", "GET", "/restapis/abcdefghij/prod/_user_request_/", {}, None),
    ("tables of S3", "GET", "/iceberg/v1/config", {}, None),
    ("a preflight", "OPTIONS", "/2015-03-31/functions/",
     {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}, None),
]


def attempt(address, method, path, headers, body):
    """Status, headers that let web pages read, and text of the answer to one attempt."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        opened = [name for name, _ in answer.getheaders() if name.lower().startswith(
            "access-control-")]
        return answer.status, opened, answer.read().decode("utf-8", "replace")
    finally:
        connection.close()


if __name__ == "__main__":
    print(json.dumps([[name, *attempt(sys.argv[1], *asked)] for name, *asked in ATTEMPTS]))
