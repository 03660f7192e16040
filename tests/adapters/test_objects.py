"""A folder of objects: content-addressed, durable, checked, and closed to tricks with paths."""

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from adapters.objects import CHUNK, MAX_OBJECT, FolderObjects, open_objects
from contracts.errors import Invalid, NotFound, TooLarge, Unavailable
from contracts.wire import ObjectRef

PICTURE = bytes(range(256)) * 1000


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path / "art")


async def test_what_is_put_can_be_read(objects: FolderObjects) -> None:
    """The reference names scope, hash, size and type, and gives the same bytes."""
    ref = await objects.put("cover-1", PICTURE, "image/png")
    sha256 = hashlib.sha256(PICTURE).hexdigest()
    assert ref == ObjectRef(key=f"cover-1/{sha256}", sha256=sha256, size=len(PICTURE), media_type="image/png")
    assert await objects.get(ref) == PICTURE


async def test_a_stream_has_pieces_of_64_kib(objects: FolderObjects) -> None:
    """A stream gives all bytes in order and no piece above the limit."""
    ref = await objects.put("cover-1", PICTURE, "image/png")
    pieces = [piece async for piece in objects.stream(ref)]
    assert b"".join(pieces) == PICTURE
    assert [len(piece) for piece in pieces[:-1]] == [CHUNK] * (len(PICTURE) // CHUNK)


async def test_putting_twice_changes_nothing(objects: FolderObjects, tmp_path: Path) -> None:
    """The same content in the same scope is one file, also when put at the same time."""
    refs = await asyncio.gather(*(objects.put("cover-1", PICTURE, "image/png") for _ in range(8)))
    assert len(set(refs)) == 1
    assert [path.name for path in (tmp_path / "art" / "cover-1").iterdir()] == [refs[0].sha256]
    assert list((tmp_path / "art" / ".incoming").iterdir()) == []


async def test_deleting_is_idempotent_and_leaves_no_folder(objects: FolderObjects, tmp_path: Path) -> None:
    """A deleted object is gone, deleting it again is fine, and the empty scope goes too."""
    ref = await objects.put("cover-1", PICTURE, "image/png")
    await objects.delete(ref.key)
    await objects.delete(ref.key)
    assert not (tmp_path / "art" / "cover-1").exists()
    with pytest.raises(NotFound):
        await objects.get(ref)
    with pytest.raises(NotFound):
        [piece async for piece in objects.stream(ref)]


async def test_put_and_delete_in_one_scope_do_not_disturb_each_other(objects: FolderObjects) -> None:
    """Removing the last object of a scope may not make a put into it fail."""

    async def churn(number: int) -> None:
        ref = await objects.put("shared", b"%d" % number, "text/plain")
        assert await objects.get(ref) == b"%d" % number
        await objects.delete(ref.key)

    await asyncio.gather(*(churn(number) for number in range(40)))


@pytest.mark.parametrize("damage", [b"x" + PICTURE[1:], PICTURE[:-1], PICTURE + b"x"])
async def test_damaged_bytes_are_never_given_out(objects: FolderObjects, tmp_path: Path, damage: bytes) -> None:
    """Other content or another length is an error, and a stream never finishes as if all were well."""
    ref = await objects.put("cover-1", PICTURE, "image/png")
    (tmp_path / "art" / ref.key).write_bytes(damage)
    with pytest.raises(Unavailable, match="damaged"):
        await objects.get(ref)
    with pytest.raises(Unavailable, match="damaged"):
        [piece async for piece in objects.stream(ref)]
    await objects.put("cover-1", PICTURE, "image/png")
    assert await objects.get(ref) == PICTURE


@pytest.mark.parametrize("scope", ["", "..", "../x", "a/b", "/etc", ".incoming", "A", "a\n", "ä", "a" * 101, "a\0b"])
async def test_a_scope_cannot_leave_the_folder(objects: FolderObjects, scope: str) -> None:
    """Scopes are plain words; anything else is refused before the disk is touched."""
    with pytest.raises(Invalid):
        await objects.put(scope, b"x", "text/plain")


@pytest.mark.parametrize(
    "key", ["", "x", "../passwd", "a/../../etc/passwd", f"../{'0' * 64}", f"a/{'0' * 64}/", "a/\0"]
)
async def test_a_key_cannot_leave_the_folder(objects: FolderObjects, tmp_path: Path, key: str) -> None:
    """A key that no put has made names nothing, and deletes nothing."""
    (tmp_path / "passwd").write_bytes(b"secret")
    ref = ObjectRef(key=key, sha256="0" * 64, size=6, media_type="text/plain")
    with pytest.raises(NotFound):
        await objects.get(ref)
    with pytest.raises(NotFound):
        await objects.delete(key)
    assert (tmp_path / "passwd").exists()


async def test_an_object_above_32_mib_is_refused(objects: FolderObjects) -> None:
    """One byte too many is TooLarge."""
    with pytest.raises(TooLarge):
        await objects.put("cover-1", bytes(MAX_OBJECT + 1), "image/png")


async def test_only_old_temporary_files_are_swept(objects: FolderObjects, tmp_path: Path) -> None:
    """What a crash left behind goes; what is being written stays."""
    await objects.put("cover-1", PICTURE, "image/png")
    incoming = tmp_path / "art" / ".incoming"
    for name in ("old", "new"):
        (incoming / name).write_bytes(b"half")
    os.utime(incoming / "old", (0, 0))
    assert await objects.sweep() == 1
    assert [path.name for path in incoming.iterdir()] == ["new"]


async def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    """Trouble of the disk is Unavailable, so that jobs try again."""
    (tmp_path / "art").write_bytes(b"a file where the folder should be")
    with pytest.raises(Unavailable):
        await FolderObjects(tmp_path / "art").put("cover-1", b"x", "text/plain")


async def test_the_url_chooses_the_store(tmp_path: Path) -> None:
    """`file://` opens a folder, `nats://` the named bucket, anything else is an error at start."""
    folder = open_objects((tmp_path / "with space").as_uri())
    ref = await folder.put("cover-1", b"x", "text/plain")
    assert (tmp_path / "with space" / ref.key).read_bytes() == b"x"
    names: list[str] = []

    def open_bucket(name: str) -> FolderObjects:
        names.append(name)
        return FolderObjects(tmp_path)

    open_objects("nats://art", open_bucket)
    assert names == ["art"]
    for url in ("s3://x", "nats://art", "file:", ""):
        with pytest.raises(ValueError, match="no object store"):
            open_objects(url)
