"""Who may ask the local cloud: two users, roles of functions and endpoints, registry logins.

Every key is random and lives no longer than the local cloud's process. MiniStack's STS keeps them,
so `get_caller_identity` names the caller as on AWS.
"""
import contextlib
import hashlib
import hmac
import json
import os
import secrets
import string
import time
from pathlib import Path

HEALTH = "/_workshop/health"    # the address that tells who has the keys which process it is
LEARNER = "learner"             # the IAM user that the lessons' cells act as
ADMINISTRATOR = "administrator"     # the IAM user that owns the account, and may do everything
USERS = {LEARNER: "AIDALEARNERLEARNERLE", ADMINISTRATOR: "AIDAADMINISTRATORADM"}   # name → id
ACCESS_KEY_LENGTH = 16          # characters after AKIA (a user's) or ASIA (a role's)
REGISTRY_SECONDS = 12 * 3600    # ECR: an authorization token is valid for 12 hours

SERVICE = "service"             # the local cloud itself, as a caller of the registry

_registry_passwords: dict[str, tuple] = {}      # password → (caller, time (s) when it expires)


# The users' keys, in a file that only the learner can read. Standard library only.

def make_keys(folder: Path) -> dict[str, dict[str, str]]:
    """Make the keys of both users and write them, for this user only, to FOLDER/credentials.json.

    Returns user's name → {"access_key": …, "secret_key": …}.
    """
    keys = {user: {"access_key": _access_key("AKIA"), "secret_key": secrets.token_urlsafe(30)}
            for user in USERS}
    path = _file(folder)
    new = path.with_suffix(".new")
    with contextlib.suppress(FileNotFoundError):
        new.unlink()
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(keys, file)
    new.replace(path)
    return keys


def user_keys(folder: Path, user: str = LEARNER) -> dict[str, str] | None:
    """A user's keys of the local cloud whose state is in FOLDER; None where there are none."""
    try:
        keys = json.loads(_file(folder).read_text(encoding="utf-8"))[user]
        return {"access_key": str(keys["access_key"]), "secret_key": str(keys["secret_key"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def forget_keys(folder: Path) -> None:
    """Remove the file with the users' keys."""
    _file(folder).unlink(missing_ok=True)


def health_token(keys: dict[str, str]) -> str:
    """What shows, without revealing the key, that a caller of the health address knows it."""
    return hmac.new(keys["secret_key"].encode(), b"workshop health", hashlib.sha256).hexdigest()


def _file(folder: Path) -> Path:
    return folder / "credentials.json"


def _access_key(kind: str) -> str:
    letters = string.ascii_uppercase + "234567"
    return kind + "".join(secrets.choice(letters) for _ in range(ACCESS_KEY_LENGTH))


# Inside the local cloud's process

def user_arn(account: str, user: str = LEARNER) -> str:
    """ARN of an IAM user, by default of the one that the lessons' cells act as."""
    return f"arn:aws:iam::{account}:user/{user}"


def register_users(keys: dict[str, dict[str, str]], account: str) -> None:
    """Let the users' keys be known. keys: user's name → {"access_key": …, "secret_key": …}."""
    from ministack.services import sts
    for user, own in keys.items():
        sts.register_session(own["access_key"], {
            "Arn": user_arn(account, user), "UserId": USERS[user],
            "PrincipalType": "User", "PrincipalName": user, "AccountId": account,
            "SecretAccessKey": own["secret_key"], "SessionToken": None})


def for_role(role_arn: str, session: str) -> dict[str, str]:
    """New keys of a role, as environment variables of the container that acts with it.

    role_arn: …:role/NAME. session: the session's name, at most 64 characters are kept.
    """
    from ministack.services import sts
    account, role = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    access_key = _access_key("ASIA")
    secret, token = secrets.token_urlsafe(30), secrets.token_urlsafe(200)
    sts.register_session(access_key, {
        "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session[:64]}",
        "UserId": f"AROA{hashlib.sha256(role_arn.encode()).hexdigest()[:17].upper()}"
                  f":{session[:64]}",
        "AccountId": account, "SecretAccessKey": secret, "SessionToken": token})
    return {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_SESSION_TOKEN": token}


def forget(access_key: str | None) -> None:
    """Let a key be unknown from now on."""
    from ministack.services import sts
    if access_key:
        sts._sessions.pop(access_key, None)


def registry_password(caller=SERVICE) -> str:
    """A new password for the registry's user `AWS`, valid for 12 hours.

    caller: who asked for it and acts with it (signatures.Caller); SERVICE is the local cloud, which
    pulls what a function or endpoint was made of.
    """
    now = time.time()
    for password in [one for one, (_, end) in _registry_passwords.items() if end < now]:
        del _registry_passwords[password]
    password = secrets.token_urlsafe(60)
    _registry_passwords[password] = caller, now + REGISTRY_SECONDS
    return password


def registry_caller(password: str):
    """Who acts with this password (Caller or SERVICE); None: nobody has it, or not any more."""
    caller, end = _registry_passwords.get(password, (None, 0))
    return caller if end > time.time() else None


def registry_login() -> dict[str, str]:
    """What the engine needs to pull from the local registry (docker-py's auth_config)."""
    return {"username": "AWS", "password": registry_password()}
