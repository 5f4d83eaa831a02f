"""APIs answer as AWS's: access logs, payload format 1.0, quick create, time-outs, stacks."""
import base64
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import requests
from botocore.exceptions import ClientError

from waiting import until
from workshop import cloud
from workshop.local.patches import access_logs, gateway, granted, payloads, rest_apis

ACCOUNT, REGION = "012345678912", "us-east-1"
GATEWAY = "apigateway.amazonaws.com"


class Http:
    """An HTTP API in front of a function, with the route `POST /x/{name}`."""

    def __init__(self, aws, function, name, version="2.0", stage="$default", **settings):
        self.client, self.stage = aws("apigatewayv2"), stage
        self.id = self.client.create_api(Name=name, ProtocolType="HTTP", **settings)["ApiId"]
        self.integration = self.client.create_integration(
            ApiId=self.id, IntegrationType="AWS_PROXY", IntegrationUri=function.arn,
            PayloadFormatVersion=version)["IntegrationId"]
        self.client.create_route(ApiId=self.id, RouteKey="POST /x/{name}",
                                 Target=f"integrations/{self.integration}")
        self.client.create_stage(ApiId=self.id, StageName=stage, AutoDeploy=True)
        base = f"{cloud.url()}/_aws/execute-api/{self.id}"
        self.url = base + ("" if stage == "$default" else f"/{stage}")

    def ask(self, path="/x/a", headers=None, **event):
        return requests.post(self.url + path, json=event, headers=headers)


