"""From an HTTP request back to the operation that is asked for, and its parameters.

The way of botocore's serializers in reverse, for the protocols of the lessons' services: JSON 1.0
and 1.1, REST with JSON, REST with XML (S3) and Query (forms). CloudWatch takes CBOR too;
MiniStack does so only with a package that is not installed, and boto3 sends JSON.
Source: smithy.io, "AWS protocols"; botocore/serialize.py.

Bodies that are no parameters, such as objects of S3 and payloads of functions, are not looked at.
"""
import functools
import gzip
import json
import math
import re
import zlib
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, unquote
from xml.etree import ElementTree

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.utils import parse_timestamp

from workshop.local.signatures import Request

# Signed for → botocore's name of the model, where they differ.
MODELS = {"monitoring": "cloudwatch", "tagging": "resourcegroupstaggingapi"}
LARGE = 64 * 1024       # bytes of a JSON body from which a zip file in it is cut out, not parsed
NUMBERS = {"integer": int, "long": int, "float": float, "double": float}


class UnreadableError(Exception):
    """The request is not in the form of its protocol, or a value has another type."""


@dataclass(frozen=True)
class Call:
    """What is asked: botocore's name of the service, the operation, and its parameters by name."""
    service: str
    operation: OperationModel
    parameters: dict


# ---------------------------------------------------------------- services and operations

def model_name(service: str, request: Request) -> str:
    """The model of a service that is signed for; two services may sign with one name."""
    if service == "apigateway" and request.path.startswith("/v2/"):
        return "apigatewayv2"
    if service == "sagemaker" and request.path.startswith("/endpoints/"):
        return "sagemaker-runtime"
    return MODELS.get(service, service)


@functools.cache
def model(name: str) -> ServiceModel:
    """A service's model, loaded when it is first asked for."""
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


def operation_of(name: str, request: Request) -> OperationModel | None:
    """The operation that a request asks for; None when the model has none such."""
    service = model(name)
    if service.protocol.startswith("rest-"):
        return _route(name, request)
    if "x-amz-target" in request.headers:
        operation = request.headers["x-amz-target"].rpartition(".")[2]
    elif name == "sqs":     # as a form, as of old: botocore's model does not know its names
        return None
    else:
        operation = form(request).get("Action", "")
    return service.operation_model(operation) if operation in service.operation_names else None


@dataclass(frozen=True)
class Route:
    """How a REST operation is recognised: its path, and what must be in query and headers."""
    path: re.Pattern
    query: tuple[tuple[str, str], ...]
    required_query: frozenset[str]
    required_headers: frozenset[str]
    operation: OperationModel

    def fits(self, request: Request) -> bool:
        asked = request.parameters
        return (self.required_query <= asked.keys()
                and all(name in asked and (not value or value in asked[name])
                        for name, value in self.query)
                and self.path.fullmatch(request.path) is not None
                and all(name in request.headers for name in self.required_headers))


@functools.cache
def routes(name: str) -> dict[str, list[Route]]:
    """Method → routes of a REST service, the most particular ones first."""
    found: dict[str, list[tuple]] = {}
    for operation in map(model(name).operation_model, model(name).operation_names):
        if operation.deprecated:    # S3 has two operations at one address: the new one counts
            continue
        template, _, query = operation.http["requestUri"].partition("?")
        flags = tuple(tuple(part.partition("=")[::2]) for part in query.split("&") if part)
        # S3 alone tells operations apart by parameters that they require.
        shape = operation.input_shape
        needed = [member.serialization for key, member in shape.members.items()
                  if key in shape.required_members] if shape and name == "s3" else []
        in_query = frozenset(one["name"] for one in needed if one.get("location") == "querystring")
        headers = frozenset(one["name"].lower() for one in needed
                            if one.get("location") == "header")
        path = path_pattern(template)[0]
        rank = (-len(flags), -len(in_query | headers), template.count("{"))
        found.setdefault(operation.http["method"], []).append(
            (rank, Route(path, flags, in_query, headers, operation)))
    return {method: [route for _, route in sorted(ranked, key=lambda pair: pair[0])]
            for method, ranked in found.items()}


