"""Requests that break a service's model are refused as on AWS; all others pass."""
import base64
import datetime
import functools
import http.client
import json
import re
import urllib.parse

import boto3
import botocore.auth
import botocore.session
import pytest
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.loaders import Loader

from workshop import cloud
from workshop.local import addresses, identities, limits, models, services
from workshop.local.models import Call, constraints, exceptions, patterns, protocols, wording
from workshop.local.signatures import RefusedError, Request

# botocore's name of a service → the name in a signature's scope.
SIGNED = {"apigatewayv2": "apigateway", "sagemaker-runtime": "sagemaker",
          **{protocols.MODELS.get(name, name): name for name in services.SIGNED}}
NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)


# ---------------------------------------------------------------- what botocore sends

class Sent(Exception):
    """Raised in place of sending: `request` is what would have gone out."""

    def __init__(self, prepared):
        super().__init__(prepared.url)
        self.prepared = prepared


def keep(request, **_):
    raise Sent(request)


@functools.cache
def quiet_client(name: str):
    """A client of a service that sends nothing: see `Sent`."""
    client = boto3.client(name, region_name="us-east-1", endpoint_url="http://localhost:4566",
                          aws_access_key_id="k", aws_secret_access_key="s",
                          config=Config(parameter_validation=False,
                                        s3={"addressing_style": "path"},
                                        request_checksum_calculation="when_required"))
    client.meta.events.register("before-send", keep)
    return client


def sent(name: str, operation: str, parameters: dict) -> Request:
    """The request by which botocore asks for an operation, as the gate sees it."""
    client = quiet_client(name)
    with pytest.raises(Sent) as caught:
        client._make_api_call(operation, parameters)
    prepared = caught.value.prepared
    url = urllib.parse.urlsplit(prepared.url)
    body = prepared.body or b""
    if hasattr(body, "read"):
        body = body.read()
    return Request(prepared.method, url.path, url.query,
                   urllib.parse.parse_qs(url.query, keep_blank_values=True),
                   {key.lower(): value.decode("latin-1") if isinstance(value, bytes) else value
                    for key, value in prepared.headers.items()},
                   body if isinstance(body, bytes) else body.encode())


def operations():
    for name in sorted(SIGNED):
        for operation in protocols.model(name).operation_names:
            yield name, operation


# ---------------------------------------------------------------- the way back from a request

def example(shape, key="", within=(), everything=True):
    """A value of a shape's type; of structures, all members or the required ones."""
    if within.count(shape.name) > 1 or len(within) > 9:
        return None
    inner = (*within, shape.name)
    if shape.type_name == "structure":
        members = {name: example(member, name, inner, everything)
                   for name, member in shape.members.items()
                   if everything or name in shape.required_members}
        if shape.is_tagged_union:
            members = dict(list(members.items())[:1])
        return {name: value for name, value in members.items() if value is not None}
    if shape.type_name == "list":
        value = example(shape.member, key, inner, everything)
        return None if value is None else [value, value]
    if shape.type_name == "map":
        value = example(shape.value, key, inner, everything)
        name = shape.key.enum[0] if getattr(shape.key, "enum", None) else "key-1"
        return None if value is None else {name: value}
    return plain(shape, key)


def plain(shape, key):
    where = shape.serialization.get("location", "")
    if shape.type_name == "string":
        if shape.enum:
            return shape.enum[-1]
        if where.startswith("header"):
            return "head er"
        return {"Bucket": "bucket", "CopySource": "bucket/a key", "Key": "a/b c+ä"}.get(
            key, "a b/c:d+ä&=%41\"<")
    return {"integer": 7, "long": 2 ** 40, "float": 0.5, "double": 0.25, "boolean": True,
            "timestamp": NOW, "blob": b"blob\x00\xff"}[shape.type_name]


def same(shape, given, read) -> bool:
    """Whether what was read from a request is what was given; a blob is read as it was sent."""
    if shape.type_name == "structure":
        return set(given) <= set(read) and all(
            same(shape.members[key], value, read[key]) for key, value in given.items())
    if shape.type_name == "list":
        return len(given) == len(read) and all(
            same(shape.member, *pair) for pair in zip(given, read, strict=True))
    if shape.type_name == "map":
        return len(given) == len(read) and all(same(shape.value, value, read[key])
                                               for key, value in given.items())
    if shape.type_name == "blob":
        return read in (given, base64.b64encode(given).decode())
    return type(given) is type(read) and given == read


def not_comparable(name, operation):
    """Members that botocore itself fills or moves before it sends; and maps of free parameters."""
    shape = protocols.model(name).operation_model(operation).input_shape
    for key, member in shape.members.items():
        free = member.type_name == "map" and member.serialization.get("location") == "querystring"
        digest = name == "s3" and re.search(r"MD5|CustomerKey|Checksum", key)
        if free or digest or member.serialization.get("eventstream"):
            yield key


@pytest.mark.parametrize("everything", [True, False], ids=["all", "required"])
@pytest.mark.parametrize("name, operation", operations())
def test_a_request_is_read_back_into_the_parameters_that_it_was_made_of(
        name, operation, everything):
    model = protocols.model(name).operation_model(operation)
    given = example(model.input_shape, everything=everything) if model.input_shape else {}
    if model.input_shape:
        for key in not_comparable(name, operation):
            given.pop(key, None)
    request = sent(name, operation, dict(given))
    assert protocols.model_name(SIGNED[name], request) == name
    found = protocols.operation_of(name, request)
    assert found and found.name == operation
    read = protocols.parameters_of(found, request)
    assert not model.input_shape or same(model.input_shape, given, read), (given, read)
