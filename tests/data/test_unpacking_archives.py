"""Archives that are not what they should be: nothing is written outside, nothing half."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from radioviz.data.fetch import fetch
from radioviz.errors import FetchError
from tests.data.archives import CONTENT, PACKED, archive_of, md5, tar_of


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def unpack(content: bytes, folder: Path, **changes: object) -> None:
    """Fetch from a file whose MD5 is the expected one, whatever its content is."""
    packed = folder / "bad.tar.gz"
    packed.write_bytes(content)
    changes |= {"md5": md5(content)}
    fetch("small", packed, folder / "out", archives=[archive_of(PACKED, **changes)])


GOOD = {f"batches/{name}": content for name, content in CONTENT.items()}
LESS = dict(list(GOOD.items())[1:])  # data_batch_1 left out, for members that stand in for it


@pytest.mark.parametrize(
    ("members", "extra", "message"),
    [
        (GOOD | {"../escaped": b"x"}, [], "not one of the 5"),
        (GOOD | {"batches/../../escaped": b"x"}, [], "not one of the 5"),
        (GOOD | {"/tmp/escaped": b"x"}, [], "not one of the 5"),
        (GOOD | {"batches/more": b"x"}, [], "not one of the 5"),
        (GOOD | {"other/data_batch_1": b"x"}, [], "not one of the 5"),
        (GOOD | {"batches/./data_batch_1": b"x"}, [], "not one of the 5"),
        (GOOD, [member("elsewhere", tarfile.DIRTYPE)], "not one of the 5"),
        (
            LESS,
            [member("batches/data_batch_1", tarfile.SYMTYPE, "/etc/passwd")],
            "not one of the 5",
        ),
        (
            LESS,
            [member("batches/data_batch_1", tarfile.LNKTYPE, "batches/data_batch_2")],
            "not one of the 5",
        ),
        (LESS, [member("batches/data_batch_1", tarfile.CHRTYPE)], "not one of the 5"),
        (LESS, [member("batches/data_batch_1", tarfile.BLKTYPE)], "not one of the 5"),
        (
            LESS,
            [member("batches/data_batch_1", tarfile.FIFOTYPE)],
            "not one of the 5",
        ),
        (GOOD, [member("batches/data_batch_1")], "data_batch_1: checksum mismatch"),
        (LESS, [], r"the file\(s\) data_batch_1 are missing"),
        (GOOD | {"batches/data_batch_1": b"altered"}, [], "data_batch_1: checksum mismatch"),
        ({}, [], "are missing"),
    ],
)
def test_archives_that_are_not_what_they_should_be(
    members: dict[str, bytes], extra: list[tarfile.TarInfo], message: str, tmp_path: Path
) -> None:
    content = tar_of(members, extra)
    with pytest.raises(FetchError, match=message):
        unpack(content, tmp_path)
    assert list((tmp_path / "out").iterdir()) == []
    assert not list(tmp_path.rglob("escaped"))


def test_links_through_a_folder_that_is_a_link(tmp_path: Path) -> None:
    """A symbolic link in place of the folder must not lead the files elsewhere."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        tar.addfile(member("batches", tarfile.SYMTYPE, str(tmp_path / "elsewhere")))
        for name, content in GOOD.items():
            info = member(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(FetchError, match="not one of the 5"):
        unpack(out.getvalue(), tmp_path)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    "keep",
    [
        0,
        5,
        20,
        1000,
        pytest.param(len(PACKED) - 20_000, id="most"),
    ],  # PACKED: gzip has the time in it
)
def test_truncated_archive(keep: int, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"bad\.tar\.gz: (not a readable|the file\(s\))"):
        unpack(PACKED[:keep], tmp_path)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    content = tar_of({"batches/data_batch_1": b"\0" * ((1 << 26) + 1)})
    with pytest.raises(FetchError, match="has 67,108,865 bytes; at most 67,108,864"):
        unpack(content, tmp_path)
    assert list((tmp_path / "out").iterdir()) == []
