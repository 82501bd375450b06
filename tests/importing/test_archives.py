"""ZIP and tar archives: honest ones read, hostile members refused by name."""

from __future__ import annotations

import io
import os
import stat
import struct
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from radioviz.api import confined
from radioviz.errors import CatalogueError, ImageError, ReaderError
from radioviz.importing import Source
from radioviz.importing.readers.image_archives import (
    LIMITS,
    ArchiveLimits,
    archive_members,
    is_archive,
)

CONTENT = {"a.fits": b"A" * 5000, "deep/er/b.fits": os.urandom(4000), "ü.fits": b"x"}


def _zip(path: Path, content: dict[str, bytes] = CONTENT) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("deep")
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def _tar(path: Path, mode: str = "w:gz", content: dict[str, bytes] = CONTENT) -> Path:
    with tarfile.open(path, mode) as archive:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def _contents(path: Path, limits: ArchiveLimits = LIMITS) -> dict[str, bytes]:
    return {m.name: m.read() for m in archive_members(path, limits) if not m.refused}


def _refusals(path: Path, limits: ArchiveLimits = LIMITS) -> dict[str, str]:
    return {m.name: m.refused for m in archive_members(path, limits) if m.refused}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tars(tmp_path, mode):
    path = _tar(tmp_path / "whatever.bin", mode)
    assert is_archive(path)
    assert _contents(path) == CONTENT


def test_zip(tmp_path):
    path = _zip(tmp_path / "a.zip")
    assert is_archive(path)
    assert _contents(path) == CONTENT


def test_what_is_no_archive(tmp_path):
    import gzip

    for content in (
        b"",
        b"SIMPLE  =",
        gzip.compress(b"SIMPLE  =" * 100),
        b"\x1f\x8bx",
        b"PK\x03\x05",
    ):
        (tmp_path / "f").write_bytes(content)
        assert not is_archive(tmp_path / "f")
    with pytest.raises(CatalogueError, match="not a ZIP or tar"):
        list(archive_members(tmp_path / "f"))


NAMES = {
    "../../etc/cron.d/x.fits": "..",
    "a/../../b.fits": "..",
    "..\\up.fits": "..",
    "/etc/passwd.fits": "absolute",
    "C:\\windows\\x.fits": "absolute",
    "C:x.fits": "absolute",
    "bell\x07.fits": "control",
    "inner.zip": "archive inside",
    "inner.tar.gz": "archive inside",
}


