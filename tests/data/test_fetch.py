"""Fetching public data sets from a real server that fails in every way, and unpacking safely."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from radioviz.data.downloads import SOURCES
from radioviz.data.fetch import downloads_folder, fetch
from radioviz.errors import FetchError
from tests.data.archives import ARCHIVE, CONTENT, PACKED, archive_of
from tests.data.http_server import Site, serve


@pytest.fixture
def site() -> Iterator[Site]:
    with serve({"small.tar.gz": PACKED}) as running:
        yield running


@pytest.fixture
def bring(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """``fetch`` of the small archive from the test server, without waits."""
    monkeypatch.setattr("pooch.core.time", SimpleNamespace(sleep=lambda seconds: None))

    def call(source: str | Path | None = None, **options: object) -> Path:
        return fetch(
            "small",
            source or site.url + "/small.tar.gz",
            tmp_path / "to",
            archives=[ARCHIVE],
            **{"timeout": 1.0} | options,  # type: ignore[arg-type]
        )

    return call


def assert_whole(folder: Path) -> None:
    found = {p.name: p.read_bytes() for p in (folder / "batches").iterdir()}
    assert found == CONTENT
    assert [p.name for p in folder.iterdir()] == ["batches"]  # no archive, no scratch left


# -- a server that works -----------------------------------------------------------------


def test_download_and_unpack_with_progress(bring: Callable[..., Path], site: Site) -> None:
    seen: list[tuple[int, int, str]] = []
    folder = bring(progress=lambda *step: seen.append(step))
    assert_whole(folder)
    assert seen[-1] == (len(PACKED), len(PACKED), "downloading small.tar.gz")
    assert [s[0] for s in seen] == sorted(s[0] for s in seen)


@pytest.mark.parametrize("says_its_length", [True, False])
def test_an_archive_of_unknown_length(says_its_length: bool, tmp_path: Path) -> None:
    """The checksum decides; the server's length, where it says one, only feeds the progress."""
    seen: list[tuple[int, int, str]] = []
    with serve({"small.tar.gz": PACKED}) as site:
        if not says_its_length:
            site.faults = ["no-length"]
        folder = fetch(
            "small", site.url + "/small.tar.gz", tmp_path / "to",
            archives=[archive_of(PACKED, size=None)],
            progress=lambda *step: seen.append(step),
        )  # fmt: skip
    assert_whole(folder)
    assert seen[-1][:2] == (len(PACKED), len(PACKED))
    assert (seen[0][1] == len(PACKED)) == says_its_length