@functools.cache
def path_pattern(template: str) -> tuple[re.Pattern, list[str]]:
    """A model's template for paths as a regular expression, and the parameters of its groups.

    A slash may end the path: older clients of Lambda send one, and so may those of S3.
    """
    parts = re.split(r"\{([^}+]+)(\+?)\}", template.rstrip("/"))
    pattern = re.escape(parts[0])
    for _, greedy, literal in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        pattern += ("(.+)" if greedy else "([^/]+)") + re.escape(literal)
    return re.compile(pattern + "/?", re.DOTALL), parts[1::3]


def _route(name: str, request: Request) -> OperationModel | None:
    known = routes(name).get(request.method, [])
    return next((route.operation for route in known if route.fits(request)), None)


# ---------------------------------------------------------------- parameters

def parameters_of(operation: OperationModel, request: Request) -> dict:
    """The parameters of a request, by the names that boto3 gives them.

    Raises:
        UnreadableError: the body cannot be read, or a value has another type than the model's.
    """
    shape = operation.input_shape
    if shape is None:
        return {}
    if operation.service_model.protocol.startswith("rest-"):
        return rest_parameters(operation, shape, request)
    request = unpacked(operation, request)
    if "x-amz-target" in request.headers:
        return from_json(shape, document(shape, request.body))
    return from_form(shape, tree(form(request)))


def unpacked(operation: OperationModel, request: Request) -> Request:
    """The request without compression, which PutMetricData alone takes (10 KB and more)."""
    if not operation.request_compression or request.headers.get("content-encoding") != "gzip":
        return request
    try:
        return replace(request, body=gzip.decompress(request.body))
    except (OSError, EOFError, zlib.error):
        raise UnreadableError("The body is not valid gzip.") from None


def rest_parameters(operation: OperationModel, shape: StructureShape, request: Request) -> dict:
    """Of a REST request: some are in the path, some in query and headers, some in the body."""
    parameters = {}
    pattern, places = path_pattern(operation.http["requestUri"].partition("?")[0])
    in_path = dict(zip(places, pattern.fullmatch(request.path).groups(), strict=True))
    for key, member in shape.members.items():
        value = outside_body(member, member.serialization.get("name", key), in_path, request)
        if value is not None:
            parameters[key] = value
    return parameters | in_body(operation, shape, request)


def outside_body(member: Shape, name: str, in_path: dict[str, str], request: Request):
    """The value of a parameter that the model puts in path, query or headers; else None."""
    where = member.serialization.get("location")
    if where == "uri":
        return from_text(member, unquote(in_path[name]))
    if where == "header":
        text = request.headers.get(name.lower())
        if text is None or isinstance(member, ListShape):
            return None if text is None else [
                from_text(member.member, part.strip()) for part in text.split(",")]
        return from_text(member, text)
    if where == "headers":
        found = {key[len(name):]: value for key, value in request.headers.items()
                 if key.startswith(name.lower())}
        return found or None
    if where != "querystring":
        return None
    if isinstance(member, MapShape):
        return None     # every parameter that has no name of its own: nothing to check
    texts = request.parameters.get(name)
    if texts is None:
        return None
    if isinstance(member, ListShape):
        return [from_text(member.member, text) for text in texts]
    return from_text(member, texts[0])


def in_body(operation: OperationModel, shape: StructureShape, request: Request) -> dict:
    """The parameters in a REST request's body."""
    payload = shape.serialization.get("payload")
    target = shape.members[payload] if payload else shape
    if target.type_name != "structure":     # an object, a function's payload: not ours to read
        text = target.type_name == "string"
        return {payload: request.body.decode("utf-8", "replace") if text else request.body} \
            if request.body else {}
    members = {key for key, member in target.members.items()
               if "location" not in member.serialization}
    if not members or payload and not request.body:
        return {payload: {}} if request.body and payload else {}
    if operation.service_model.protocol == "rest-xml":
        read = from_xml(target, parsed_xml(request.body), members) if request.body else {}
    else:
        read = from_json(target, document(target, request.body), members)
    return {payload: read} if payload else read


