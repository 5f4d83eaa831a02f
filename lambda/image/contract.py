"""What the image function promises its callers, whatever model answers.

A request is `{"url": …}` or `{"image": base64}`, invoked directly or as the JSON body of
`POST /predict`; or the file itself as a binary body. `top` (how many labels) and `invert` (black
for white) go beside them, for a binary body into the query string.
What holds for every event is in web.py.
"""
import base64
import codecs
import re

import fetch
import picture
import web

EXAMPLE = '{"url": "https://…"} or {"image": "base64 of a file"}, and "top": 1 to 10'
TOP = {"minimum": 1, "maximum": 10}
USUAL_TOP = 3
BINARY = ("application/octet-stream", "binary/octet-stream")
UNSAID = ("", "application/x-www-form-urlencoded")      # the latter is curl's, when told nothing


def answer(probabilities, top, signature):
    """Return the content of the answer: the `top` most probable classes, most probable first."""
    best = sorted(zip(probabilities.tolist(), signature["classes"]), key=lambda pair: -pair[0])
    return {"predictions": [{"label": label, "probability": value} for value, label in best[:top]],
            "model": signature["model"], "model_version": signature["version"]}


# ---------------------------------------------------------------- requests

def read_request(call):
    """Return (fields, data): the request's checked fields, and the file of a binary body or None.

    call: a web.Call. Raises CallerError for a request that is not valid.
    """
    fields, data = read_parts(call)
    problems = check_fields(fields, data is not None)
    if problems:
        raise web.CallerError(400, "the request is not valid", problems)
    return fields, data


def read_parts(call):
    """Return (fields, data) as they were sent."""
    if call.kind == "direct":
        return call.event, None
    event = call.event
    web.check_route(event, call.kind)
    body, encoded = event.get("body"), event.get("isBase64Encoded") is True
    media = content_type(event)
    if media == "application/json":
        return web.parse(body, encoded, EXAMPLE), None
    if media in UNSAID:
        data = decode(body, "body") if encoded else None
        if data is None or is_object(data):
            return web.parse(body, encoded, EXAMPLE), None
    elif not (media.startswith("image/") or media in BINARY):
        raise web.refusal(415, "body", "has a content type that is not known",
                          ["application/json", "image/jpeg", "image/png", "image/gif", *BINARY[:1]])
    if body and not encoded:
        raise web.refusal(400, "body", "came as text, which breaks a file: the API must let binary "
                          "bodies pass", "a REST API lists image/* in its binaryMediaTypes")
    return read_query(event), decode(body, "body")


def is_object(data):
    """Whether bytes begin as a JSON object does; no picture begins with any of this."""
    return (data.startswith(web.UTF_16_MARKS)
            or data.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"{")


def content_type(event):
    """Return what the request says that its body is, e.g. "image/png"; "" when it says nothing."""
    headers = event.get("headers")
    for name, value in headers.items() if isinstance(headers, dict) else ():
        if name.lower() == "content-type":
            return str(value).partition(";")[0].strip().lower()
    return ""


def read_query(event):
    """Return the fields in the query string, as they would stand in JSON where that is clear."""
    query = event.get("queryStringParameters")
    fields = dict(query) if isinstance(query, dict) else {}
    if re.fullmatch("[0-9]{1,2}", str(fields.get("top")), re.ASCII):
        fields["top"] = int(fields["top"])
    if fields.get("invert") in ("true", "false"):
        fields["invert"] = fields["invert"] == "true"
    return fields


def check_fields(fields, has_body):
    """Return the problems of a request, `[{"field", "message", "allowed"}, …]`; [] when valid."""
    if not isinstance(fields, dict):
        return [{"field": "url", "message": "is missing: the request is not an object",
                 "allowed": EXAMPLE}]
    sources = [] if has_body else ["url", "image"]
    given = [name for name in sources if name in fields]
    problems = []
    if sources and not given:
        problems.append({"field": "url", "message": "is missing", "allowed": EXAMPLE})
    if len(given) > 1:
        problems.append({"field": "image", "message": "stands beside a url", "allowed": EXAMPLE})
    for name in given:
        if not isinstance(fields[name], str) or not fields[name]:
            problems.append({"field": name, "message": "must be a string", "allowed": EXAMPLE})
    top = fields.get("top", USUAL_TOP)
    if type(top) is not int or not TOP["minimum"] <= top <= TOP["maximum"]:
        problems.append({"field": "top", "message": "must be a whole number, 1 to 10",
                         "allowed": TOP})
    if type(fields.get("invert", False)) is not bool:
        problems.append({"field": "invert", "message": "must be true or false",
                         "allowed": [True, False]})
    return problems + web.check_unknown(fields, [*sources, "top", "invert"])


# ---------------------------------------------------------------- pictures

def read_picture(fields, data, extra_hosts, colour="RGB"):
    """Return the picture of a checked request, however it came. colour: as for picture.read."""
    if data is not None:
        return picture.read(data, "body", colour)
    if "image" in fields:
        return picture.read(decode(fields["image"], "image"), "image", colour)
    return picture.read(fetch.fetch(fields["url"], extra_hosts), "url", colour)


def decode(text, field):
    """Return the bytes that base64 stands for, at most fetch.LARGEST."""
    if not text:
        raise web.refusal(400, field, "is empty", EXAMPLE)
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, TypeError):
        raise web.refusal(400, field, "is not base64",
                          "base64 without line breaks and without a data: prefix") from None
    if len(data) > fetch.LARGEST:
        raise web.refusal(413, field, "is too large", {"maximum_bytes": fetch.LARGEST})
    return data
