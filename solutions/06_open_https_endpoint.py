# ---
# title: Open an HTTPS endpoint
# workshop:
#   number: "06"
#   needs: [docker]
#   reading: 40
#   exercises: 20
#   execution: 1
#   cost: "under $0.01"
#   products: []
# jupyter: {kernelspec: {display_name: Python 3, language: python, name: python3}}
# ---

# %% [markdown]
# # Open an HTTPS endpoint
#
# Your function answers clients that have AWS keys and boto3. A shop's website has neither: it uses
# HTTPS. In this lesson you put an HTTPS endpoint in front of the function, and look at every way in
# which a request can fail there. Then you decide who may call, and calculate the price.
#
# **You will**
#
# - build an HTTP API from its parts: integration, route, stage, permission;
# - read the event that a request becomes, and say for each error whether the API or the function
#   answered;
# - let the pages of one website call the endpoint (CORS), and no others;
# - give a colleague a page with a form that asks the model;
# - close the endpoint: a token that an authorizer checks, a signature that IAM checks, a throttle;
# - compare the price of three endpoint types;
# - delete everything and prove that nothing is left.
#
# **You need** Docker, and lesson 05's function `churn` (made now if it is missing)
#
# **Time** 40 minutes reading, 20 minutes exercises. **Cost** free on the local cloud, less
# than \$0.01 on AWS

# %%
from workshop import cloud, deploy, lessons
cloud.use()

# %% [markdown]
# First we remove what an earlier run of this lesson may have left. `deploy.close` deletes a
# function's endpoints and keeps the function.

# %%
NAME, PROBE, AUTHORIZER = deploy.name("churn"), deploy.name("probe"), deploy.name("authorizer")

deploy.close(NAME)
for name in [PROBE, AUTHORIZER]:
    deploy.delete(name)

# %% [markdown]
# ## The function behind the endpoint
#
# Lesson 05 built the image, pushed it and created the function call by call. `deploy` contains the
# same calls.

# %%
lessons.require("03")                                   # the model file; made if it is missing
image = deploy.push(deploy.build("churn", model="../build/models/churn.onnx"))
function_arn = deploy.function(NAME, image, memory=512, timeout=10)
function_arn

# %% [markdown]
# Does it answer? We send a customer, with boto3 as in lesson 05:

# %%
import json
import boto3

customer = dict(
    gender="female", seniorcitizen=0, partner="yes", dependents="no", phoneservice="no",
    multiplelines="no_phone_service", internetservice="dsl", onlinesecurity="no",
    onlinebackup="yes", deviceprotection="no", techsupport="no", streamingtv="no",
    streamingmovies="no", contract="month-to-month", paperlessbilling="yes",
    paymentmethod="electronic_check", tenure=1, monthlycharges=29.85, totalcharges=29.85)
good = {"customer": customer}

lambda_ = boto3.client("lambda")
invoked = lambda_.invoke(FunctionName=NAME, Payload=json.dumps(good))
direct = json.load(invoked["Payload"])
direct

# %% [markdown]
# ## What an API gateway does
#
# Our Lambda function has no address and no port. It waits for *events*, which are JSON. (Since 2026,
# *Web Functions* listen on a port: Node.js only, Lambda developer guide, read 2026-11.) So another
# program must listen on the internet with HTTPS and turn each request into an event. It must call
# the function, and turn its answer into an HTTP response. On AWS this program is **Amazon API
# Gateway**; its simple, cheap kind is called an **HTTP API**.
#
# ```mermaid
# flowchart LR
#     client(["a program:<br/>requests, curl,<br/>a browser"])
#     subgraph api["HTTP API workshop-…-churn"]
#         stage["stage<br/>$default"] --> route["route<br/>POST<br/>/predict"]
#         route --> integration["integration<br/>AWS_PROXY,<br/>format 2.0"]
#     end
#     subgraph fn["function workshop-…-churn"]
#         permission{{"permission"}} --- handler["handler,<br/>ONNX model"]
#     end
#     client <-- "HTTPS" --> stage
#     integration <-- "JSON" --> permission
#     style api fill:#fff3d6,stroke:#e69f00,stroke-width:3px
#     style permission fill:#fff3d6,stroke:#e69f00,stroke-width:3px
# ```
#
# | part | question it answers |
# |---|---|
# | **API** | what is the host name? |
# | **integration** | which function is called, and with which shape of event? |
# | **route** | which method and path lead to that integration? |
# | **stage** | which state of the API is served, under which prefix? |
# | **permission** (on the *function*) | who may call the function at all? |
#
# The first four belong to the API. The fifth belongs to the function, and people often forget it.

# %% [markdown]
# ## Four calls and a permission
#
# First the API: we give it a name, and get a host name. Everything that the workshop makes carries
# the workshop's tag, so that clean-up can distinguish it from your own things.

# %%
gateway = boto3.client("apigatewayv2")
api = gateway.create_api(Name=NAME, ProtocolType="HTTP", Tags=deploy.tags())
api_id, url = api["ApiId"], api["ApiEndpoint"]
print(url)

