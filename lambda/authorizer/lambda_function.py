"""A Lambda authorizer for one secret token. It knows the token's SHA-256, not the token."""
import hashlib
import hmac
import os

TOKEN_SHA256 = os.environ["TOKEN_SHA256"]


def lambda_handler(event, context):
    """Answer whether the request's `Authorization: Bearer TOKEN` holds the token."""
    sent = (event.get("identitySource") or [""])[0].removeprefix("Bearer ")
    digest = hashlib.sha256(sent.encode()).hexdigest()
    # compare_digest takes the same time wherever the first difference is.
    return {"isAuthorized": hmac.compare_digest(digest, TOKEN_SHA256)}
