"""The registry's password: MiniStack hands out the same one to everybody, and takes any."""
import base64
import time


def apply(port: int) -> None:
    """Replace GetAuthorizationToken; the gate looks at the password."""
    from ministack.services import ecr
    ecr._get_authorization_token = authorization_token


def authorization_token(data):
    """A new token: user AWS, a random password, valid for 12 hours."""
    from ministack.core.responses import get_account_id, get_region, json_response

    from workshop.local import identities
    from workshop.local.permissions import decision
    password = identities.registry_password(decision.asking.get())
    return json_response({"authorizationData": [{
        "authorizationToken": base64.b64encode(f"AWS:{password}".encode()).decode(),
        "expiresAt": int(time.time()) + identities.REGISTRY_SECONDS,
        "proxyEndpoint": f"https://{get_account_id()}.dkr.ecr.{get_region()}.amazonaws.com"}]})