def test_an_archive_of_unknown_length_that_never_ends(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("radioviz.data.fetch._LARGEST_ARCHIVE", len(PACKED) - 1)
    with pytest.raises(FetchError, match=f"sends more than the {len(PACKED) - 1:,} bytes"):
        fetch("small", site.url, tmp_path, archives=[archive_of(PACKED, size=None)])


def test_address_of_the_folder_will_do(bring: Callable[..., Path], site: Site) -> None:
    assert_whole(bring(site.url + "/"))


def test_what_is_there_is_not_fetched_again(bring: Callable[..., Path], site: Site) -> None:
    bring()
    requests = len(site.ranges)
    bring()
    assert len(site.ranges) == requests


def test_altered_files_are_fetched_again(bring: Callable[..., Path]) -> None:
    folder = bring()
    (folder / "batches" / "data_batch_2").write_bytes(b"altered")
    assert_whole(bring())


def test_default_target_is_the_cache_folder(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RADIOVIZ_CACHE", str(tmp_path / "cache"))
    folder = fetch("small", site.url, archives=[ARCHIVE])
    assert folder == tmp_path / "cache" / "downloads" / "small" == downloads_folder("small")
    assert_whole(folder)


# -- a server that fails -----------------------------------------------------------------


def test_truncated_body_is_fetched_again(bring: Callable[..., Path], site: Site) -> None:
    site.faults = ["cut:100000", "cut:50000"]
    assert_whole(bring())
    assert len(site.ranges) == 3


def test_truncated_for_ever_is_given_up(
    bring: Callable[..., Path], site: Site, tmp_path: Path
) -> None:
    site.always = "cut:1000"
    with pytest.raises(FetchError, match=r"gave up after 4 attempts\. Run the command again"):
        bring()
    assert len(site.ranges) == 4
    assert list((tmp_path / "to").iterdir()) == []


def test_corrupted_body_is_refused(bring: Callable[..., Path], site: Site, tmp_path: Path) -> None:
    site.always = "flip"
    with pytest.raises(FetchError, match=rf"checksum mismatch: .* expected md5:{ARCHIVE.md5}"):
        bring()
    assert list((tmp_path / "to").iterdir()) == []


def test_corrupted_once_is_fetched_again(bring: Callable[..., Path], site: Site) -> None:
    site.faults = ["flip"]
    assert_whole(bring())


def test_what_a_killed_download_left_is_not_used(
    bring: Callable[..., Path], site: Site, tmp_path: Path
) -> None:
    scratch = tmp_path / "to" / ".batches.0badcafe"
    scratch.mkdir(parents=True)
    (scratch / "small.tar.gz").write_bytes(PACKED[:1000])
    os.utime(scratch, (0, 0))
    assert_whole(bring())
    assert len(site.ranges) == 1


@pytest.mark.parametrize("status", [500, 503, 429])
def test_server_errors_are_retried(bring: Callable[..., Path], site: Site, status: int) -> None:
    site.faults = [f"status:{status}"] * 2
    assert_whole(bring())


@pytest.mark.parametrize("status", [404, 403, 410])
def test_refusals_are_not_retried(bring: Callable[..., Path], site: Site, status: int) -> None:
    site.always = f"status:{status}"
    with pytest.raises(FetchError, match=rf"small.tar.gz: the server answers {status} .*--from"):
        bring()
    assert len(site.ranges) == 1


@pytest.mark.parametrize("fault", ["hang", "stall:1000", "drip"])
def test_slow_servers_are_given_up(bring: Callable[..., Path], site: Site, fault: str) -> None:
    site.always = fault
    with pytest.raises(FetchError, match=r"no answer within 0\.3 s|stalled"):
        bring(timeout=0.3)


def test_slow_start_then_good(bring: Callable[..., Path], site: Site) -> None:
    site.faults = ["hang", "stall:100000"]
    assert_whole(bring(timeout=1.0))


def test_longer_than_the_archive_is_refused(bring: Callable[..., Path], site: Site) -> None:
    site.always = "long"
    with pytest.raises(FetchError, match=r"sends more than the .* bytes of small\.tar\.gz"):
        bring()


def test_no_server_at_all(bring: Callable[..., Path], site: Site) -> None:
    with serve({}) as gone:
        url = gone.url
    with pytest.raises(FetchError, match=r"Connection refused; gave up after 4 attempts.*--from"):
        bring(url + "/small.tar.gz")


@pytest.mark.parametrize(
    "source", ["ftp://host/small.tar.gz", "file:///etc/passwd", "http://", "http://[::1/x.tar.gz"]
)
def test_addresses_that_cannot_be_fetched(bring: Callable[..., Path], source: str) -> None:
    with pytest.raises(FetchError, match="address"):
        bring(source)


# -- local copies ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["file", "renamed", "folder", "unpacked", "parent of unpacked"])
def test_local_copies(kind: str, bring: Callable[..., Path], tmp_path: Path, site: Site) -> None:
    local = tmp_path / "local"
    local.mkdir()
    given = local
    if kind in ("file", "folder"):
        (local / "small.tar.gz").write_bytes(PACKED)
        given = local / "small.tar.gz" if kind == "file" else local
    elif kind == "renamed":
        given = local / "copy (1).gz"
        given.write_bytes(PACKED)
    else:
        (local / "batches").mkdir()
        for name, content in CONTENT.items():
            (local / "batches" / name).write_bytes(content)
        given = local / "batches" if kind == "unpacked" else local
    assert_whole(bring(given))
    assert site.ranges == []
    assert given.exists()  # a copy of the user's is left where it is


def test_local_copy_that_is_damaged(bring: Callable[..., Path], tmp_path: Path) -> None:
    bad = tmp_path / "small.tar.gz"
    bad.write_bytes(PACKED[:-1] + b"!")
    with pytest.raises(FetchError, match=rf"its MD5 is .* that of small.tar.gz is {ARCHIVE.md5}"):
        bring(bad)


def test_unpacked_copy_that_is_altered_or_short(bring: Callable[..., Path], tmp_path: Path) -> None:
    folder = tmp_path / "batches"
    folder.mkdir()
    for name, content in CONTENT.items():
        (folder / name).write_bytes(content)
    (folder / "data_batch_3").write_bytes(b"altered")
    with pytest.raises(FetchError, match="batches/data_batch_3: checksum mismatch"):
        bring(folder)
    (folder / "data_batch_3").unlink()
    with pytest.raises(FetchError, match="data_batch_3 are missing"):
        bring(folder)
    assert not (tmp_path / "to" / "batches").exists()


@pytest.mark.parametrize("name", ["nothing", "empty", "other.tar.gz"])
def test_local_sources_that_hold_nothing(
    name: str, bring: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "other.tar.gz").write_bytes(b"other")
    with pytest.raises(FetchError, match=name):
        bring(tmp_path / name)


def test_real_archives_from_the_server(shared_data: Path, tmp_path: Path) -> None:
    files = {p.name: p.read_bytes() for p in shared_data.glob("*.tar.gz")}
    with serve(files) as site:
        mirabest = fetch("mirabest", site.url, tmp_path / "m")
        frdeep = fetch("fr-deep", site.url, tmp_path / "f")
    assert len(list((mirabest / "F_batches").iterdir())) == 9
    assert {p.name for p in frdeep.iterdir()} == {"NVSS_PNG_dataset", "FIRST_PNG_dataset"}
    assert len(list((frdeep / "NVSS_PNG_dataset").iterdir())) == 13


def test_one_archive_of_two_by_its_name(shared_data: Path, tmp_path: Path) -> None:
    folder = fetch("fr-deep", shared_data / "FIRST_PNG_dataset.tar.gz", tmp_path)
    assert [p.name for p in folder.iterdir()] == ["FIRST_PNG_dataset"]


def test_public_addresses_are_encrypted() -> None:
    urls = [a.url for archives in SOURCES.values() for a in archives]
    assert len(urls) == 4
    assert all(u.startswith("https://") and u.endswith(".tar.gz") for u in urls)


# -- targets that cannot be written ------------------------------------------------------


def test_target_below_a_file(bring: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "to").write_text("a file")
    with pytest.raises(FetchError, match=r"data set 'small' cannot be written to .*RADIOVIZ_CACHE"):
        bring()


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Mounts a tmpfs on ``tmp_path/to`` where that is allowed (root), skips elsewhere."""
    target = tmp_path / "to"
    target.mkdir()
    done: list[Path] = []

    def call(options: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(target)]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("mounting a small file system needs root")
        done.append(target)

    yield call
    for target in done:
        subprocess.run(["umount", "-l", str(target)], check=True)


def test_full_disk(bring: Callable[..., Path], mount: Callable[[str], None], site: Site) -> None:
    mount("size=128k")
    with pytest.raises(FetchError, match=r"No space left on device\. Free some space"):
        bring()


def test_disk_that_fills_up_while_unpacking(
    bring: Callable[..., Path], mount: Callable[[str], None], tmp_path: Path
) -> None:
    mount("size=400k")
    with pytest.raises(FetchError, match="No space left on device"):
        bring()
    assert not (tmp_path / "to" / "batches").exists()
    assert not list((tmp_path / "to").glob(".batches*"))


def test_read_only_folder(bring: Callable[..., Path], mount: Callable[[str], None]) -> None:
    mount("ro")
    with pytest.raises(FetchError, match="Read-only file system"):
        bring()


def test_folder_without_permission(bring: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "to").mkdir(mode=0o555)
    if os.access(tmp_path / "to", os.W_OK):
        pytest.skip("this user may write anywhere")
    with pytest.raises(FetchError, match="Permission denied"):
        bring()
