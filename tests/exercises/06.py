"""Wrong answers to the exercises of lesson 06: (exercise, code, words of the diagnosis)."""

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
    ("Exercise 1", RIGHT + 'expected["GET instead of POST"] = 405', "405 would need somebody"),
    ("Exercise 1", RIGHT + 'expected["tenure is missing"] = 404', "the route fits"),
    ("Exercise 1", RIGHT + 'expected["stage in the path"] = 200', "no route fits"),
    ("Exercise 2", "...", "'GET /predict' is not one of them"),
    ("Exercise 2", ROUTE.replace("GET", "get"), "'GET /predict' is not one of them"),
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