# %% [markdown]
# On AWS this is `https://….execute-api.REGION.amazonaws.com`, with a certificate that AWS renews.
# On the local cloud it is `http://localhost:…`: **plain HTTP, reachable from this machine only**.
# You build the same on both; AWS adds encryption.
#
# Second, the integration. `AWS_PROXY` passes the whole request to the function and takes the whole
# response from it. `PayloadFormatVersion` is required: AWS does not choose between the old event
# format 1.0 and the new format 2.0.

# %%
integration_id = gateway.create_integration(
    ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=function_arn,
    PayloadFormatVersion="2.0", TimeoutInMillis=15_000)["IntegrationId"]

# %% [markdown]
# `TimeoutInMillis` is the time that the API waits for the function. An HTTP API waits **at most 30
# seconds** (API Gateway quotas, checked 2026-11), even though a function may run for 15 minutes:
# long work does not belong behind an API. Our value is a little above the function's own 10
# seconds, so that the function's time-out comes first and is in the function's log.
#
# Third, the route: one method and one path. No other request will reach the function.

# %%
route_id = gateway.create_route(
    ApiId=api_id, RouteKey="POST /predict", Target=f"integrations/{integration_id}")["RouteId"]

# %% [markdown]
# **Before you run the next cell:** there is an API with an integration and a route. Does a request
# get a prediction now?

# %%
import requests

answer = requests.post(f"{url}/predict", json=good, timeout=35)
print(answer.status_code, answer.text)

# %% [markdown]
# `404 Not Found` comes from the API itself: nothing is *served* yet. The API needs a **stage**.
#
# - A *named* stage (`test`, `prod`) is part of the address: `…/prod/predict`. A frequent mistake is
#   to forget it, or to use a name that does not exist. An HTTP API then answers `Not Found`. A REST
#   API, the older kind, answers `Missing Authentication Token`, and people look for a token.
# - `$default` is served at the root: `…/predict`. There is one API with one state, and no prefix to
#   forget.
#
# With `AutoDeploy` each change is served as soon as it is made. Without it, nothing changes until
# you call `create_deployment`. We take `$default` with `AutoDeploy`, which has the fewest
# surprises.

# %%
stage = gateway.create_stage(
    ApiId=api_id, StageName="$default", AutoDeploy=True, Tags=deploy.tags())
stage["StageName"], stage["AutoDeploy"]

# %% [markdown]
# The API is served, and connected to the function. **Does a request get a prediction now?**

# %%
answer = requests.post(f"{url}/predict", json=good, timeout=35)
print(answer.status_code, answer.text)

# %% [markdown]
# The answer is `Internal Server Error`, and the function's log stays empty, because it never ran:
# we forgot the permission. A function has its own policy of callers that may invoke it. At first,
# only identities of your account may call it, if IAM allows them. The smallest permission that
# works is: API Gateway, for *this* API, on *this* method and path. The `*` stands for the stage.

# %%
_, _, _, region, account, *_ = function_arn.split(":")
execute_api = f"arn:aws:execute-api:{region}:{account}:{api_id}"

lambda_.add_permission(
    FunctionName=NAME, StatementId=f"api-{api_id}-POST-predict",
    Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com",
    SourceArn=f"{execute_api}/*/POST/predict")

def statements(function):
    """Statements of a function's policy: who may invoke it."""
    try:
        return json.loads(lambda_.get_policy(FunctionName=function)["Policy"])["Statement"]
    except lambda_.exceptions.ResourceNotFoundException:
        return []

statements(NAME)

# %% [markdown]
# ## Call it
#
# A change needs a moment to reach all of AWS's servers. So we repeat the request until the expected
# status comes, for at most half a minute, and use this function whenever we change something.

# %%
import time

def until(send, wanted, seconds=30):
    """Repeat send() until it answers with status `wanted`; give the last answer in any case."""
    end = time.monotonic() + seconds
    while (answer := send()).status_code != wanted and time.monotonic() < end:
        time.sleep(1)
    return answer

def predict(body=good, **options):
    return requests.post(f"{url}/predict", json=body, timeout=35, **options)

answer = until(predict, 200)
print(answer.status_code, answer.headers["content-type"])
answer.json()

# %%
assert answer.json() == direct, "the endpoint and the direct invoke differ"

# %% [markdown]
# The probability equals that of the direct invoke, to the last digit: one handler answers both.
#
# `requests` is Python, but the endpoint works with any program. Here is `curl`. (Windows has it
# too. If yours does not, skip the cell.)

# %%
from pathlib import Path

Path("../build/customer.json").write_text(json.dumps(good))
# !curl -s -X POST {url}/predict -H "content-type: application/json" -d @../build/customer.json

# %% [markdown]
# ## Which event does the function get?
#
# What did the handler get: a request, or an event? To see it, we put a second function behind the
# same API, which returns its event as the body. Here is all of it:

# %%
print(Path("../lambda/probe/lambda_function.py").read_text())

