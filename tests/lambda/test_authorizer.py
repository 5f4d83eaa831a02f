"""The authorizer's function, alone. Behind an API it is in test_http_endpoint.py."""
import hashlib
import hmac

import pytest

from function_folder import load


@pytest.fixture
def authorizer(monkeypatch):
    """Loads the handler with a digest as its setting."""
    def with_digest(digest):
        monkeypatch.setenv("TOKEN_SHA256", digest)
        return load(monkeypatch, "authorizer").lambda_handler
    return with_digest


@pytest.mark.parametrize("sources, authorized", [
    (["Bearer right"], True), (["bearer right"], True), (["Bearer  right "], True),
    (["right"], False), (["Basic right"], False), (["Bearerright"], False), ([" right"], False),
    (["Bearer wrong"], False), (["Bearer "], False), (["Bearer"], False), ([""], False),
    ([], False), (None, False), ([None], False), (["Bearer rïght"], False),
    (["Bearer \ud800"], False)])
def test_authorizer_lets_in_its_token_alone(authorizer, sources, authorized):
    function = authorizer(hashlib.sha256(b"right").hexdigest())
    assert function({"identitySource": sources}, None) == {"isAuthorized": authorized}


@pytest.mark.parametrize("configured", ["", " ", hashlib.sha256(b"").hexdigest(), "right", "é"])
@pytest.mark.parametrize("sent", ["Bearer ", "Bearer", "", "Bearer  ", "Bearer right"])
def test_authorizer_without_a_token_locks(authorizer, configured, sent):
    assert authorizer(configured)({"identitySource": [sent]}, None) == {"isAuthorized": False}


def test_authorizer_takes_a_digest_in_capitals(authorizer):
    function = authorizer(hashlib.sha256(b"right").hexdigest().upper() + "\n")
    assert function({"identitySource": ["Bearer right"]}, None) == {"isAuthorized": True}


def test_authorizer_compares_in_constant_time(authorizer, monkeypatch):
    compared = []
    monkeypatch.setattr(hmac, "compare_digest", lambda *two: compared.append(two) or False)
    function = authorizer(hashlib.sha256(b"right").hexdigest())
    assert function({"identitySource": ["Bearer right"]}, None) == {"isAuthorized": False}
    assert len(compared) == 1
