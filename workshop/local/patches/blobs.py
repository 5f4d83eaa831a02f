"""Layers of pushed images are files: MiniStack keeps them in memory, 1 GB after all lessons.

A layer is written to the local cloud's own folder while it arrives, and sent from there. When its
last repository is deleted, the file stays for a while: Docker compresses a layer anew, which takes
most of a push, unless the registry says that it has it. All files go when the local cloud stops.
(Objects of S3 are files by a setting of MiniStack's own, S3_PERSIST: see workshop/local/server.py.)
"""
import contextlib
import functools
import hashlib
import shutil
import tempfile
import weakref
from collections import OrderedDict
from pathlib import Path

from workshop.local import bodies
from workshop.local.addresses import state_folder
from workshop.local.rules import images

CHUNK = 1 << 20     # bytes that are read and sent at a time
KEPT = 10 ** 9      # bytes of layers that stay without a repository, the latest ones


class Blob:
    """A layer's file. It begins empty, as an upload, and has a length as bytes do."""

    def __init__(self, folder: Path):
        handle, name = tempfile.mkstemp(dir=folder)
        self._file = open(handle, "wb", buffering=0)
        self._hash, self._size = hashlib.sha256(), 0
        self.path = Path(name)
        weakref.finalize(self, self.path.unlink, missing_ok=True)

    def __len__(self):
        return self._size

    def extend(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self._hash.update(chunk)
        self._size += len(chunk)

    def close(self) -> str:
        """End the upload; the content's digest, as a registry writes it."""
        self._file.close()
        return f"sha256:{self._hash.hexdigest()}"

    async def send(self, send, _receive) -> None:
        """Send the content as the body of an answer (ASGI)."""
        with open(self.path, "rb") as file:
            while chunk := file.read(CHUNK):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class Kept:
    """The layers that came last, by who sent them and by digest: at most `most` bytes."""

    def __init__(self, most: int = KEPT):
        self.most, self._blobs, self._size = most, OrderedDict(), 0

    def add(self, digest: str, blob: Blob) -> None:
        """Keep a layer, and let go of the oldest ones if there is no room."""
        if before := self._blobs.pop(_scoped(digest), None):
            self._size -= len(before)
        self._blobs[_scoped(digest)] = blob
        self._size += len(blob)
        while self._size > self.most:
            self._size -= len(self._blobs.popitem(last=False)[1])

    def get(self, digest: str) -> Blob | None:
        """The layer with this digest, if it is among those kept and the caller has sent it."""
        return self._blobs.get(_scoped(digest))


def _scoped(digest: str) -> tuple[str, str]:
    """A layer is there again only for whoever has sent it: others may not have its bytes."""
    from workshop.local.permissions import decision
    caller = decision.asking.get(None)          # None: the local cloud itself, which only pulls
    return caller.arn if caller else "", digest


def apply(port: int) -> None:
    """Replace what MiniStack's registry does with a layer's bytes."""
    from ministack.services import ecr
    folder = _folder(port)
    folder.mkdir(parents=True, exist_ok=True)
    kept = Kept()
    ecr._v2_start_blob_upload = started(ecr._v2_start_blob_upload, folder, kept)
    ecr._v2_complete_blob_upload = functools.partial(complete, kept)
    ecr._v2_get_blob = streamed(ecr._v2_get_blob)
    ecr._v2_head_blob = known(ecr._v2_head_blob, kept)
    ecr._v2_put_manifest = whole(ecr._v2_put_manifest, kept)
    ecr._delete_repository = forgotten(ecr._delete_repository)


def close(port: int) -> None:
    """Remove all layers, and the objects of S3 beside them: the local cloud ends."""
    for folder in (_folder(port), s3_folder(port)):
        shutil.rmtree(folder, ignore_errors=True)


def s3_folder(port: int) -> Path:
    """Where MiniStack itself keeps the objects of S3 as files."""
    return state_folder(port) / "tmp" / "s3"


def _folder(port: int) -> Path:
    return state_folder(port) / "tmp" / "blobs"


def written(application):
    """`application` (ASGI), which reads an upload as empty: its body is in the file."""
    async def write(scope, receive, send):
        blob = _upload(scope) if scope["type"] == "http" else None
        if blob is None:
            return await application(scope, receive, send)
        try:
            async for part in bodies.parts(receive):
                blob.extend(part)
        except bodies.DisconnectedError:
            return None
        headers = [(name, value) for name, value in scope["headers"]
                   if name.lower() not in (b"content-length", b"transfer-encoding")]
        return await application({**scope, "headers": [*headers, (b"content-length", b"0")]},
                                 bodies.repeating(b"", receive), send)
    return write


def _upload(scope) -> Blob | None:
    """The upload that a request brings bytes for."""
    from ministack.services import ecr
    if scope["method"] not in ("PATCH", "PUT"):
        return None
    verb, name, identifier = ecr._parse_v2_path(scope["path"]) or ("", "", "")
    if verb != "blob_upload_session":
        return None
    for (_, _, repository), uploads in ecr._uploads.all_items():
        if repository == name and isinstance(uploads.get(identifier), Blob):
            return uploads[identifier]
    return None


def started(start, folder: Path, kept: Kept):
    """An upload that begins is a file; one that comes whole in its first request too."""
    from ministack.services import ecr

    def begin(name, query_params, body):
        answer = start(name, query_params, body)
        for held in (ecr._uploads.get(name, {}), ecr._layer_blobs.get(name, {})):
            for key, content in held.items():
                if not isinstance(content, Blob):
                    held[key] = blob = Blob(folder)
                    blob.extend(content)
                    if held is not ecr._uploads.get(name):
                        blob.close()
                        kept.add(key, blob)
        return answer
    return begin


def complete(kept: Kept, name, upload_uuid, query_params, body):
    """The last request of an upload: its digest must be the content's."""
    from ministack.services import ecr
    if error := ecr._ensure_repo_exists(name):
        return error
    wanted = ecr._query_first(query_params, "digest")
    if not wanted:
        return ecr._registry_error(
            400, "DIGEST_INVALID", "digest query parameter is required", {})
    blob = ecr._uploads.get(name, {}).pop(upload_uuid, None)
    if blob is None:
        return ecr._registry_error(
            404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry",
            {"name": name, "uuid": upload_uuid})
    blob.extend(body)
    actual = blob.close()
    if actual != wanted:
        return ecr._registry_error(
            400, "DIGEST_INVALID", "uploaded blob digest did not match provided digest",
            {"expected": wanted, "actual": actual})
    ecr._layer_blobs.setdefault(name, {})[wanted] = blob
    kept.add(wanted, blob)
    return ecr._registry_ok(201, {
        "Location": f"/v2/{name}/blobs/{wanted}", "Docker-Content-Digest": wanted,
        "Content-Length": "0"}, b"")


def streamed(get):
    """A layer is sent piece by piece."""
    from ministack.core.responses import StreamingResponse

    def found(name, digest):
        status, headers, body = get(name, digest)
        return status, headers, StreamingResponse(body.send) if isinstance(body, Blob) else body
    return found


def known(head, kept: Kept):
    """A layer that the caller has sent before counts as there: Docker asks before it compresses
    one."""
    from ministack.services import ecr

    def asked(name, digest):
        answer, blob = head(name, digest), kept.get(digest)
        if answer[0] == 200 or blob is None or ecr._ensure_repo_exists(name):
            return answer
        return ecr._registry_ok(200, {
            "Content-Type": "application/octet-stream", "Content-Length": str(len(blob)),
            "Docker-Content-Digest": digest}, b"")
    return asked


def whole(put, kept: Kept):
    """An image needs all layers that it names. Those that need not come, as `known` has said, come
    into its repository with it."""
    from ministack.services import ecr

    def pushed(name, reference, headers, body):
        if error := ecr._ensure_repo_exists(name):
            return error
        held = ecr._layer_blobs.setdefault(name, {})
        found = {digest: held.get(digest, kept.get(digest)) for digest in images.layers(body)}
        missing = [digest for digest, blob in found.items() if blob is None]
        by_digest = reference if reference.startswith("sha256:") else None
        for status, code, words in (
                (400, "MANIFEST_INVALID", images.wrong_digest(body, by_digest, name)),
                (404, "BLOB_UPLOAD_UNKNOWN", images.lacking("Layers", missing, name)),
                (404, "MANIFEST_BLOB_UNKNOWN", images.lacking_members(body, name)),
                (400, "TAG_INVALID", images.taken(name, None if by_digest else reference))):
            if words:
                return ecr._registry_error(status, code, words)
        answer = put(name, reference, headers, body)
        if answer[0] == 201:
            held.update(found)
        return answer
    return pushed


def forgotten(delete):
    """A deleted repository no longer gives its layers to anybody."""
    from ministack.services import ecr

    def deleted(data):
        answer = delete(data)
        if answer[0] == 200:
            for kept in (ecr._layer_blobs, ecr._manifest_blobs, ecr._uploads):
                with contextlib.suppress(KeyError):
                    del kept[data["repositoryName"]]
        return answer
    return deleted