# %% [markdown]
# It needs no model and no library, so a zip is enough, as in lesson 01. And it needs its own
# integration, route and permission.

# %%
probe_arn = deploy.zip_function(PROBE)
probe_integration = gateway.create_integration(
    ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=probe_arn,
    PayloadFormatVersion="2.0")["IntegrationId"]
gateway.create_route(ApiId=api_id, RouteKey="ANY /probe/{what}",
                     Target=f"integrations/{probe_integration}")
lambda_.add_permission(
    FunctionName=PROBE, StatementId="any-probe", Action="lambda:InvokeFunction",
    Principal="apigateway.amazonaws.com", SourceArn=f"{execute_api}/*/*/probe/*")

event = until(lambda: requests.post(f"{url}/probe/event?shop=7", json={"any": "body"}, timeout=35),
              200).json()
{key: event[key] for key in event if key not in ("headers", "requestContext")}

# %% [markdown]
# Look at these points:
#
# - `body` is a *string*: parsing JSON is the handler's work, and so is refusing what is not JSON.
# - `isBase64Encoded` says whether that string is text or base64. The API decides by the content
#   type; a handler that ignores the flag breaks on the first upload. Later lessons send images.
# - `{what}` in the route became `pathParameters`; `?shop=7` became `queryStringParameters`.
# - On a named stage, `rawPath` begins with the stage's name; a handler must expect that.

# %% [markdown]
# ## When the request is wrong
#
# Here are seven requests to the endpoint. Only the first is correct.

# %%
as_json = {"content-type": "application/json"}
forever = customer | {"contract": "forever"}
no_tenure = {field: value for field, value in customer.items() if field != "tenure"}
tries = {
    "a good customer": ("POST", "/predict", json.dumps(good)),
    "contract is 'forever'": ("POST", "/predict", json.dumps({"customer": forever})),
    "tenure is missing": ("POST", "/predict", json.dumps({"customer": no_tenure})),
    "not JSON": ("POST", "/predict", "tenure=1"),
    "GET instead of POST": ("GET", "/predict", None),
    "path misspelt": ("POST", "/predcit", json.dumps(good)),
    "stage in the path": ("POST", "/prod/predict", json.dumps(good)),
}

def send(what, endpoint=None):
    """Send one of the tries to the API, or to another endpoint."""
    method, path, body = tries[what]
    return requests.request(method, (endpoint or url) + path, data=body, headers=as_json,
                            timeout=35)

# %% [markdown]
# ### Exercise 1: say what will come (5 minutes)
#
# Write down which status code you expect for each, in `expected`. Does the API have a route for it?
# If not, the function is never called.
#
# <details><summary>Hint</summary>
#
# The route table has one entry for this path, `POST /predict`. Requests without a route are
# answered by the API, with the code for *not found*, 404. Requests with a route go to the handler, which
# answers a client's mistake with the code for *bad request*, 400. </details>

# %% Exercise 1
expected = dict.fromkeys(tries)
# BEGIN SOLUTION
expected["a good customer"] = 200
expected["contract is 'forever'"] = 400
expected["tenure is missing"] = 400
expected["not JSON"] = 400
expected["GET instead of POST"] = 404
expected["path misspelt"] = 404
expected["stage in the path"] = 404
# END SOLUTION

# %% Check 1 tags=["check"]
for what, status in expected.items():
    assert status is not None, f"{what!r}: no status code yet; write expected[{what!r}] = ..."
    came = send(what).status_code
    who = ("no route fits, so the API answered by itself; 405 would need a program that knows the "
           "path" if came == 404 else "the route fits, so the handler looked at the body")
    assert status == came, f"{what!r}: you expected {status}, but {came} came: {who}."
print("Right: what the route table does not list never reaches the function.")

# %% [markdown]
# Now the answers in full:

# %%
import pandas as pd

answers = {what: send(what) for what in tries}
pd.DataFrame({what: {
    "status": answer.status_code,
    "message": answer.json().get("message", ""),
    "problem": ", ".join(one["field"] + " " + one["message"]
                         for one in answer.json().get("problems", [])),
} for what, answer in answers.items()}).T

# %% [markdown]
# *Notice* who answers. `Not Found` comes from the API: no route fits. A wrong method gets the same
# answer as a wrong path. `405 Method Not Allowed` would need a program that knows the path. The
# answers with a problem come from the handler. Here is one of them in full:

# %%
answers["contract is 'forever'"].json()

# %% [markdown]
# It names the field and the allowed values, so that the client can correct the request without your
# help. It does not repeat the client's value: personal data does not belong in answers or logs.

# %% [markdown]
# A helper removes all other routes and their permissions, so that you can try the exercise as often
# as you like:

# %%
def keep_only(*keys):
    """Delete the API's other routes, and the churn function's permissions for them."""
    for route in gateway.get_routes(ApiId=api_id)["Items"]:
        if route["RouteKey"] not in keys:
            gateway.delete_route(ApiId=api_id, RouteId=route["RouteId"])
    for statement in statements(NAME):
        if not statement["Sid"].endswith("POST-predict"):
            lambda_.remove_permission(FunctionName=NAME, StatementId=statement["Sid"])