@pytest.mark.parametrize("make", [_zip, _tar])
def test_names_that_lead_elsewhere(tmp_path, make):
    path = make(tmp_path / "a", content={**dict.fromkeys(NAMES, b"x"), "good.fits": b"y"})
    refused = _refusals(path)
    for name, why in NAMES.items():
        assert any(
            why in reason
            for n, reason in refused.items()
            if n.replace("\\", "/") == name.replace("\\", "/")
        ), name
    assert _contents(path) == {"good.fits": b"y"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a"]


def test_refused_members_cannot_be_read(tmp_path):
    path = _zip(tmp_path / "a.zip", {"../x.fits": b"x"})
    member = next(iter(archive_members(path)))
    with pytest.raises(ImageError, match=r"a path with '\.\.'"):
        member.read()


def test_links_and_devices_of_a_tar(tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind in (
            ("soft.fits", tarfile.SYMTYPE),
            ("hard.fits", tarfile.LNKTYPE),
            ("null.fits", tarfile.CHRTYPE),
            ("disk.fits", tarfile.BLKTYPE),
            ("pipe.fits", tarfile.FIFOTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("good.fits")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"y"))
    refused = _refusals(path)
    assert refused["soft.fits"] == refused["hard.fits"] == "a link to '/etc/passwd'"
    assert refused["null.fits"] == refused["disk.fits"] == refused["pipe.fits"] == "a special file"
    assert _contents(path) == {"good.fits": b"y"}


def test_link_of_a_zip(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("soft.fits")
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    assert _refusals(path) == {"soft.fits": "a link"}


def test_a_second_file_of_the_same_name(tmp_path, recwarn):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.fits", b"1")
        archive.writestr("a.fits", b"2")
    recwarn.clear()  # zipfile warns of what this test is about
    assert _contents(path) == {"a.fits": b"1"}
    assert _refusals(path) == {"a.fits": "a second file of this name"}


def test_zip_bomb_by_ratio(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("bomb.fits", bytes(40 << 20))
        archive.writestr("good.fits", bytes(1 << 20))  # blank images are small and honest
    assert "stored bytes unpack to 41,943,040" in _refusals(path)["bomb.fits"]
    assert list(_contents(path)) == ["good.fits"]


def test_zip_that_lies_about_its_size(tmp_path):
    """A member that says 10 bytes and holds 3 MB is never read beyond the bound."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("liar.fits", bytes(3 << 20))
    content = bytearray(path.read_bytes())
    true = struct.pack("<L", 3 << 20)
    for _ in range(2):
        at = content.index(true)
        content[at : at + 4] = struct.pack("<L", 10)
    path.write_bytes(bytes(content))
    try:
        assert len(_contents(path)["liar.fits"]) <= 10
    except ImageError as error:
        assert "damaged" in str(error)


@pytest.mark.parametrize("make", [_zip, _tar])
def test_bounds(tmp_path, make):
    path = make(tmp_path / "a", content={f"{i}.fits": os.urandom(1000) for i in range(10)})
    with pytest.raises(CatalogueError, match="unpacks to more than 5,000 bytes"):
        _contents(path, ArchiveLimits(total_bytes=5000))
    assert len(_refusals(path, ArchiveLimits(member_bytes=999))) == 10
    with pytest.raises(CatalogueError, match=r"more than 5 entries|entries; up to 5"):
        _contents(path, ArchiveLimits(members=5))


def _million_entries(path: Path, count: int) -> None:
    """A ZIP whose directory lists ``count`` entries, all of them the same bytes."""
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 0, 0, 0, 0, 1, 0) + b"a"
    with path.open("wb") as file:
        file.write(local)
        entry = struct.pack(
            "<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0
        ) + b"a"  # fmt: skip
        for _ in range(count // 1000):
            file.write(entry * 1000)
        size = len(entry) * (count // 1000) * 1000
        file.write(struct.pack("<4s4H2LH", _EOCD, 0, 0, 5, 5, size, len(local), 0))


_EOCD = b"PK\x05\x06"


def test_a_million_entries_cost_the_server_no_memory(tmp_path):
    """The end record claims five; what counts is the directory that is read."""
    path = tmp_path / "a.zip"
    _million_entries(path, 1_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(
            (CatalogueError, ReaderError), match=r"more than 200,000 entries|needed more than"
        ):
            confined.inspect_source(Source(path))
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
    _million_entries(path, 201_000)
    with pytest.raises(CatalogueError, match="more than 200,000 entries"):
        list(archive_members(path))


@pytest.mark.parametrize("declared", [50 << 20, 200 << 30])
def test_a_tar_of_endless_headers(tmp_path, declared):
    """A PAX record of 50 MB of zeros, or that says it has 200 GB, in a few kilobytes of gzip."""
    import gzip

    info = tarfile.TarInfo("a.fits")
    info.type = tarfile.XHDTYPE
    info.size = declared
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(info.tobuf() + bytes(50 << 20)))
    tracemalloc.start()
    try:
        with pytest.raises(CatalogueError, match="not a readable tar archive"):
            list(archive_members(path))
        assert tracemalloc.get_traced_memory()[1] < 200e6
        with pytest.raises(CatalogueError, match="not a readable tar archive"):
            confined.inspect_source(Source(path))
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("make", [_zip, _tar])
def test_truncated_archives(tmp_path, make):
    path = make(tmp_path / "a")
    content = path.read_bytes()
    for length in (len(content) // 2, len(content) - 8):
        (tmp_path / "cut").write_bytes(content[:length])
        try:
            found = _contents(tmp_path / "cut")
        except (CatalogueError, ImageError):
            continue
        assert found == CONTENT, "what is cut short may lack its last mark and nothing else"


def test_damaged_member_costs_itself_alone(tmp_path):
    path = _zip(tmp_path / "a.zip", {"a.fits": os.urandom(3000), "b.fits": b"good" * 100})
    content = bytearray(path.read_bytes())
    at = content.index(b"a.fits") + 100
    content[at : at + 50] = bytes(50)
    path.write_bytes(bytes(content))
    for member in archive_members(path):
        if member.name == "a.fits":
            with pytest.raises(ImageError, match="damaged in the archive"):
                member.read()
        else:
            assert member.read() == b"good" * 100


def test_hidden_files_are_passed_over(tmp_path):
    path = _zip(tmp_path / "a.zip", {"__MACOSX/._a.fits": b"x", ".DS_Store": b"x", "a.fits": b"y"})
    assert [m.name for m in archive_members(path)] == ["a.fits"]


def test_encrypted_member(tmp_path):
    path = _zip(tmp_path / "a.zip", {"a.fits": b"x"})
    content = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.rindex(magic) + offset
        content[at] |= 1
    path.write_bytes(bytes(content))
    assert _refusals(path) == {"a.fits": "encrypted"}


def test_a_member_without_a_name_is_left_out(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("\0.fits"), b"x")  # the name ends at the zero byte
        archive.writestr("b.fits", b"y")
    found = {m.name: m.refused for m in archive_members(tmp_path / "a.zip")}
    assert found["b.fits"] == ""
    assert found[""] != ""


def test_a_name_before_a_member_that_is_no_text(tmp_path):
    """The directory's name is plain; the one before the member is said to be UTF-8."""
    path = _zip(tmp_path / "a.zip", {"ü.fits": b"x" * 100, "b.fits": b"y"})
    content = bytearray(path.read_bytes())
    where = content.index("ü".encode())
    content[where] = 0xB5
    path.write_bytes(content)
    found = archive_members(path)
    with pytest.raises(ImageError, match=r"ü\.fits: damaged in the archive"):
        next(found).read()
    assert next(found).read() == b"y"
