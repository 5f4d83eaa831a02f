"""Wrong answers to the exercises of lesson 06, each with words of its diagnosis; and right ones."""

RIGHT = """\
expected = {"a good customer": 200, "contract is 'forever'": 400, "tenure is missing": 400,
            "not JSON": 400, "GET instead of POST": 404, "path misspelt": 404,
            "stage in the path": 404}
"""

ROUTE = """\
gateway.create_route(
    ApiId=api_id, RouteKey="GET /predict", Target=f"integrations/{integration_id}")
"""


def allow(arn):
    """Code that adds a permission for the ARN."""
    return f"""\
lambda_.add_permission(
    FunctionName=NAME, StatementId="get-predict", Action="lambda:InvokeFunction",
    Principal="apigateway.amazonaws.com", SourceArn=f"{arn}")
"""


def cors(origins, headers='["content-type", "authorization"]'):
    """Code that sets the CORS configuration."""
    return (f'cors = {{"AllowOrigins": {origins}, "AllowMethods": ["POST"], '
            f'"AllowHeaders": {headers}}}')


WRONG = [
    ("Exercise 1", "...", "no status code yet"),
    ("Exercise 1", RIGHT + 'expected["GET instead of POST"] = 405', "405 would need a program"),
    ("Exercise 1", RIGHT + 'expected["tenure is missing"] = 404', "the route fits"),
    ("Exercise 1", RIGHT + 'expected["stage in the path"] = 200', "no route fits"),
    ("Exercise 2", "...", "'GET /predict' is not one of them"),
    ("Exercise 2", ROUTE.replace("GET", "PUT"), "'GET /predict' is not one of them"),
    ("Exercise 2", ROUTE, "no statement lets this API call the function"),
    ("Exercise 2", ROUTE.replace("{integration_id}", "{probe_integration}")
     + allow("{execute_api}/*/GET/predict"), "not the churn function's integration"),
    ("Exercise 2", ROUTE + allow("{execute_api}/*/POST/predict"), "no statement lets this API"),
    ("Exercise 2", ROUTE + allow("{execute_api}/*/*/predict"), "too wide"),
    ("Exercise 2", ROUTE + allow("{execute_api}/*"), "too wide"),
    ("Exercise 3", "...", "cors is still empty"),
    ("Exercise 3", cors('["http://localhost:3000"]'), "update_api has replaced"),
    ("Exercise 3", cors('["*"]'), "too wide"),
    ("Exercise 3", cors('["https://shop.example", "http://localhost:3000"]', '["content-type"]'),
     "may not send the header authorization"),
]

RIGHT = [
    ("Exercise 1", """\
for name in expected:
    expected[name] = 400
expected["a good customer"] = 200
for name in ("GET instead of POST", "path misspelt", "stage in the path"):
    expected[name] = 404"""),
    ("Exercise 1", """\
from http import HTTPStatus
expected = {"a good customer": HTTPStatus.OK, "contract is 'forever'": HTTPStatus.BAD_REQUEST,
            "tenure is missing": HTTPStatus.BAD_REQUEST, "not JSON": HTTPStatus.BAD_REQUEST,
            "GET instead of POST": HTTPStatus.NOT_FOUND, "path misspelt": HTTPStatus.NOT_FOUND,
            "stage in the path": HTTPStatus.NOT_FOUND}"""),
    ("Exercise 1", 'expected.update(zip(tries, [200, 400, 400, 400, 404, 404, 404]))'),
    ("Exercise 2", """\
route = "GET /predict"
gateway.create_route(ApiId=api_id, RouteKey=route, AuthorizationType="NONE",
                     Target="integrations/" + integration_id)
lambda_.add_permission(
    FunctionName=NAME, StatementId="another-name", Action="lambda:InvokeFunction",
    Principal="apigateway.amazonaws.com", SourceArn=execute_api + "/*/GET/predict")"""),
    ("Exercise 2", """\
permission = dict(FunctionName=NAME, StatementId="read", Action="lambda:InvokeFunction",
                  Principal="apigateway.amazonaws.com",
                  SourceArn="/".join([execute_api, "*", "GET", "predict"]))
lambda_.add_permission(**permission)
gateway.create_route(ApiId=api_id, RouteKey="GET /predict",
                     Target=f"integrations/{integration_id}")"""),
    ("Exercise 2", """\
target = [route["Target"] for route in gateway.get_routes(ApiId=api_id)["Items"]
          if route["RouteKey"] == "POST /predict"][0]
gateway.create_route(ApiId=api_id, RouteKey="GET /predict", Target=target)
lambda_.add_permission(
    FunctionName=NAME, StatementId="get", Action="lambda:InvokeFunction",
    Principal="apigateway.amazonaws.com", SourceArn=f"{execute_api}/*/GET/predict")"""),
    ("Exercise 3", """\
cors = dict(AllowMethods=["POST"], AllowHeaders=["authorization", "content-type"],
            AllowOrigins=["http://localhost:3000", "https://shop.example"])"""),
    ("Exercise 3", """\
cors = {"AllowOrigins": ["https://shop.example", "http://localhost:3000"],
        "AllowMethods": ["POST"], "AllowHeaders": ["Content-Type", "Authorization"]}"""),
    ("Exercise 3", """\
cors["AllowOrigins"] = ["https://shop.example"] + ["http://localhost:3000"]
cors["AllowMethods"] = ["POST", "OPTIONS"]
cors["AllowHeaders"] = "content-type authorization".split()
cors["MaxAge"] = 60"""),
]
