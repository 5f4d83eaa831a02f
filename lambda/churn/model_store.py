"""A model that lies in S3: fetched for the first request, changed without a new deployment.

MODEL_URI, `s3://BUCKET/KEY`, names the *pointer*, a small JSON object that says which model counts:
`{"key": "models/churn/…/model.onnx", "sha256": "…", "version": "2"}`. The model lies in the same
bucket, each under a key of its own. To update is to move the pointer; to go back, to move it back.
BUCKET_OWNER is the account that must own the bucket: S3 refuses another account's bucket, so that
a stranger who took its name cannot hand in a model.

A model whose SHA-256 is not the one that the pointer promises, or that `load` refuses, never
answers anyone: the one before goes on, and the log says what is wrong.
"""
import hashlib
import json
import os
import re
import time
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

REFRESH = 60            # seconds for which the pointer is believed, unless MODEL_REFRESH_SECONDS
RETRY = 1               # seconds between two attempts while there is no model at all
FOLDER = Path("/tmp/models")        # the one place where a function may write
POINTER_SIZE = 10_000               # bytes; a pointer has some hundred


class NoModelError(RuntimeError):
    """No model has been usable so far; the log said why."""


class Store:
    """The model that the pointer at `uri` names, as `load` returns it.

    load: takes the path of a file, returns the model or raises.
    Raises ValueError when `uri` is not `s3://BUCKET/KEY`, or BUCKET_OWNER not an account's number.
    """

    def __init__(self, uri, load):
        parts = urlsplit(uri)
        self.bucket, self.pointer = parts.netloc, parts.path.lstrip("/")
        if parts.scheme != "s3" or not self.bucket or not self.pointer:
            raise ValueError(f"MODEL_URI is {uri!r}; it must be s3://BUCKET/KEY of the pointer")
        account = os.environ.get("BUCKET_OWNER", "")
        if not re.fullmatch("[0-9]{12}", account):
            raise ValueError(f"BUCKET_OWNER is {account!r}; it must be the 12 digits of the "
                             "account that owns the bucket")
        self.where = {"Bucket": self.bucket, "ExpectedBucketOwner": account}
        self.load, self.seconds = load, float(os.environ.get("MODEL_REFRESH_SECONDS") or REFRESH)
        self.model, self.version, self.etag, self.due = None, None, None, 0
        self.client = s3_client()

    def current(self):
        """Return the model that counts now; raises NoModelError while none has been usable.

        No lock: an execution environment answers one request at a time.
        """
        # By the wall clock: a monotonic one may stand still while the environment is frozen.
        if time.time() >= self.due:
            self.renew()
            self.due = time.time() + (self.seconds if self.model else min(RETRY, self.seconds))
        if self.model is None:
            raise NoModelError(f"s3://{self.bucket}/{self.pointer}")
        return self.model

    def renew(self):
        """Load the model that the pointer names, unless it is here already; never raises."""
        began = time.perf_counter()
        try:
            pointer, etag = self.read_pointer()
            if pointer is None:
                return
            path, fetched = self.fetch(pointer["key"], pointer["sha256"])
            self.model, self.version, self.etag = self.load(path), pointer.get("version"), etag
            clear(keep=path)
        except Exception as error:      # whatever is wrong with the new one, the old one goes on
            log(model="refused", error=type(error).__name__, reason=str(error)[:1000],
                serving=self.version)
        else:
            log(model="loaded", version=self.version, key=pointer["key"], fetched=fetched,
                milliseconds=round((time.perf_counter() - began) * 1000, 3))

    def read_pointer(self):
        """Return the pointer and its ETag; (None, None) when it is the one of the loaded model.

        If-None-Match: when nothing has changed, S3 answers 304 and sends nothing.
        """
        from botocore.exceptions import ClientError
        known = {"IfNoneMatch": self.etag} if self.etag else {}
        try:
            found = self.client.get_object(**self.where, Key=self.pointer, **known)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 304:
                return None, None
            raise
        try:
            pointer = json.loads(found["Body"].read(POINTER_SIZE))
        except ValueError:      # empty, cut off, or something else
            pointer = None
        if not (isinstance(pointer, dict) and isinstance(pointer.get("key"), str)
                and re.fullmatch("[0-9a-f]{64}", str(pointer.get("sha256")))):
            raise ValueError(f's3://{self.bucket}/{self.pointer} must be {{"key": …, '
                             '"sha256": …}: publish the model again (lesson 15)')
        return pointer, found["ETag"]

    def fetch(self, key, sha256):
        """Return the path of the model `key` with this SHA-256, and whether it was fetched now.

        The file gets its name when its content is known to be right: whoever is interrupted leaves
        nothing that passes for a model. /tmp outlives a function that crashed or timed out.
        """
        path = FOLDER / f"{sha256}{PurePosixPath(key).suffix}"
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
            return path, False
        FOLDER.mkdir(parents=True, exist_ok=True)
        part, digest = path.with_suffix(".part"), hashlib.sha256()
        try:
            with open(part, "wb") as file:
                body = self.client.get_object(**self.where, Key=key)["Body"]
                for chunk in body.iter_chunks(1024 * 1024):
                    digest.update(chunk)
                    file.write(chunk)
            if digest.hexdigest() != sha256:
                raise ValueError(f"s3://{self.bucket}/{key} has the SHA-256 {digest.hexdigest()}, "
                                 f"the pointer promises {sha256}: publish the model again "
                                 "(lesson 15)")
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
        return path, True


def s3_client():
    """A client that gives up early: a request waits while it asks, and a model may be here."""
    import boto3  # brought by Lambda's Python; a function without MODEL_URI never waits
    from botocore.config import Config
    return boto3.client("s3", config=Config(
        connect_timeout=1, read_timeout=3, retries={"total_max_attempts": 2}))


def clear(keep):
    """Delete the models before: /tmp has 512 MB unless one pays for more."""
    for path in FOLDER.iterdir():
        if path != keep:
            path.unlink(missing_ok=True)


def log(**what):
    """One line of JSON, as for requests."""
    print(json.dumps(what), flush=True)
