"""`create_api` with `Target` makes an HTTP API that is ready: integration, route and stage.

MiniStack keeps nothing of `Target`. Source: CreateApi, API Gateway V2 API Reference.
"""
import json

MANAGED = {"apiGatewayManaged": True}


def apply(port: int) -> None:
    """Wrap how MiniStack makes HTTP APIs."""
    from ministack.services import apigateway
    apigateway._create_api = with_target(apigateway._create_api)


def with_target(create_api):
    """Make the three things; the function's permission is still the caller's to add."""
    def create(data):
        answer = create_api(data)
        if answer[0] == 201 and data.get("target"):
            add(json.loads(answer[2])["apiId"], data)
        return answer
    return create


def add(api_id: str, data: dict) -> None:
    """Integration, route and stage of a new API. data: CreateApi's parameters."""
    from ministack.services import apigateway
    target = data["target"]
    kind = {"integrationType": "AWS_PROXY", "integrationMethod": "POST",
            "payloadFormatVersion": "2.0"} if target.startswith("arn:") else \
        {"integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "payloadFormatVersion": "1.0"}
    made = json.loads(apigateway._create_integration(api_id, {
        **kind, "integrationUri": target,
        "credentialsArn": data.get("credentialsArn")})[2])["integrationId"]
    apigateway._create_route(api_id, {"routeKey": data.get("routeKey") or "$default",
                                      "target": f"integrations/{made}"})
    apigateway._create_stage(api_id, {"stageName": "$default", "autoDeploy": True})
    for table in (apigateway._integrations, apigateway._routes, apigateway._stages):
        for one in table[api_id].values():
            one.update(MANAGED)
