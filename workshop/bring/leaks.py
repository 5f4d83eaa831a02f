"""Looks for what must not be in a folder or an image: keys, passwords, credentials."""
import re
from pathlib import Path

# By service: what its keys look like, as the services document it.
PATTERNS = {
    "an AWS access key": re.compile(rb"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "an AWS secret key": re.compile(
        rb"(?i)aws.{0,20}secret.{0,20}[=:]\s*[\"']?[A-Za-z0-9/+=]{40}\b"),
    "a private key": re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
    "a GitHub token": re.compile(rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{60,})\b"),
    "a Hugging Face token": re.compile(rb"\bhf_[A-Za-z0-9]{30,}\b"),
    "an API key": re.compile(rb"\bsk-[A-Za-z0-9_-]{32,}"),
    "a password": re.compile(rb"(?i)\b(?:password|passwd|api_key|secret_key|token)\b\s*[=:]\s*"
                             rb"[\"'][^\"'\s]{8,}[\"']"),
    "a password in an address": re.compile(rb"://[^/\s:@]+:[^/\s:@]{3,}@"),
}
NAMES = re.compile(r"(?i)^(\.env(\..*)?|\.netrc|\.pypirc|credentials|id_(rsa|ed25519|ecdsa)"
                   r"|.*\.(pem|key|p12|pfx))$")
BINARY = (".onnx", ".data", ".csv")     # weights look like anything


def in_folder(folder: Path) -> list[str]:
    """What was found, as "FILE: what" and never the secret itself; [] for nothing."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_dir() and path.name == ".git":
            found.append(f"{path.relative_to(folder)}: a repository with all its history")
        if not path.is_file() or "__pycache__" in path.parts or ".git" in path.parts:
            continue
        name = str(path.relative_to(folder))
        if NAMES.match(path.name):
            found.append(f"{name}: a file of credentials, by its name")
        if path.suffix not in BINARY:
            found += [f"{name}: {what}" for what in in_text(path.read_bytes())]
    return found


def in_text(content: bytes) -> list[str]:
    """The kinds of secrets that a content has."""
    return [what for what, pattern in PATTERNS.items() if pattern.search(content)]