# ---------------------------------------------------------------- JSON

def document(shape: Shape, body: bytes):
    """A body of JSON. Of a large one, a zip file in it is left out (`blobs` name where)."""
    if not body:
        return {}
    for name in blobs(shape) if len(body) > LARGE else ():
        body = without(body, name)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):    # text that is not UTF-8 is a ValueError, too
        raise UnreadableError("The body is not valid JSON.") from None


@functools.cache
def blobs(shape: Shape, deep: int = 3) -> tuple[str, ...]:
    """Names of the binary members of a structure and of those in it."""
    if not isinstance(shape, StructureShape) or not deep:
        return ()
    own = [member.serialization.get("name", key) for key, member in shape.members.items()
           if member.type_name == "blob"]
    return (*own, *(name for member in shape.members.values() for name in blobs(member, deep - 1)))


def without(body: bytes, name: str) -> bytes:
    """The body of JSON with an empty text in place of a member's: its value is not copied."""
    key = b'"' + name.encode() + b'"'
    start = body.find(key)
    if start < 0:
        return body
    begin = body.find(b'"', start + len(key))
    end = body.find(b'"', begin + 1)        # base64 has no quotes
    if begin < 0 or end < 0 or body[start + len(key):begin].strip() != b":":
        return body
    return body[:begin + 1] + body[end:]


def from_json(shape: Shape, value, members: set[str] | None = None):
    """A value of JSON as the model's type; unknown members are left out, as on AWS.

    members: of a structure, those to look for; None: all.
    """
    if isinstance(shape, StructureShape):
        expect(isinstance(value, dict), "Unexpected type where a structure is expected")
        found = ((key, member, value.get(member.serialization.get("name", key)))
                 for key, member in shape.members.items() if members is None or key in members)
        return {key: from_json(member, part) for key, member, part in found if part is not None}
    if isinstance(shape, ListShape):
        expect(isinstance(value, list), "Expected list or null")
        return [None if part is None else from_json(shape.member, part) for part in value]
    if isinstance(shape, MapShape):
        expect(isinstance(value, dict), "Unexpected type where a map is expected")
        return {key: None if part is None else from_json(shape.value, part)
                for key, part in value.items()}
    return scalar(shape, value)


def scalar(shape: Shape, value):
    """One value of JSON: a text, a number, true or false, a time."""
    kind = shape.type_name
    if kind in ("float", "double") and value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    if kind in NUMBERS:
        expect(isinstance(value, (int, float)) and not isinstance(value, bool),
               f"{token(value)} can not be converted to {TYPES[kind]}")
        expect(math.isfinite(value), f"NUMBER_VALUE can not be converted to {TYPES[kind]}")
        return NUMBERS[kind](value)
    if kind == "boolean":
        expect(value in (True, False, "true", "false"),
               f"{token(value)} can not be converted to a Boolean")
        return value in (True, "true")
    if kind in ("string", "character"):
        expect(isinstance(value, str), f"{token(value)} can not be converted to a String")
    return time_of(value) if kind == "timestamp" else value


TYPES = {"integer": "an Integer", "long": "a Long", "float": "a Float", "double": "a Double"}


def token(value) -> str:
    """What AWS calls the kind of a JSON value in its messages."""
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    if isinstance(value, str):
        return "STRING_VALUE"
    return "NUMBER_VALUE" if isinstance(value, (int, float)) else type(value).__name__.upper()


def expect(holds: bool, message: str) -> None:
    if not holds:
        raise UnreadableError(message)


# ---------------------------------------------------------------- text: paths, headers, forms, XML