# %% [markdown]
# ### Exercise 2: let the function answer GET (10 minutes)
#
# The handler has an answer to `GET /predict`: `405`, with a header `Allow: POST`. But it is never
# called. Write `open_get()`. It creates a second route to the integration that you already have
# (`integration_id`), and adds the *smallest* permission for it: this API, any stage, method GET,
# path `/predict`.
#
# <details><summary>Hint 1</summary>
#
# `gateway.create_route` and `lambda_.add_permission`, as above; the ARN begins with `execute_api`.
# </details>
# <details><summary>Hint 2</summary>
#
# A route key is the method, one space and the path. The statement needs a `StatementId` that is not
# yet taken.
# </details>

# %% Exercise 2
def open_get():
    # BEGIN SOLUTION
    gateway.create_route(
        ApiId=api_id, RouteKey="GET /predict", Target=f"integrations/{integration_id}")
    lambda_.add_permission(
        FunctionName=NAME, StatementId="get-predict", Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com", SourceArn=f"{execute_api}/*/GET/predict")
    # END SOLUTION

# %% Check 2 tags=["check"]
from fnmatch import fnmatchcase

keep_only("POST /predict", "ANY /probe/{what}")
open_get()

routes = {r["RouteKey"]: r["Target"] for r in gateway.get_routes(ApiId=api_id)["Items"]}
assert "GET /predict" in routes, (
    f"the API's routes are {sorted(routes)}: 'GET /predict' is not one of them")
assert routes["GET /predict"] == f"integrations/{integration_id}", (
    f"GET /predict leads to {routes['GET /predict']!r}, which is not the churn function's "
    f"integration; it should be 'integrations/' and integration_id")
arns = [statement.get("Condition", {}).get("ArnLike", {}).get("AWS:SourceArn", "*")
        for statement in statements(NAME)]
assert any(fnmatchcase(f"{execute_api}/$default/GET/predict", arn) for arn in arns), (
    f"no statement lets this API call the function for GET /predict; allowed are {arns}. "
    "Callers get 500 Internal Server Error")
for more in ["DELETE/predict", "GET/admin"]:
    assert not any(fnmatchcase(f"{execute_api}/$default/{more}", arn) for arn in arns), (
        f"too wide: one of {arns} allows {more} as well")
came = until(lambda: send("GET instead of POST"), 405)
assert (came.status_code, came.headers.get("allow")) == (405, "POST"), (
    f"GET /predict answered {came.status_code} {came.text}, not the handler's 405 with Allow: POST")
print("Right: the function answers GET now, and nothing more is open than that.")

# %% [markdown]
# ## When the function is wrong
#
# The client cannot fix a fault in your code, and must not see your code in the message. **What does
# the client see when the handler divides by zero?**

# %%
fault = requests.get(f"{url}/probe/raise", timeout=35)
print(fault.status_code, fault.text)

# %% [markdown]
# It sees a 5xx and a sentence without any code. The function's log has everything, with file and
# line:

# %%
def log_lines(function, word, seconds=30):
    """Log events of a function that contain a word; waits for them, because logs arrive late."""
    end, logs = time.monotonic() + seconds, boto3.client("logs")
    while time.monotonic() < end:
        found = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
        if lines := [e["message"].strip() for e in found if word in e["message"]]:
            return [line.replace("\r", "\n") for line in lines]     # Lambda's line breaks
        time.sleep(1)
    return []

print(*log_lines(PROBE, "ZeroDivisionError"), sep="\n")

# %% [markdown]
# The churn handler does more. It catches its own faults, answers `500 {"message": "internal error",
# "request_id": …}` and writes the same id into the log. So when a client complains, you find the
# line.
#
# The second kind of fault is an answer of the wrong shape. The API expects `statusCode`, `headers`
# and a `body` that is a **string**. Two answers break this rule:

# %%
for what in ["malformed", "bare"]:
    answer = requests.get(f"{url}/probe/{what}", timeout=35)
    print(what, answer.status_code, answer.text)

# %% [markdown]
# - *malformed*: `body` was a dictionary. The API cannot send that, and reports a server error. The
#   function's log shows no problem. This is the well-known "malformed proxy response"; the solution
#   is `json.dumps(...)` in the handler.
# - *bare*: there was no `statusCode` at all. With format 2.0 the API takes the whole answer for the
#   body and answers 200. This is useful in a demonstration, and dangerous: an error of this shape
#   is a 200 too.

# %% [markdown]
# ## Sizes
#
# An invoke takes at most **6 MB** of event (Lambda quotas, checked 2026-11), whatever the API
# allows. Base64 takes a third more, so a photo may have about 4.7 MB (lesson 10 computes it). What
# happens above the limit?

# %%
too_long = predict({"customer": customer | {"gender": "f" * 7_000_000}})
print(too_long.status_code, too_long.text[:200])

# %% [markdown]
# Below that limit the handler has its own limit for a customer's fields, and answers 400.

# %% [markdown]
# ## When a browser calls
#
# A page from `https://shop.example` runs JavaScript that calls your endpoint. The browser does not
# trust the page. Before the real request it sends a **preflight**: `OPTIONS`, with the page's
# origin, which asks for permission. Only if the answer names that origin does the browser continue.
# This rule is called **CORS**, cross-origin resource sharing.
#
# `requests` is not a browser and sends no preflight. But we can send one with it:

# %%
def preflight(origin, header="content-type"):
    return requests.options(f"{url}/predict", timeout=35, headers={
        "Origin": origin, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": header})

def allowed(answer):
    """What a browser reads from the answer to a preflight."""
    return {name: value for name, value in answer.headers.items()
            if name.lower().startswith("access-control-allow")}

allowed(preflight("https://shop.example"))

# %% [markdown]
# The answer is empty: no page may call the endpoint from a browser. Now allow one origin:

# %%
gateway.update_api(ApiId=api_id, CorsConfiguration={
    "AllowOrigins": ["https://shop.example"], "AllowMethods": ["POST"],
    "AllowHeaders": ["content-type"], "MaxAge": 300})

def until_allowed(origin, seconds=30):
    end = time.monotonic() + seconds
    while not (found := allowed(preflight(origin))) and time.monotonic() < end:
        time.sleep(1)
    return found

print("shop.example ", until_allowed("https://shop.example"))
print("other.example", allowed(preflight("https://other.example")))

# %% [markdown]
# The API answers preflights by itself; the function is not called, and costs nothing. The API also
# adds `Access-Control-Allow-Origin` to the response of the real request:

# %%
for origin in ["https://shop.example", "https://other.example"]:
    answer = predict(headers={"Origin": origin})
    print(origin, answer.status_code, answer.headers.get("Access-Control-Allow-Origin"))

# %% [markdown]
# *Notice:* the other origin still got its `200`. CORS protects the *users of browsers* from foreign
# pages. It does not protect the *endpoint*: curl sends no preflight. Who may call is another
# question, and the next section answers it.
#
# ### Exercise 3: a second origin, and a token (5 minutes)
#
# A colleague develops the shop's page on `http://localhost:3000`, and the page will
# send a header `authorization`. Fill `cors`: both origins,
# and no other; method POST; both headers.
#
# <details><summary>Hint</summary>
#
# `update_api` replaces the configuration; it does not add to it. `"*"` as an origin means every
# page on the web.
# </details>

# %% Exercise 3
cors = {}
# BEGIN SOLUTION
cors = {"AllowOrigins": ["https://shop.example", "http://localhost:3000"],
        "AllowMethods": ["POST"], "AllowHeaders": ["content-type", "authorization"], "MaxAge": 300}
# END SOLUTION

# %% Check 3 tags=["check"]
assert cors, "cors is still empty: give AllowOrigins, AllowMethods and AllowHeaders"
gateway.update_api(ApiId=api_id, CorsConfiguration=cors)
for origin in ["https://shop.example", "http://localhost:3000"]:
    found = until_allowed(origin, seconds=2 if cloud.is_local() else 30)
    found = {name.lower(): value.lower() for name, value in found.items()}
    assert found.get("access-control-allow-origin") in (origin, "*"), (
        f"the page of {origin} may not call: AllowOrigins is {cors.get('AllowOrigins')}, and "
        "update_api has replaced what was there before")
    for header in ("authorization", "content-type"):
        assert header in found.get("access-control-allow-headers", ""), (
            f"the browser may not send the header {header}: AllowHeaders is "
            f"{cors.get('AllowHeaders')}, and needs both")
    assert "post" in found.get("access-control-allow-methods", ""), (
        f"the page may not POST: AllowMethods is {cors.get('AllowMethods')}")
found = allowed(preflight("https://other.example"))
assert not found, f"too wide: a page of https://other.example may call as well ({found})"
print("Right: two origins, and no other.")

# %% [markdown]
# ## The same in one call
#
# In later lessons, `deploy.http_api` makes these calls: it finds or creates API, integration,
# route, stage and permission. Here it finds yours:

# %%
deploy.http_api(NAME, function=NAME) == url

# %% [markdown]
# ## Who may call?
#
# **So far: everybody.** Anyone who knows the address may send requests, and you pay for each. An
# open endpoint is sometimes what you want, for a public demonstration with a throttle. It should
# never be an accident. An HTTP API has three ways to check the caller of a route:
#
# | `AuthorizationType` | the caller shows | good for |
# |---|---|---|
# | `AWS_IAM` | a request signed with AWS keys | your own services on AWS |
# | `JWT` | a token from a sign-in service (Cognito, Auth0, …), checked by the API | people |
# | `CUSTOM` | whatever your own *authorizer* function asks for | everything else |
#
# We build the third: a small function that says yes or no before the real function is called.

# %%
print(Path("../lambda/authorizer/lambda_function.py").read_text())

# %% [markdown]
# The next cell makes the token, with a random generator that is good for secrets. The function gets
# only its SHA-256, so people who can read the function's settings still do not know the token.

# %%
import hashlib
import secrets

token = secrets.token_urlsafe(32)
authorizer_arn = deploy.zip_function(AUTHORIZER, environment={
    "TOKEN_SHA256": hashlib.sha256(token.encode()).hexdigest()})

# %% [markdown]
# Now register the authorizer in the API. `IdentitySource` names the header that must be there:
# without it the API answers immediately, and the authorizer is not called. `EnableSimpleResponses`
# allows the short answer `{"isAuthorized": true}`, instead of an IAM policy document. The API keeps
# each token's answer for 60 seconds. So a revoked token works for up to a minute.

# %%
authorizer_id = gateway.create_authorizer(
    ApiId=api_id, Name="token", AuthorizerType="REQUEST",
    IdentitySource=["$request.header.Authorization"],
    AuthorizerUri=f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/"
                  f"{authorizer_arn}/invocations",
    AuthorizerPayloadFormatVersion="2.0", EnableSimpleResponses=True,
    AuthorizerResultTtlInSeconds=60)["AuthorizerId"]
lambda_.add_permission(
    FunctionName=AUTHORIZER, StatementId="authorizer", Action="lambda:InvokeFunction",
    Principal="apigateway.amazonaws.com", SourceArn=f"{execute_api}/authorizers/{authorizer_id}")
gateway.update_route(ApiId=api_id, RouteId=route_id, AuthorizationType="CUSTOM",
                     AuthorizerId=authorizer_id)["AuthorizationType"]

# %% [markdown]
# **There are three callers: without a token, with a wrong token, with the correct token. Which
# status codes do they get?**

# %%
def with_token(text):
    return predict(headers={"Authorization": f"Bearer {text}"})

print("no token   ", until(predict, 401).status_code, predict().text)
print("wrong token", until(lambda: with_token("guess"), 403).status_code)
print("right token", until(lambda: with_token(token), 200).status_code)

# %% [markdown]
# `401 Unauthorized` means that the caller gave no identity. `403 Forbidden` means that it gave one,
# and may not call. In neither case was the model's function called.
#
# *Notice* which routes are still open: `/probe/{what}`, and, if you did exercise 2, `GET /predict`.
# The authorizer protects *one* route. Look at all routes before you call an endpoint closed:

# %%
pd.DataFrame(gateway.get_routes(ApiId=api_id)["Items"])[["RouteKey", "AuthorizationType"]]

# %% [markdown]
# The probe shows its event to everybody, and we do not need it any more. Delete a route together
# with its permission, or a permission is left that nobody remembers.

# %%
keep_only("POST /predict")

# %% [markdown]
# ## How often may they call?
#
# A token keeps strangers out. But a colleague's program in an endless loop has the right token. The
# stage's **route settings** limit the requests per second (`ThrottlingRateLimit`) and the burst
# above that (`ThrottlingBurstLimit`). Without them, all APIs of an account in one Region share
# 10,000 a second with a burst of 5,000 (API Gateway quotas, checked 2026-11).

# %% [markdown]
# **We allow two requests a second and a burst of four, and send thirty at the same time. How many
# get an answer?**

# %%
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

gateway.update_stage(ApiId=api_id, StageName="$default", DefaultRouteSettings={
    "ThrottlingRateLimit": 2, "ThrottlingBurstLimit": 4})

def thirty():
    with ThreadPoolExecutor(30) as pool:
        return list(pool.map(with_token, [token] * 30))

came = []
end = time.monotonic() + 30
while 429 not in came and time.monotonic() < end:      # AWS takes a moment to apply the limit
    answers_at_once = thirty()
    came = [answer.status_code for answer in answers_at_once]
Counter(came)

# %% [markdown]
# The burst gets an answer, and a few later requests; the others get `429`:

# %%
print({answer.text for answer in answers_at_once if answer.status_code == 429})

# %% [markdown]
# Look at these points:
#
# - A request refused here never reaches the function.
# - On AWS the limit is a goal, not a promise ("best effort"), so the counts vary there.
#
# For the rest of the lesson, we set a higher limit:

# %%
gateway.update_stage(ApiId=api_id, StageName="$default", DefaultRouteSettings={
    "ThrottlingRateLimit": 50, "ThrottlingBurstLimit": 50})["DefaultRouteSettings"]

# %% [markdown]
# ## A page for a colleague
#
# A colleague in marketing wants to ask the model, without Python. `workshop/form.html` is a page
# with a form. A copy gets the endpoint's address, the inputs from the model's signature, and a
# customer to begin with.

# %%
import onnxruntime

session = onnxruntime.InferenceSession("../build/models/churn.onnx")
signature = json.loads(session.get_modelmeta().custom_metadata_map["signature"])
page = Path("../workshop/form.html").read_text(encoding="utf-8")
for word, value in {"ADDRESS": f"{url}/predict", "INPUTS": signature["inputs"],
                    "CUSTOMER": customer}.items():
    page = page.replace(f" = {word}", f" = {json.dumps(value)}")
folder = Path("../build/page")
folder.mkdir(exist_ok=True)
(folder / "index.html").write_text(page, encoding="utf-8")
print(page[page.index("document.querySelector(\"form\")"):page.index("function words")])

# %% [markdown]
# `fetch` sends the request, with the token in a header. The token is a secret, so it must not be in
# the notebook's output, which is saved: we write it into a file that only you can read. A small
# server gives the page an origin:

# %%
TOKEN = Path("../build/token.txt")
TOKEN.unlink(missing_ok=True)
TOKEN.touch(mode=0o600)
TOKEN.write_text(token)

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words):
        """Print nothing."""

server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
Thread(target=server.serve_forever, daemon=True).start()
origin = f"http://localhost:{server.server_port}"
print(origin, "allowed:", allowed(preflight(origin)), sep="\n")

# %% [markdown]
# **Open this address in your browser, paste the token from `build/token.txt`, and press *Predict*.
# What does the page show?** *No answer*: the browser has asked with a preflight, and the API does
# not allow this origin.
#
# ### Allow the page

# %%
gateway.update_api(ApiId=api_id, CorsConfiguration={
    "AllowOrigins": ["https://shop.example", origin], "AllowMethods": ["POST"],
    "AllowHeaders": ["content-type", "authorization"]})
until_allowed(origin)

# %% [markdown]
# Press *Predict* again: there is the probability. An origin is scheme, host *and* port:
# `http://127.0.0.1:…` is another one.

# %% [markdown]
# ## The other endpoint type: a function URL
#
# A function can also have its own address, without an API: a **function URL**. It has no routes, no
# authorizers and no throttle. Every method and path reaches the handler, which gets the same event
# format 2.0. There are two kinds.
#
# `AuthType="AWS_IAM"`: only requests signed with AWS keys that may invoke this function.

# %%
function_url = lambda_.create_function_url_config(
    FunctionName=NAME, AuthType="AWS_IAM")["FunctionUrl"].rstrip("/")
unsigned = until(lambda: send("a good customer", function_url), 403)
print(function_url, unsigned.status_code, unsigned.text, sep="\n")

# %% [markdown]
# It is refused before the function is called. boto3 signs each of your calls; here we do it by
# hand. The signature covers method, path, body and time, so nobody can use it for another request,
# and your secret key is never sent.

# %%
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

def send_signed(what):
    method, path, body = tries[what]
    request = AWSRequest(method, function_url + path, data=body, headers=as_json)
    SigV4Auth(boto3.Session().get_credentials(), "lambda", region).add_auth(request)
    return requests.request(
        method, request.url, data=body, headers=dict(request.headers), timeout=35)

answer = until(lambda: send_signed("a good customer"), 200)
assert answer.json() == direct, f"{answer.status_code} {answer.text}"
answer.json()

# %% [markdown]
# The signature must be valid, and your IAM user or role must be allowed `lambda:InvokeFunctionUrl`
# and, for URLs made since October 2025, `lambda:InvokeFunction`. The same signature, with
# `execute-api` instead of `lambda`, opens a route of type `AWS_IAM` of an HTTP API.
#
# There is no route table here, so the handler answers everything. Compare with the API's answers
# above:

# %%
pd.DataFrame({"HTTP API": {what: answers[what].status_code for what in tries},
              "function URL": {what: send_signed(what).status_code for what in tries}})

# %% [markdown]
# `GET /predict` is 405 here, from the handler; the API answered 404.
#
# `AuthType="NONE"` is for the whole internet. The function's policy needs two statements for
# everybody (`*`), the second only for calls through the URL. (Both are required since October 2025,
# Lambda developer guide, "Control access to function URLs".)

# %%
public = {"FunctionName": NAME, "Principal": "*"}
lambda_.add_permission(**public, StatementId="public-url", Action="lambda:InvokeFunctionUrl",
                       FunctionUrlAuthType="NONE")
lambda_.add_permission(**public, StatementId="public-invoke", Action="lambda:InvokeFunction",
                       InvokedViaFunctionUrl=True)
lambda_.update_function_url_config(FunctionName=NAME, AuthType="NONE")
print(until(lambda: send("a good customer", function_url), 200).status_code)

# %% [markdown]
# The authorizer of the API does not help here: **this is a second way into the same function**, and
# it is open. A function URL has one limit, the function's *reserved concurrency*: the number of
# requests that it may work on at the same time. Zero stops everything:

# %%
lambda_.put_function_concurrency(FunctionName=NAME, ReservedConcurrentExecutions=0)
until(lambda: send("a good customer", function_url), 429).status_code

# %% [markdown]
# The answer is `429 Too Many Requests`, for everybody, and nothing runs. Remember this call for the
# day a bill surprises you. Then delete the URL *and* the statements. A leftover statement allows
# everybody to call a URL with `AuthType="NONE"`: the next such URL would be public immediately.

# %%
lambda_.delete_function_concurrency(FunctionName=NAME)
lambda_.delete_function_url_config(FunctionName=NAME)
for sid in ["public-url", "public-invoke"]:
    lambda_.remove_permission(FunctionName=NAME, StatementId=sid)
[statement["Sid"] for statement in statements(NAME)]

# %% [markdown]
# ## What it costs
#
# The prices are in US dollars, for us-east-1, from the
# [Lambda](https://aws.amazon.com/lambda/pricing/) and [API
# Gateway](https://aws.amazon.com/api-gateway/pricing/) price pages, read 2026-11. The free tier (a
# million requests and 400,000 GB-seconds of Lambda a month), data transfer and logs are not
# counted.
#
# The function's share depends on its memory and on how long it runs. Take `billed_ms` from the
# `REPORT` lines of your own function on AWS (lesson 05); the value here is an assumption.

# %%
MILLION = 1_000_000
fee = {"function URL": 0.00, "HTTP API": 1.00, "REST API": 3.50}      # per million requests
per_million_invokes = 0.20
per_gb_second = {"x86_64": 0.0000166667, "arm64": 0.0000133334}

billed_ms = 10
config = lambda_.get_function_configuration(FunctionName=NAME)
gb_seconds = config["MemorySize"] / 1024 * billed_ms / 1000 * MILLION
compute = gb_seconds * per_gb_second[config["Architectures"][0]]

cost = pd.DataFrame({"endpoint": fee, "invokes": per_million_invokes, "computing": compute})
cost.assign(total=cost.sum(axis=1)).round(2)

# %%
from workshop.plots import BLUE, GREEN, ORANGE, show
from workshop.plots import pictures as plot

show(*plot.stacked(cost.T.to_dict(), dict(zip(cost, (BLUE, ORANGE, GREEN))), "A million requests",
                   f"US dollars ({config['MemorySize']} MB, {billed_ms} ms each)"))

# %% [markdown]
# For a fast model the endpoint can cost more than the prediction: compare the blue part with the
# rest. For its price, a REST API, the older kind, adds request validation, API keys with quotas,
# and caching. A function URL is free; routes, tokens and throttling are then your work.
#
# | | function URL | HTTP API | REST API |
# |---|---|---|---|
# | routes, own domain | no | yes | yes |
# | who may call | IAM or everybody | IAM, JWT, authorizer | IAM, authorizer, Cognito, API keys |
# | throttle | reserved concurrency | per stage and route | per stage, method and key |

# %% [markdown]
# ## Recap
#
# - An HTTP API has four parts, **API, integration, route, stage**, and needs a **permission on the
#   function** for that API and that route.
# - A request becomes an event of format 2.0; `body` is a string, perhaps base64. The API answers
#   404 for a request without a route and 5xx for the function's faults. The handler answers 200,
#   400, 405, and 500 for its own faults.
# - CORS is one setting of the API, and it protects browsers' users, not the endpoint. A page with a
#   form needs its exact origin there.
# - An authorizer, a JWT or IAM decides who may call. The stage's throttle and the reserved
#   concurrency limit how often. A function URL is a separate way in.
# - A million requests cost \$0, \$1.00 or \$3.50, depending on the endpoint type; the function's
#   share depends on memory and time.

# %% [markdown]
# ## Clean up
#
# We delete the API first, then the functions behind it. `deploy.delete` keeps that order, and
# deletes only things with your tags.

# %%
server.shutdown()
TOKEN.unlink()
for name in [NAME, PROBE, AUTHORIZER]:
    deploy.delete(name)

# %% [markdown]
# Deleting is not a proof. List what still exists with our three names:

# %%
def names(service, operation, items, name):
    """Names of everything of one kind in the account."""
    pages = boto3.client(service).get_paginator(operation).paginate()
    return [one[name] for page in pages for one in page[items]]

there = {
    "HTTP APIs": names("apigatewayv2", "get_apis", "Items", "Name"),
    "functions": names("lambda", "list_functions", "Functions", "FunctionName"),
    "log groups": names("logs", "describe_log_groups", "logGroups", "logGroupName"),
    "roles": names("iam", "list_roles", "Roles", "RoleName"),
    "repositories": names("ecr", "describe_repositories", "repositories", "repositoryName")}

ours = {pattern.format(name) for pattern in ["{}", "/aws/lambda/{}", "{}-role"]
        for name in [NAME, PROBE, AUTHORIZER]}
left = {kind: sorted(ours.intersection(found)) for kind, found in there.items()}
assert not any(left.values()), f"still there: {left}"
left

# %% [markdown]
# Nothing is left, and nothing costs money any more.

# %% [markdown]
# ## Next
#
# You have taken one model all the way, from a CSV file to an endpoint that other people can call.
# [Lesson 07](07_train_keras_cnn.ipynb) begins again with pictures and a neural network.