@pytest.fixture
def new_api(aws, probe):
    """`new_api(**settings)` makes an HTTP API in front of the probe, which it may invoke."""
    made = []

    def make(function=probe, permit=True, **settings):
        api = Http(aws, function, f"workshop-test-{len(made)}", **settings)
        made.append((function, api))
        if permit:
            function.client.add_permission(
                FunctionName=function.name, StatementId=f"api-{api.id}", Principal=GATEWAY,
                Action="lambda:InvokeFunction",
                SourceArn=f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api.id}/*")
        return api
    yield make
    for function, api in made:
        api.client.delete_api(ApiId=api.id)
        with suppress(ClientError):
            function.client.remove_permission(FunctionName=function.name,
                                              StatementId=f"api-{api.id}")


@pytest.fixture
def rest_api(aws, probe):
    """A REST API with `POST /x` in front of the probe: (client, its parameters, address)."""
    client = aws("apigateway")
    api = client.create_rest_api(name="workshop-test")
    resource = client.create_resource(restApiId=api["id"], parentId=api["rootResourceId"],
                                      pathPart="x")["id"]
    there = {"restApiId": api["id"], "resourceId": resource, "httpMethod": "POST"}
    client.put_method(**there, authorizationType="NONE")
    client.put_integration(**there, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri(probe))
    client.create_deployment(restApiId=api["id"], stageName="prod")
    probe.permit(GATEWAY, f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api['id']}/*")
    yield client, there, f"{cloud.url()}/_aws/execute-api/{api['id']}/prod/x"
    client.delete_rest_api(restApiId=api["id"])
    probe.client.remove_permission(FunctionName=probe.name, StatementId="apigateway")


def uri(function):
    return (f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function.arn}"
            "/invocations")


# ---------------------------------------------------------------- access logs

@pytest.fixture
def log(aws):
    """A log group: (its name, its ARN, `read(n)` waits for n lines)."""
    logs, name = aws("logs"), "/workshop-test/access"
    logs.create_log_group(logGroupName=name)

    def read(count):
        def lines():
            return [one["message"] for one in logs.filter_log_events(logGroupName=name)["events"]]
        until(lambda: len(lines()) >= count, f"{count} lines of access", 10)
        return lines()
    yield name, f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}", read
    logs.delete_log_group(logGroupName=name)


JSON = json.dumps({name: f"$context.{name}" for name in (
    "requestId", "identity.sourceIp", "requestTime", "httpMethod", "routeKey", "path", "status",
    "protocol", "responseLength", "integrationErrorMessage", "integration.error",
    "integrationStatus", "integration.status", "error.message", "stage", "apiId", "none.such")})
CLF = '$context.identity.sourceIp - - [$context.requestTime] "$context.httpMethod ' \
      '$context.routeKey $context.protocol" $context.status $context.responseLength ' \
      '$context.requestId $context.integrationErrorMessage'


def test_a_stage_writes_a_line_for_each_request(new_api, log):
    api, (_, arn, read) = new_api(), log
    api.client.update_stage(ApiId=api.id, StageName="$default",
                            AccessLogSettings={"DestinationArn": arn, "Format": JSON})
    answer = api.ask(answer={"statusCode": 201, "body": "äh"})
    lost = requests.get(api.url + "/none")
    first, second = map(json.loads, read(2))
    assert re.fullmatch(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000", first.pop("requestTime"))
    assert first.pop("requestId") == answer.headers["apigw-requestid"]
    assert first == {
        "identity.sourceIp": "127.0.0.1", "httpMethod": "POST", "routeKey": "POST /x/{name}",
        "path": "/x/a", "status": "201", "protocol": "HTTP/1.1", "responseLength": "3",
        "integrationErrorMessage": "-", "integration.error": "-", "integrationStatus": "200",
        "integration.status": "201", "error.message": "-", "stage": "$default", "apiId": api.id,
        "none.such": "-"}
    assert (second["status"], second["routeKey"], second["responseLength"]) == (
        "404", "-", str(len(lost.content)))
    assert (second["error.message"], second["integrationStatus"]) == ("Not Found", "-")


def test_the_function_sees_the_request_id_of_the_line(new_api, log):
    api, (_, arn, read) = new_api(), log
    api.client.update_stage(ApiId=api.id, StageName="$default", AccessLogSettings={
        "DestinationArn": arn + ":*", "Format": "$context.requestId"})
    event = api.ask().json()["event"]
    assert read(1) == [event["requestContext"]["requestId"]]


@pytest.mark.parametrize("event, permit, status, words", [
    ({"raise": "no"}, True, 500, "The Lambda function returned the following error: no. Check your "
                                 "Lambda function code and try again."),
    ({"answer": {"headers": 1}}, True, 500, payloads.MALFORMED),
    ({}, False, 500, granted.NO_PERMISSION)])
def test_a_line_says_what_went_wrong_in_the_common_log_format(new_api, log, event, permit, status,
                                                              words):
    api, (_, arn, read) = new_api(permit=permit), log
    api.client.update_stage(ApiId=api.id, StageName="$default",
                            AccessLogSettings={"DestinationArn": arn, "Format": CLF})
    assert api.ask(**event).status_code == status
    line, = read(1)
    found = re.fullmatch(r'127\.0\.0\.1 - - \[.*?\] "POST POST /x/\{name\} HTTP/1\.1" (\d+) (\d+) '
                         r'([\w+/]+=) (.*)', line)
    assert found and found[1] == str(status) and found[4] == words, line


@pytest.fixture
def logging_role(aws):
    """A role that API Gateway may take: `logging_role("logs:*")` lets it do that; its ARN."""
    iam, name = aws("iam"), "workshop-test-gateway-logs"
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": GATEWAY}}]}))
    account = {"op": "replace", "path": "/cloudwatchRoleArn", "value": arn["Role"]["Arn"]}

    def may(action=None):
        if action:
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({
                "Version": "2012-10-17", "Statement": [{
                    "Effect": "Allow", "Action": action, "Resource": "*"}]}))
        aws("apigateway").update_account(patchOperations=[account])
    yield may
    aws("apigateway").update_account(patchOperations=[{**account, "value": ""}])
    with suppress(ClientError):
        iam.delete_role_policy(RoleName=name, PolicyName="p")
    iam.delete_role(RoleName=name)


def test_a_rest_stage_writes_lines_as_the_role_of_the_account(rest_api, log, logging_role):
    (client, there, url), (_, arn, read) = rest_api, log
    settings = {"restApiId": there["restApiId"], "stageName": "prod", "patchOperations": [
        {"op": "replace", "path": "/accessLogSettings/destinationArn", "value": arn},
        {"op": "replace", "path": "/accessLogSettings/format", "value": json.dumps({
            name: f"$context.{name}" for name in (
                "requestId", "httpMethod", "resourcePath", "routeKey", "path", "status",
                "responseLength", "integrationErrorMessage", "error.message")})}]}
    with pytest.raises(ClientError, match="CloudWatch Logs role ARN must be set"):
        client.update_stage(**settings)
    logging_role()
    client.update_stage(**settings)
    requests.post(url, json={"answer": {}})     # the role may not write yet: no line
    logging_role("logs:*")
    requests.post(url, json={"answer": {"body": "ok"}})
    requests.post(url, json={"raise": "no"})
    requests.get(url)
    good, bad, unknown = map(json.loads, read(3))
    assert len(good.pop("requestId")) == 36
    assert good == {"httpMethod": "POST", "resourcePath": "/x", "routeKey": "-", "path": "/prod/x",
                    "status": "200", "responseLength": "2", "integrationErrorMessage": "-",
                    "error.message": "-"}
    assert bad["status"] == "502" and "customer function error: no" in bad[
        "integrationErrorMessage"]
    assert (unknown["status"], unknown["error.message"]) == ("403", "Missing Authentication Token")


def test_a_role_that_api_gateway_may_not_take_is_refused(aws, role):
    with pytest.raises(ClientError, match="grant trust permission for API Gateway"):
        aws("apigateway").update_account(patchOperations=[
            {"op": "replace", "path": "/cloudwatchRoleArn", "value": role}])


def test_a_line_names_what_an_authorizer_refused(new_api, log):
    api, (_, arn, read) = new_api(), log
    route, = api.client.get_routes(ApiId=api.id)["Items"]
    api.client.update_route(ApiId=api.id, RouteId=route["RouteId"], AuthorizationType="AWS_IAM")
    api.client.update_stage(ApiId=api.id, StageName="$default", AccessLogSettings={
        "DestinationArn": arn, "Format": "$context.status $context.integrationStatus "
        "$context.error.message $context.error.responseType $context.authorizer.error"})
    assert api.ask().status_code == 403
    assert read(1) == [f"403 - Forbidden ACCESS_DENIED {access_logs.NO_SIGNATURE}"]


@pytest.mark.parametrize("form, known, meant", [
    ("$context.status", {"status": 200}, "200"), ("$context.status.", {"status": 200}, "200."),
    ("$context.status-$context.stage", {"status": 200}, "200--"),
    ("$context", {}, "$context"), ("$contextual", {}, "$contextual"),
    ("$context.authorizer.ok", {"authorizer.ok": True}, "true"),
    ("$context.routeKey", {"routeKey": ""}, "-"), ("$context.stage", {"stage": "$default"},
                                                   "$default")])
def test_a_format_is_filled_in(form, known, meant):
    assert access_logs.line(form, known) == meant


# ---------------------------------------------------------------- payload format 1.0

def test_format_1_0_sends_its_event(new_api):
    api = new_api(version="1.0", stage="prod")
    event = api.ask("/x/a?q=1&q=2", {"Cookie": "a=1; b=2"}, answer={}).json()
    context, headers = event.pop("requestContext"), event.pop("headers")
    assert event.pop("multiValueHeaders") == {name: [text] for name, text in headers.items()}
    assert json.loads(event.pop("body")) == {"answer": event.pop("answer")}
    assert event == {
        "version": "1.0", "resource": "/x/{name}", "path": "/prod/x/a", "httpMethod": "POST",
        "queryStringParameters": {"q": "2"}, "multiValueQueryStringParameters": {"q": ["1", "2"]},
        "pathParameters": {"name": "a"}, "stageVariables": None, "isBase64Encoded": False}
    assert headers["Content-Type"] == "application/json" and headers["cookie"] == "a=1; b=2"
    assert {"Host", "User-Agent", "Content-Length"} <= set(headers)
    assert context["identity"]["sourceIp"] == "127.0.0.1" and "authorizer" not in context
    assert {name: context[name] for name in ("httpMethod", "path", "resourceId", "resourcePath",
                                             "stage", "apiId", "protocol")} == {
        "httpMethod": "POST", "path": "/prod/x/a", "resourceId": "POST /x/{name}",
        "resourcePath": "/x/{name}", "stage": "prod", "apiId": api.id, "protocol": "HTTP/1.1"}
    assert context["requestId"] == context["extendedRequestId"]


def test_format_2_0_has_cookies_in_a_list(new_api):
    event = new_api().ask(headers={"Cookie": "a=1; b=2"}).json()["event"]
    assert event["cookies"] == ["a=1", "b=2"] and "cookie" not in event["headers"]


def test_format_1_0_reads_its_response(new_api):
    cors = {"AllowOrigins": ["https://shop.example"], "AllowMethods": ["POST"]}
    api = new_api(version="1.0", CorsConfiguration=cors)
    answer = api.ask(headers={"Origin": "https://shop.example"}, answer={
        "statusCode": 202, "isBase64Encoded": True, "body": base64.b64encode(b"\xff").decode(),
        "headers": {"Content-Type": "image/png", "access-control-allow-origin": "https://x.example",
                    "X-A": "1"},
        "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]}, "cookies": ["c=3"]})
    assert (answer.status_code, answer.content) == (202, b"\xff")
    assert answer.headers["Content-Type"] == "image/png" and answer.headers["X-A"] == "1"
    assert answer.cookies.get_dict() == {"a": "1", "b": "2"}
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"


def test_format_1_0_infers_no_response(new_api):
    """In format 2.0 an answer without a status is the body; in 1.0 it is malformed."""
    assert new_api(version="2.0").ask().status_code == 200
    for event in ({}, {"raise": "secret"}):
        answer = new_api(version="1.0").ask(**event)
        assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})


# ---------------------------------------------------------------- quick create

def test_quick_create_makes_route_integration_and_stage(aws, probe):
    client = aws("apigatewayv2")
    made = client.create_api(Name="workshop-test-quick", ProtocolType="HTTP", Target=probe.arn)
    api = made["ApiId"]
    try:
        route, = client.get_routes(ApiId=api)["Items"]
        integration, = client.get_integrations(ApiId=api)["Items"]
        stage, = client.get_stages(ApiId=api)["Items"]
        assert route["RouteKey"] == "$default"
        assert route["Target"] == f"integrations/{integration['IntegrationId']}"
        assert (integration["IntegrationType"], integration["IntegrationUri"]) == (
            "AWS_PROXY", probe.arn)
        assert integration["PayloadFormatVersion"] == "2.0"
        assert (stage["StageName"], stage["AutoDeploy"]) == ("$default", True)
        assert all(one["ApiGatewayManaged"] for one in (route, integration, stage))
        url = made["ApiEndpoint"] + "/any/path"
        assert requests.get(url).status_code == 500         # the permission is not made with it
        probe.permit(GATEWAY, f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/*")
        assert requests.get(url).json()["event"]["routeKey"] == "$default"
    finally:
        client.delete_api(ApiId=api)
        with suppress(ClientError):
            probe.client.remove_permission(FunctionName=probe.name, StatementId="apigateway")


def test_quick_create_takes_a_route_key_and_an_address(aws):
    client = aws("apigatewayv2")
    api = client.create_api(Name="workshop-test-quick", ProtocolType="HTTP", RouteKey="GET /x",
                            Target="https://shop.example")["ApiId"]
    route, integration = (call(ApiId=api)["Items"][0]
                          for call in (client.get_routes, client.get_integrations))
    client.delete_api(ApiId=api)
    assert route["RouteKey"] == "GET /x"
    assert (integration["IntegrationType"], integration["IntegrationMethod"]) == (
        "HTTP_PROXY", "ANY")


def test_an_integration_is_called_as_its_role(aws, probe, new_api):
    iam, role = aws("iam"), "workshop-test-gateway-calls"
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": GATEWAY}}]}))
    api = new_api(permit=False)
    try:
        kept = api.client.update_integration(ApiId=api.id, IntegrationId=api.integration,
                                             CredentialsArn=arn["Role"]["Arn"])
        assert kept["CredentialsArn"] == arn["Role"]["Arn"]
        assert api.ask().status_code == 500
        iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=json.dumps({
            "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": probe.arn}]}))
        assert api.ask().status_code == 200
    finally:
        with suppress(ClientError):
            iam.delete_role_policy(RoleName=role, PolicyName="p")
        iam.delete_role(RoleName=role)


# ---------------------------------------------------------------- time-outs

HTTP_LATE = (503, {"message": "Service Unavailable"})
REST_LATE = (504, {"message": "Endpoint request timed out"})


def test_an_integration_has_the_time_that_it_says(new_api, rest_api):
    api = new_api()
    api.client.update_integration(ApiId=api.id, IntegrationId=api.integration, TimeoutInMillis=500)
    client, there, url = rest_api
    client.update_integration(**there, patchOperations=[
        {"op": "replace", "path": "/timeoutInMillis", "value": "500"}])
    client.create_deployment(restApiId=there["restApiId"], stageName="prod")
    api.ask(answer={})                                  # the environment is there
    for address, late in ((api.url + "/x/a", HTTP_LATE), (url, REST_LATE)):
        answer = requests.post(address, json={"sleep": 2.5, "answer": {}})
        assert (answer.status_code, answer.json()) == late
        assert 0.5 <= answer.elapsed.total_seconds() < 2.5


@pytest.mark.parametrize("asked, most, seconds", [
    ({}, gateway.HTTP_TIMEOUT, 30), ({}, rest_apis.TIMEOUT, 29),
    ({"timeoutInMillis": 50}, gateway.HTTP_TIMEOUT, 0.05),
    ({"timeoutInMillis": 60_000}, rest_apis.TIMEOUT, 29)])
def test_the_most_is_30_seconds_and_29(asked, most, seconds):
    assert gateway.patience(asked, most) == seconds


def test_apis_give_up_after_30_and_29_seconds(new_function, new_api, rest_api):
    """The real figures; both APIs are asked at the same time."""
    slow = new_function(Timeout=40)
    api = new_api(function=slow)
    client, there, url = rest_api
    slow.permit(GATEWAY, f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{there['restApiId']}/*")
    client.delete_integration(**there)
    client.put_integration(**there, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri(slow))
    client.create_deployment(restApiId=there["restApiId"], stageName="prod")

    def timed(ask):
        began = time.monotonic()
        answer = ask()
        return (answer.status_code, answer.json()), time.monotonic() - began
    with ThreadPoolExecutor(2) as pool:
        http, rest = pool.map(timed, (
            lambda: api.ask(sleep=33, answer={}),
            lambda: requests.post(url, json={"sleep": 33, "answer": {}})))
    assert http[0] == HTTP_LATE and 30 <= http[1] < 33
    assert rest[0] == REST_LATE and 29 <= rest[1] < 33


# ---------------------------------------------------------------- stacks

INLINE = "def handler(event, context):\n    return {'statusCode': 200, 'body': event['routeKey']}\n"
SAM = {"Transform": "AWS::Serverless-2016-10-31", "Resources": {
    "Api": {"Type": "AWS::Serverless::HttpApi", "Properties": {
        "StageName": "prod", "CorsConfiguration": {
            "AllowOrigins": ["https://shop.example"], "AllowMethods": ["GET"]}}},
    "Function": {"Type": "AWS::Serverless::Function", "Properties": {
        "Runtime": "python3.13", "Handler": "index.handler", "InlineCode": INLINE, "Timeout": 30,
        "Events": {
            "Get": {"Type": "HttpApi", "Properties": {
                "ApiId": {"Ref": "Api"}, "Method": "GET", "Path": "/x/{name}"}},
            "Closed": {"Type": "HttpApi", "Properties": {
                "ApiId": {"Ref": "Api"}, "Method": "POST", "Path": "/x",
                "Auth": {"Authorizer": "AWS_IAM"}}},
            "Rest": {"Type": "HttpApi"}}}}},
    "Outputs": {"Api": {"Value": {"Ref": "Api"}}, "Function": {"Value": {"Ref": "Function"}},
                "Implicit": {"Value": {"Ref": "ServerlessHttpApi"}}}}
SAM["Resources"]["Api"]["Properties"]["Auth"] = {"EnableIamAuthorizer": True}


@pytest.fixture
def stack(aws):
    """`stack(template)` makes it and returns (status, outputs, reasons of what failed)."""
    client, name = aws("cloudformation"), "workshop-test-apis"

    def delete():
        client.delete_stack(StackName=name)
        client.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})

    def make(template, change="create", again=False):
        if again:
            delete()
        getattr(client, f"{change}_stack")(
            StackName=name, TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
        until(lambda: not status().endswith("PROGRESS"), "the stack is ready", 60)
        found = client.describe_stacks(StackName=name)["Stacks"][0]
        reasons = [one.get("ResourceStatusReason", "")
                   for one in client.describe_stack_events(StackName=name)["StackEvents"]
                   if one["ResourceStatus"].endswith("FAILED")]
        return found["StackStatus"], {one["OutputKey"]: one["OutputValue"]
                                      for one in found.get("Outputs", [])}, reasons

    def status():
        return client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    yield make
    delete()


def test_sams_http_api_has_the_routes_of_its_functions(stack):
    status, outputs, reasons = stack(SAM)
    assert status == "CREATE_COMPLETE", reasons
    base = f"{cloud.url()}/_aws/execute-api"
    api = f"{base}/{outputs['Api']}/prod"
    answer = requests.get(f"{api}/x/a", headers={"Origin": "https://shop.example"})
    assert (answer.status_code, answer.text) == (200, "GET /x/{name}")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert requests.get(f"{api}/none").status_code == 404
    assert requests.post(f"{api}/x").status_code == 403         # AWS_IAM, and no signature
    assert requests.get(f"{base}/{outputs['Implicit']}/any").text == "$default"


def test_a_changed_body_changes_the_routes(stack):
    status, outputs, _ = stack(SAM)
    changed = json.loads(json.dumps(SAM))
    changed["Resources"]["Function"]["Properties"]["Events"]["Get"]["Properties"]["Path"] = "/y"
    status, again, reasons = stack(changed, "update")
    assert (status, again["Api"]) == ("UPDATE_COMPLETE", outputs["Api"]), reasons
    api = f"{cloud.url()}/_aws/execute-api/{outputs['Api']}/prod"
    assert requests.get(f"{api}/y").text == "GET /y"
    assert requests.get(f"{api}/x/a").status_code == 404


def test_sams_rest_api_writes_its_log_with_the_accounts_role(stack, log, logging_role):
    _, arn, read = log
    template = {"Transform": SAM["Transform"], "Resources": {
        "Api": {"Type": "AWS::Serverless::Api", "Properties": {
            "StageName": "prod", "AccessLogSetting": {
                "DestinationArn": arn, "Format": "$context.resourcePath $context.status"}}},
        "Function": {"Type": "AWS::Serverless::Function", "Properties": {
            "Runtime": "python3.13", "Handler": "index.handler", "Timeout": 30,
            "InlineCode": INLINE.replace("routeKey", "path"),
            "Events": {"Get": {"Type": "Api", "Properties": {
                "RestApiId": {"Ref": "Api"}, "Method": "GET", "Path": "/x"}}}}}},
        "Outputs": {"Api": {"Value": {"Ref": "Api"}}}}
    status, _, reasons = stack(template)
    assert status == "ROLLBACK_COMPLETE"
    assert any("CloudWatch Logs role ARN must be set" in one for one in reasons), reasons
    logging_role("logs:*")
    status, outputs, reasons = stack(template, again=True)
    assert status == "CREATE_COMPLETE", reasons
    url = f"{cloud.url()}/_aws/execute-api/{outputs['Api']}/prod/x"
    assert requests.get(url).text == "/x"
    assert read(1) == ["/x 200"]


def http_api_of(body):
    return {"Resources": {"Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": {
        "openapi": "3.0.1", "info": {"title": "workshop-test-body"}, "paths": body}}}}}


@pytest.mark.parametrize("operation, words", [
    ({}, "the route GET /x: it has no integration"),
    ({"x-amazon-apigateway-integration": {"type": "mock"}}, "not MOCK"),
    ({"x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": "arn:x"},
      "security": [{"nobody": []}]}, "there is no security scheme nobody")])
def test_a_body_that_cannot_be_served_fails_the_stack(aws, stack, operation, words):
    status, _, reasons = stack(http_api_of({"/x": {"get": operation}}))
    assert status == "ROLLBACK_COMPLETE" and any(words in one for one in reasons), reasons
    assert not [one for one in aws("apigatewayv2").get_apis()["Items"]
                if one["Name"] == "workshop-test-body"]


def test_inline_code_is_in_a_file_named_index(aws, stack, role):
    def function(handler):
        return {"Type": "AWS::Lambda::Function", "Properties": {
            "Runtime": "python3.13", "Handler": handler, "Role": role, "Timeout": 30,
            "Code": {"ZipFile": INLINE}}}
    status, outputs, reasons = stack({
        "Resources": {"Good": function("index.handler"), "Bad": function("app.handler")},
        "Outputs": {name: {"Value": {"Ref": name}} for name in ("Good", "Bad")}})
    assert status == "CREATE_COMPLETE", reasons
    good, bad = (json.loads(aws("lambda").invoke(
        FunctionName=outputs[name], Payload=json.dumps({"routeKey": "x"}))["Payload"].read())
        for name in ("Good", "Bad"))
    assert good == {"statusCode": 200, "body": "x"}
    assert bad["errorType"] == "Runtime.ImportModuleError" and "'app'" in bad["errorMessage"]


@pytest.mark.parametrize("gradually, status", [("false", "CREATE_COMPLETE"), ("true", None)])
def test_sam_knows_the_stacks_parameters(stack, role, gradually, status):
    template = {"Transform": "AWS::Serverless-2016-10-31", "Parameters": {
        "Gradually": {"Type": "String", "Default": gradually}}, "Resources": {"One": {
            "Type": "AWS::Serverless::Function", "Properties": {
                "Runtime": "python3.13", "Handler": "index.handler", "Role": role,
                "InlineCode": INLINE, "AutoPublishAlias": "live", "DeploymentPreference": {
                    "Enabled": {"Ref": "Gradually"}, "Type": "AllAtOnce"}}}}}
    if not status:      # the local cloud has no CodeDeploy
        with pytest.raises(ClientError, match="AWS::CodeDeploy::Application"):
            stack(template)
        return
    assert stack(template)[0] == status