def from_text(shape: Shape, text: str):
    """A value that is written as text, as the model's type."""
    kind = shape.type_name
    if kind in NUMBERS:
        try:
            return NUMBERS[kind](text)
        except ValueError:
            raise UnreadableError(f"STRING_VALUE can not be converted to {TYPES[kind]}") from None
    if kind == "boolean":
        expect(text.lower() in ("true", "false"), "STRING_VALUE can not be converted to a Boolean")
        return text.lower() == "true"
    return time_of(text) if kind == "timestamp" else text


def time_of(value):
    """A time in any of AWS's three notations (datetime)."""
    try:
        return parse_timestamp(value)
    except (ValueError, TypeError, OverflowError):
        raise UnreadableError(f"{token(value)} can not be converted to a Date") from None


def form(request: Request) -> dict[str, str]:
    """The form of a Query request: in the body of a POST, else in the address."""
    text = request.body.decode("utf-8", "replace") if request.body else request.query
    return dict(parse_qsl(text, keep_blank_values=True))


def tree(fields: dict[str, str]) -> dict:
    """Fields with dotted names, as dictionaries in dictionaries: `A.member.1` → A, member, 1.

    A field's text is under the empty name; no name of AWS's has an empty part.
    """
    root: dict = {}
    for name, text in fields.items():
        node, parts = root, name.split(".")
        if not all(parts):
            continue
        for part in parts:
            node = node.setdefault(part, {})
        node[""] = text
    return root


def from_form(shape: Shape, node: dict):
    """A node of `tree` as the model's type."""
    if isinstance(shape, StructureShape):
        found = {}
        for key, member in shape.members.items():
            below = form_node(key, member, node)
            if below is not None:
                found[key] = from_form(member, below)
        return found
    if isinstance(shape, ListShape):
        if not shape.serialization.get("flattened"):
            node = node.get(shape.member.serialization.get("name", "member"), {})
        return [from_form(shape.member, part) for part in numbered(node)]
    if isinstance(shape, MapShape):
        if not shape.serialization.get("flattened"):
            node = node.get("entry", {})
        key_name = shape.key.serialization.get("name", "key")
        value_name = shape.value.serialization.get("name", "value")
        return {part.get(key_name, {}).get("", ""): from_form(shape.value, part.get(value_name, {}))
                for part in numbered(node)}
    return from_text(shape, node.get("", ""))


def form_node(key: str, member: Shape, node: dict) -> dict | None:
    """Where a form has a structure's member. A flattened list is under its entries' name."""
    name = member.serialization.get("name", key)
    if isinstance(member, ListShape) and member.serialization.get("flattened"):
        name = member.member.serialization.get("name", name)
    return node.get(name)


def numbered(node: dict) -> list[dict]:
    """The parts 1, 2, 3 … of a node, in order."""
    return [node[key] for key in sorted((key for key in node if key.isdecimal()), key=int)]


def parsed_xml(body: bytes) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(body)
    except (ElementTree.ParseError, ValueError, LookupError):
        raise UnreadableError("The body is not valid XML.") from None


def from_xml(shape: Shape, element: ElementTree.Element, members: set[str] | None = None):
    """An element as the model's type; namespaces are passed over, as S3 does.

    members: of a structure, those to look for; None: all.
    """
    if isinstance(shape, StructureShape):
        found = {}
        for key, member in shape.members.items():
            if members is not None and key not in members:
                continue
            name = member.serialization.get("name", key)
            if member.serialization.get("xmlAttribute"):
                texts = [text for key_, text in element.attrib.items()
                         if key_.rpartition("}")[2] == name.rpartition(":")[2]]
                found |= {key: from_text(member, texts[0])} if texts else {}
                continue
            below = [child for child in element if child.tag.rpartition("}")[2] == name]
            if below and member.serialization.get("flattened"):
                found[key] = [from_xml(member.member, child) for child in below]
            elif below:
                found[key] = from_xml(member, below[0])
        return found
    if isinstance(shape, ListShape):
        return [from_xml(shape.member, child) for child in element]
    return from_text(shape, element.text or "")
