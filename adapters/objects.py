"""Where bytes are kept: pictures under the SHA-256 of their content, in a scope such as the id of a cover.

A key is `<scope>/<sha256>`. Objects never change, so putting one twice changes nothing and a reader can check what it
gets. `open_objects` chooses between a folder (`file:///path`) and a bucket of NATS (`nats://art`).
"""

import asyncio
import hashlib
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

from contracts.errors import Invalid, NotFound, TooLarge, Unavailable
from contracts.wire import ObjectRef

GONE = "This file is not there any more."
"""For people: what users read when the bytes behind a reference went with their owner, such as a deleted cover."""
MAX_OBJECT = 32 * 1024 * 1024
"""Bytes of the largest object."""
CHUNK = 64 * 1024
"""Bytes of one piece of a stream."""
STALE_AFTER = 3600.0
"""Seconds after which a temporary file can only be left over from a crash."""
_SCOPE = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Objects(Protocol):
    """A store of immutable objects.

    Everything raises Unavailable when the store cannot be reached or gives other bytes than were put.
    """

    async def put(self, scope: str, data: bytes, media_type: str) -> ObjectRef:
        """Keep `data`; idempotent by scope and content. Raises TooLarge, Invalid for a bad scope."""
        ...

    async def get(self, ref: ObjectRef) -> bytes:
        """The bytes, checked against size and SHA-256. Raises NotFound."""
        ...

    def stream(self, ref: ObjectRef) -> AsyncIterator[bytes]:
        """The bytes in pieces of at most 64 KiB; the last piece comes only when all are right. Raises NotFound."""
        ...

    async def delete(self, key: str) -> None:
        """Remove the object; nothing happens when it is not there."""
        ...


def describe(scope: str, data: bytes, media_type: str) -> ObjectRef:
    """The reference under which `data` is kept. Raises TooLarge, Invalid for a bad scope."""
    if len(data) > MAX_OBJECT:
        raise TooLarge(f"an object has at most {MAX_OBJECT // 2**20} MiB")
    if not _SCOPE.fullmatch(scope):
        raise Invalid("that is no scope for objects")
    sha256 = hashlib.sha256(data).hexdigest()
    return ObjectRef(key=f"{scope}/{sha256}", sha256=sha256, size=len(data), media_type=media_type)


def split_key(key: str) -> tuple[str, str]:
    """Scope and SHA-256 of a key. Raises NotFound for anything that no `put` ever made, such as `../x`."""
    scope, _, sha256 = key.partition("/")
    if not _SCOPE.fullmatch(scope) or not _SHA256.fullmatch(sha256):
        raise NotFound(GONE)
    return scope, sha256


def checked(ref: ObjectRef, data: bytes) -> bytes:
    """`data` when it is what `ref` says. Raises Unavailable."""
    if len(data) != ref.size or hashlib.sha256(data).hexdigest() != ref.sha256:
        raise Unavailable("the object is damaged")
    return data


def open_objects(url: str, open_bucket: Callable[[str], Objects] | None = None) -> Objects:
    """The store at `url`: `file:///path`, or `nats://<bucket>` opened by `open_bucket`. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.path:
        return FolderObjects(Path(unquote(parts.path)))
    if parts.scheme == "nats" and parts.netloc and open_bucket is not None:
        return open_bucket(parts.netloc)
    raise ValueError(f"no object store speaks {parts.scheme or 'this'}://")


class FolderObjects:
    """Objects as files, one folder per scope. All file work happens off the event loop."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / ".incoming"
        self._swept = float("-inf")

    async def put(self, scope: str, data: bytes, media_type: str) -> ObjectRef:
        """Keep `data` durably: a temporary file, synced, then renamed into place."""
        return await asyncio.to_thread(self._put, scope, data, media_type)

    async def get(self, ref: ObjectRef) -> bytes:
        """The bytes, checked."""
        return await asyncio.to_thread(self._get, ref)

    async def stream(self, ref: ObjectRef) -> AsyncIterator[bytes]:
        """The bytes in pieces, checked as they pass."""
        file = await asyncio.to_thread(self._open, ref)
        try:
            digest, left = hashlib.sha256(), ref.size
            while left:
                piece = await asyncio.to_thread(file.read, min(CHUNK, left))
                digest.update(piece)
                left -= len(piece)
                if not piece or (not left and digest.hexdigest() != ref.sha256):
                    raise Unavailable("the object is damaged")
                yield piece
        finally:
            file.close()

    async def delete(self, key: str) -> None:
        """Remove the file, and the folder of its scope when that was the last one."""
        await asyncio.to_thread(self._delete, key)

    async def sweep(self, older_than: float = STALE_AFTER) -> int:
        """Remove temporary files that a crash left behind, older than that many seconds; how many there were.

        Also happens by itself, once an hour, when something is put.
        """
        return await asyncio.to_thread(self._sweep, older_than)

    def _put(self, scope: str, data: bytes, media_type: str) -> ObjectRef:
        ref = describe(scope, data, media_type)
        path = self._root / ref.key
        try:
            if not _holds(path, ref):
                self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
                if time.monotonic() - self._swept > STALE_AFTER:
                    self._sweep(STALE_AFTER)
                self._write(path, data)
        except OSError as error:
            raise Unavailable("the object could not be written") from error
        return ref

    def _write(self, path: Path, data: bytes) -> None:
        handle, name = tempfile.mkstemp(dir=self._incoming)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            self._move(Path(name), path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
        _sync_folder(self._root)

    @staticmethod
    def _move(source: Path, target: Path) -> None:
        """Rename, again when a `delete` took the empty folder away in between."""
        for attempts_left in (2, 1, 0):
            target.parent.mkdir(mode=0o700, exist_ok=True)
            try:
                source.replace(target)
            except FileNotFoundError:
                if not attempts_left:
                    raise
            else:
                return

    def _open(self, ref: ObjectRef) -> BinaryIO:
        path = self._root.joinpath(*split_key(ref.key))
        try:
            file = path.open("rb")
            if os.fstat(file.fileno()).st_size != ref.size:
                file.close()
                raise Unavailable("the object is damaged")
        except FileNotFoundError as error:
            raise NotFound(GONE) from error
        except OSError as error:
            raise Unavailable("the object could not be read") from error
        return file

    def _get(self, ref: ObjectRef) -> bytes:
        with self._open(ref) as file:
            return checked(ref, file.read(MAX_OBJECT + 1))

    def _delete(self, key: str) -> None:
        path = self._root.joinpath(*split_key(key))
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise Unavailable("the object could not be removed") from error
        try:
            path.parent.rmdir()
        except OSError:
            return  # not empty, or gone already: both are fine

    def _sweep(self, older_than: float) -> int:
        self._swept = time.monotonic()
        limit, removed = time.time() - older_than, 0
        for path in self._incoming.glob("*"):
            try:
                if path.stat().st_mtime <= limit:
                    path.unlink()
                    removed += 1
            except FileNotFoundError:
                continue  # its writer has just finished
        return removed


def _holds(path: Path, ref: ObjectRef) -> bool:
    """Are these very bytes there already? A damaged file is written again."""
    try:
        if path.stat().st_size != ref.size:
            return False
        return hashlib.sha256(path.read_bytes()).hexdigest() == ref.sha256
    except FileNotFoundError:
        return False


def _sync_folder(path: Path) -> None:
    """Make a rename in `path` survive a power cut."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
