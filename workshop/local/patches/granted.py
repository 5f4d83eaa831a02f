"""A service does to a function, queue or topic what its policy, or the role it takes, allows.

MiniStack lets every API, URL, rule, bucket and topic run every function. What AWS shows of a
missing permission is shown here, at the same place: an API's 500, a URL's 403, a notification that
is refused, an event that is dropped.
"""
import json
import logging
import re

from workshop.local import gate
from workshop.local.addresses import ACCOUNT, REGION
from workshop.local.patches import access_logs, metrics
from workshop.local.patches.gateway import JSON
from workshop.local.permissions import callers, decision, grants, passed
from workshop.local.permissions.actions import Need, function_arn
from workshop.local.signatures import Caller

URL_FORBIDDEN = {"Message": "Forbidden. For troubleshooting Function URL authorization issues, "
                 "see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}
URL_ACTIONS = {     # both are needed since October 2025 (Lambda developer guide, urls-auth)
    "lambda:InvokeFunctionUrl": "lambda:FunctionUrlAuthType",
    "lambda:InvokeFunction": "lambda:InvokedViaFunctionUrl"}
# What an HTTP API's access log says of it.
NO_PERMISSION = "The IAM role configured on the integration or API Gateway doesn't have " \
    "permissions to call the integration. Check the permissions and try again."
logger = logging.getLogger(__name__)


def apply(port: int) -> None:
    """Wrap what in MiniStack hands events to functions, queues and topics."""
    from ministack.services import apigateway, apigateway_v1, eventbridge, lambda_svc, s3, sns
    for name in ("_create_integration", "_update_integration"):
        setattr(apigateway, name, with_role(getattr(apigateway, name)))
    apigateway._invoke_lambda_proxy = http_api(apigateway._invoke_lambda_proxy)
    apigateway._invoke_request_authorizer_lambda = authorizer(
        apigateway._invoke_request_authorizer_lambda)
    for name in ("_invoke_lambda_proxy_v1", "_invoke_lambda_custom_v1"):
        setattr(apigateway_v1, name, rest_api(getattr(apigateway_v1, name)))
    apigateway_v1._invoke_authorizer_lambda = authorizer(apigateway_v1._invoke_authorizer_lambda)
    lambda_svc.handle_function_url_request = function_url(lambda_svc.handle_function_url_request)
    lambda_svc._iter_all_esms = readable(lambda_svc._iter_all_esms)
    eventbridge._invoke_target = target(eventbridge._invoke_target)
    s3._validate_notification_configs = notification(s3._validate_notification_configs)
    s3._deliver_event_to_lambda = from_bucket(s3._deliver_event_to_lambda)
    sns._deliver_to_lambda = from_topic(sns._deliver_to_lambda)


def full_arn(reference: str, region: str = REGION) -> str:
    """ARN of the function that a name, an ARN or an integration's address means."""
    inner = re.search(r"/functions/(arn:[^/]+)/invocations", reference)
    arn = inner.group(1) if inner else reference
    return arn if arn.startswith("arn:") else function_arn(arn, region)


# ---------------------------------------------------------------- APIs

def gateway_may(function: str, api: str, behind: str, role: str | None, region: str) -> bool:
    """Whether an API may invoke a function: by its policy, or as the role that is named.

    behind: what follows the API's id in its ARN, STAGE/METHOD/PATH or authorizers/ID.
    """
    arn = full_arn(function, region)
    if role:
        return grants.trusts(role, grants.GATEWAY) and grants.role_may(
            role, "lambda:InvokeFunction", arn)
    return grants.may_invoke(grants.GATEWAY, arn,
                             f"arn:aws:execute-api:{region}:{ACCOUNT}:{api}/{behind}")


def with_role(store):
    """An HTTP API's integration keeps the role that it is called with; MiniStack drops it."""
    def stored(api_id, *arguments):
        from ministack.services import apigateway
        answer, role = store(api_id, *arguments), arguments[-1].get("credentialsArn")
        if role is None or answer[0] >= 400:
            return answer
        made = apigateway._integrations[api_id][json.loads(answer[2])["integrationId"]]
        made["credentialsArn"] = role
        return apigateway._apigw_response(made, answer[0])
    return stored


def http_api(invoke_proxy):
    """An HTTP API that may not invoke its function answers Internal Server Error."""
    async def invoke(integration, api_id, stage, path, method, *arguments, **options):
        key = (arguments[3:4] or [options.get("route_key", "$default")])[0]
        verb, _, route = key.partition(" ")
        behind = f"{stage}/{method if verb == 'ANY' else verb}{route}"
        if not gateway_may(integration.get("integrationUri", ""), api_id, behind,
                           integration.get("credentialsArn"), options.get("owner_region")
                           or REGION):
            access_logs.failed(NO_PERMISSION, None)
            return 500, dict(JSON), b'{"message":"Internal Server Error"}'
        return await invoke_proxy(integration, api_id, stage, path, method, *arguments, **options)
    return invoke


def rest_api(invoke_proxy):
    """A REST API does the same, in its own words."""
    async def invoke(integration, api_id, stage_name, stage, resource, path, method, *arguments,
                     **options):
        from ministack.services import apigateway_v1
        behind = f"{stage_name}/{method}{resource['path']}"
        if not gateway_may(integration.get("uri", ""), api_id, behind,
                           integration.get("credentials"), options.get("owner_region") or REGION):
            access_logs.failed("Execution failed due to configuration error: Invalid permissions "
                               "on Lambda function", None)
            return apigateway_v1._gw_error("API_CONFIGURATION_ERROR", "Internal server error")
        return await invoke_proxy(integration, api_id, stage_name, stage, resource, path, method,
                                  *arguments, **options)
    return invoke


def authorizer(invoke_authorizer):
    """An authorizer that the API may not invoke is one that failed."""
    async def invoke(authorizer, event, account_id, region):
        api = (event.get("routeArn") or event.get("methodArn") or "").split(":")[-1].split("/")[0]
        number = authorizer.get("authorizerId") or authorizer.get("id")
        role = authorizer.get("authorizerCredentialsArn") or authorizer.get("authorizerCredentials")
        if not gateway_may(authorizer.get("authorizerUri", ""), api, f"authorizers/{number}", role,
                           region or REGION):
            return None
        return await invoke_authorizer(authorizer, event, account_id, region)
    return invoke


# ---------------------------------------------------------------- function URLs

def function_url(handle):
    """A URL lets in whom the function's policy, or with AWS_IAM the caller's own, allows."""
    async def handle_allowed(url_id, method, path, headers, body, query_params, **options):
        from ministack.services import lambda_svc
        found = options.get("resolved") or lambda_svc.resolve_function_url(url_id)
        preflight = method == "OPTIONS" and found and found[-1].get("Cors")
        if found and not preflight and not url_allows(*found[1:]):
            return 403, {"Content-Type": "application/json",
                         "x-amzn-ErrorType": "AccessDeniedException"}, json.dumps(
                             URL_FORBIDDEN).encode()
        return await handle(url_id, method, path, headers, body, query_params, **options)
    return handle_allowed


def url_allows(region: str, function: str, qualifier: str | None, settings: dict) -> bool:
    """Whether the request that is being answered may pass a function URL."""
    arn, kind = function_arn(function, region, qualifier), settings.get("AuthType")
    values = {"lambda:FunctionUrlAuthType": kind, "lambda:InvokedViaFunctionUrl": "true"}
    caller = gate.signer.get()
    if kind != "AWS_IAM":
        policy = (decision.resource_policy(arn) or [None])[0]
        return all(grants.service_may("*", action, arn, policy, "", **{key: values[key]})
                   for action, key in URL_ACTIONS.items())
    if not isinstance(caller, Caller):
        return False
    who = callers.principal(caller)
    return all(decision.decide(who, Need(action, arn, {key: values[key]}),
                               region).decision == "Allow" for action, key in URL_ACTIONS.items())


# ---------------------------------------------------------------- events

def target(invoke_target):
    """A rule's target that EventBridge may not reach: the event is dropped, and counted."""
    def invoke(aim, event, rule, *arguments, **options):
        arn, source = aim.get("Arn", ""), rule.get("Arn", "")
        if may_reach(arn, source, aim.get("RoleArn")):
            return invoke_target(aim, event, rule, *arguments, **options)
        logger.warning("EventBridge: %s may not reach %s; the event is dropped", source, arn)
        if source.split(":")[2:3] == ["events"]:
            metrics.record("AWS/Events", [{"RuleName": rule.get("Name", "")}],
                           [("FailedInvocations", 1, "Count")])
        else:       # a schedule's ARN ends with GROUP/NAME
            metrics.record("AWS/Scheduler", [{"ScheduleGroup": source.split("/")[-2]}],
                           [("TargetErrorCount", 1, "Count")])
        return None
    return invoke


def may_reach(arn: str, source: str, role: str | None) -> bool:
    """Whether a rule or schedule (source) may hand an event to a function, queue or topic."""
    from ministack.services import sns, sqs
    service = arn.split(":")[2] if arn.startswith("arn:") else ""
    if source.split(":")[2:3] == ["scheduler"]:
        return role is None or grants.trusts(role, "scheduler.amazonaws.com", source) \
            and passed.may_send(role, arn)
    if service == "lambda":
        return grants.may_invoke("events.amazonaws.com", arn, source)
    if service == "sqs":
        return sqs.queue_policy_allows(arn, "events.amazonaws.com", source, ACCOUNT)
    return service != "sns" or sns.topic_policy_allows(arn, "events.amazonaws.com", source, ACCOUNT)


def notification(validate):
    """A bucket's notification to a function that S3 may not invoke is refused."""
    def validate_functions(configs, bucket_region, bucket_name="", skip=False):
        from ministack.services import s3
        error, source = validate(configs, bucket_region, bucket_name, skip), \
            f"arn:aws:s3:::{bucket_name}"
        closed = not error and not skip and any(
            one["type"] == "lambda" and not grants.may_invoke("s3.amazonaws.com", one["arn"],
                                                              source) for one in configs)
        return error or (s3._invalid_notification_config(
            "Unable to validate the following destination configurations") if closed else None)
    return validate_functions


def from_bucket(deliver):
    def deliver_allowed(arn, event, bucket_region):
        source = event["Records"][0]["s3"]["bucket"]["arn"]
        if grants.may_invoke("s3.amazonaws.com", arn, source):
            return deliver(arn, event, bucket_region)
        return logger.warning("S3: %s may not invoke %s", source, arn)
    return deliver_allowed


def from_topic(deliver):
    def deliver_allowed(function, envelope, topic, *arguments):
        if grants.may_invoke("sns.amazonaws.com", function, topic):
            return deliver(function, envelope, topic, *arguments)
        metrics.record("AWS/SNS", [{"TopicName": topic.rpartition(":")[2]}],
                       [("NumberOfNotificationsFailed", 1, "Count")])
        return logger.warning("SNS: %s may not invoke %s", topic, function)
    return deliver_allowed


def readable(mappings):
    """Lambda polls a queue while the function's role lets it."""
    def readable_ones():
        for account, region, one in mappings():
            queue = one.get("EventSourceArn", "")
            config = passed.configuration(one["FunctionName"])
            if queue.split(":")[2:3] != ["sqs"] or not config or all(
                    grants.role_may(config["Role"], f"sqs:{name}", queue) for name in passed.READ):
                yield account, region, one
    return readable_ones
