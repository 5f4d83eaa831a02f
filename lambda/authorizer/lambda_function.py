"""A Lambda authorizer for one secret token. It knows the token's SHA-256, not the token."""
import hashlib
import hmac
import os

TOKEN_SHA256 = os.environ["TOKEN_SHA256"].strip().lower()   # hexadecimal; "" locks the API


def lambda_handler(event, context):
    """Answer whether the request's `Authorization: Bearer TOKEN` holds the token."""
    sent = event.get("identitySource") or [""]
    scheme, _, token = str(sent[0]).partition(" ")
    if scheme.lower() != "bearer" or not token.strip():     # an empty token is nobody's
        return {"isAuthorized": False}
    digest = hashlib.sha256(token.strip().encode("utf-8", "replace")).hexdigest()
    # compare_digest takes the same time wherever the first difference is.
    return {"isAuthorized": hmac.compare_digest(digest.encode(), TOKEN_SHA256.encode())}
