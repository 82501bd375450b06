"""Download, check and unpack public data sets.

The address, size and MD5 of every archive are known, and the MD5 of each file in it, so a local
copy serves as well (packed or unpacked). The files land in ``<cache>/downloads/<key>/<folder of
the archive>/``, which appears in one step when all of them are right.
"""

from __future__ import annotations

import gzip
import shutil
import tarfile
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from radioviz.data.downloads import SOURCES, Archive
from radioviz.errors import FetchError
from radioviz.jobs.progress import Progress, no_progress
from radioviz.paths import cache_folder
from radioviz.store.atomic import atomic_folder, report_unwritable

_RETRIES = 3
_CHUNK = 1 << 16
_MINIMUM_RATE = 128  # bytes per second; a slower transfer counts as stalled
_LARGEST_MEMBER = 1 << 26  # bytes
_LARGEST_ARCHIVE = 1 << 30  # bytes, of one whose length is not known
_BY_FROM = "give a local copy or another address by --from"


def downloads_folder(key: str) -> Path:
    """Where the files of a public data set are kept (not created here)."""
    return cache_folder() / "downloads" / key


def fetch(
    key: str,
    source: str | Path | None = None,
    to: Path | None = None,
    *,
    progress: Progress = no_progress,
    archives: Sequence[Archive] | None = None,
    timeout: float = 30.0,
) -> Path:
    """Download a public data set and return its folder.

    Files that are there already, complete and unaltered, are not fetched again.

    Parameters
    ----------
    key : str
        One of :data:`~radioviz.data.downloads.SOURCES`.
    source : str or pathlib.Path, optional
        Used instead of the public address: an ``http(s)`` address of an archive or of the
        folder that holds it, or the path of an archive, of a folder of archives, or of a
        folder of unpacked ones. The checksums must match in any case.
    to : pathlib.Path, optional
        Target folder; default :func:`downloads_folder`.
    progress : callable
        Called as ``progress(bytes done, bytes in all, what)``.
    archives : sequence of Archive, optional
        Default: those of ``key`` in :data:`~radioviz.data.downloads.SOURCES`.
    timeout : float
        Seconds without an answer, or with next to no data, after which an attempt ends.

    Raises
    ------
    FetchError
        If the key is unknown, the source is not available, does not match its checksum or is
        not the expected archive, or the target cannot be written.
    """
    if archives is None:
        if key not in SOURCES:
            raise FetchError(
                f"no public data set '{key}' to fetch; known: {', '.join(sorted(SOURCES))}"
            )
        archives = SOURCES[key]
    folder = Path(to) if to is not None else downloads_folder(key)
    for archive in _selected(archives, source):
        target = folder / archive.folder
        what = f"data set '{key}'"
        with report_unwritable(folder, FetchError, what=what, setting="--to or RADIOVIZ_CACHE"):
            if target.is_dir() and not _faults(target, archive):
                continue
            where = _locate(source, archive)
            with atomic_folder(target) as scratch:
                if isinstance(where, Path) and where.is_dir():
                    for name in archive.members:
                        if (where / name).is_file():
                            shutil.copyfile(where / name, scratch / name)
                elif isinstance(where, Path):
                    _unpack(where, scratch, archive)
                else:
                    packed = _download(where, scratch, archive, progress, timeout)
                    _unpack(packed, scratch, archive)
                    packed.unlink()
                if faults := _faults(scratch, archive):
                    raise FetchError(f"{where}: {'; '.join(faults)}")
    return folder


def _selected(archives: Sequence[Archive], source: str | Path | None) -> Sequence[Archive]:
    """All archives, or the one that ``source`` is (a file, by its MD5) or names."""
    if source is None:
        return archives
    path = Path(source).expanduser()
    if "://" not in str(source) and path.is_file():
        found = _md5(path)
        matching = [a for a in archives if a.md5 == found]
        if not matching:
            known = "; ".join(f"that of {a.name} is {a.md5}" for a in archives)
            raise FetchError(
                f"{path}: its MD5 is {found}, {known}; the file is damaged or another version"
            )
        return matching
    name = str(source).rstrip("/").rsplit("/", 1)[-1].split("?")[0]
    return [a for a in archives if name in (a.name, a.folder)] or archives


def _locate(source: str | Path | None, archive: Archive) -> str | Path:
    """Address, or local file or folder, of an archive."""
    if source is None:
        return archive.url
    if "://" in str(source):
        address = str(source)
        if not address.lower().startswith(("http://", "https://")):
            raise FetchError(
                f"{address}: only http:// and https:// addresses and local paths are accepted"
            )
        if address.split("?")[0].endswith((".tar.gz", ".tgz")):
            return address
        return address.rstrip("/") + "/" + archive.name
    path = Path(source).expanduser()
    if path.is_file() or (path.name == archive.folder and path.is_dir()):
        return path
    if not path.is_dir():
        raise FetchError(
            f"{path}: no such file or folder; give {archive.name}, a folder that holds it, "
            "or an http(s) address"
        )
    for candidate in (path / archive.name, path / archive.folder):
        if candidate.is_file() or candidate.is_dir():
            return candidate
    raise FetchError(f"{path}: holds neither {archive.name} nor a folder {archive.folder}")


def _download(url: str, folder: Path, archive: Archive, progress: Progress, timeout: float) -> Path:
    """Download the archive into ``folder``, with retries, and check its MD5."""
    import pooch
    import requests

    def transfer(url: str, output_file: str, _: Any) -> None:
        _transfer(url, Path(output_file), archive, progress, timeout)

    pooch.get_logger().setLevel("WARNING")
    store = pooch.create(
        folder,
        base_url="",
        registry={archive.name: f"md5:{archive.md5}"},
        urls={archive.name: url},
        retry_if_failed=_RETRIES,
    )
    try:
        return Path(store.fetch(archive.name, downloader=transfer))
    except requests.exceptions.RequestException as error:
        raise FetchError(
            f"{url}: {error}; gave up after {_RETRIES + 1} attempts. "
            f"Run the command again, or {_BY_FROM}."
        ) from error
    except ValueError as error:  # pooch: the hash differs
        found = str(error).partition(" Deleted download")[0]
        raise FetchError(f"{url}: checksum mismatch: {found} Wait or {_BY_FROM}.") from error


def _transfer(url: str, path: Path, archive: Archive, progress: Progress, timeout: float) -> None:
    """Download one file as it is; pooch's own downloader decodes it and cannot time out a drip.

    Raises FetchError if a new attempt would fail in the same way, and
    requests.exceptions.RequestException if a new attempt may succeed.
    """
    import requests
    import urllib3

    # Some servers label a .tar.gz as transfer encoding; identity keeps the bytes as they are.
    headers = {"Accept-Encoding": "identity"}
    limits = (min(timeout, 10.0), timeout)
    try:
        with requests.get(url, headers=headers, stream=True, timeout=limits) as response:
            status = response.status_code
            if 400 <= status < 500 and status not in (408, 425, 429):
                raise FetchError(
                    f"{url}: the server answers {status} {response.reason}; check the address, "
                    f"or {_BY_FROM}"
                )
            response.raise_for_status()
            largest = archive.size or _LARGEST_ARCHIVE
            expected = archive.size or _number(response.headers.get("Content-Length"))
            done = seen = 0
            window = time.monotonic()
            with path.open("wb") as out:
                while block := response.raw.read1(_CHUNK, decode_content=False):
                    done += len(block)
                    if done > largest:
                        raise FetchError(
                            f"{url}: sends more than the {largest:,} bytes of "
                            f"{archive.name}, so it is another file; {_BY_FROM}"
                        )
                    out.write(block)
                    progress(done, max(done, expected), f"downloading {archive.name}")
                    now = time.monotonic()
                    if now - window > timeout:
                        if done - seen < _MINIMUM_RATE * timeout:
                            raise requests.exceptions.ConnectionError(
                                f"stalled: {done - seen} bytes in the last {timeout:g} s"
                            )
                        window, seen = now, done
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
        raise FetchError(f"{url}: not an address that can be fetched: {error}") from error
    except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError) as error:
        raise requests.exceptions.RetryError(f"no answer within {timeout:g} s") from error
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
        raise requests.exceptions.RetryError(reason_of(error)) from error
    if done < expected:
        raise requests.exceptions.RetryError(f"the body ends after {done:,} of {expected:,} bytes")


def _number(text: str | None) -> int:
    """A length that a server says; 0 if it says none."""
    return int(text) if text and text.isascii() and text.isdigit() else 0


def _unpack(packed: Path, scratch: Path, archive: Archive) -> None:
    """Unpack the expected files of a ``.tar.gz`` into ``scratch``; refuse any other content."""
    try:
        with tarfile.open(packed, "r:gz") as tar:
            for member in tar:
                path = member.name.removeprefix("./").rstrip("/")
                if member.isdir() and path in ("", ".", archive.folder):
                    continue
                prefix, _, name = path.partition("/")
                content = tar.extractfile(member) if member.isreg() else None
                if prefix != archive.folder or name not in archive.members or content is None:
                    raise FetchError(
                        f"{packed}: '{member.name}' is not one of the {len(archive.members)} "
                        f"regular files expected in {archive.folder}/; nothing was unpacked"
                    )
                if member.size > _LARGEST_MEMBER:
                    raise FetchError(
                        f"{packed}: '{member.name}' has {member.size:,} bytes; at most "
                        f"{_LARGEST_MEMBER:,} are expected"
                    )
                with (scratch / name).open("wb") as out:
                    shutil.copyfileobj(content, out)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FetchError(f"{packed}: not a readable .tar.gz archive: {error}") from error


def _faults(folder: Path, archive: Archive) -> list[str]:
    """What is wrong with an unpacked archive, as sentences."""
    missing = sorted(name for name in archive.members if not (folder / name).is_file())
    if missing:
        return [f"the file(s) {', '.join(missing)} are missing"]
    return [
        f"{archive.folder}/{name}: checksum mismatch: its MD5 is {found}, expected {md5}"
        for name, md5 in archive.members.items()
        if (found := _md5(folder / name)) != md5
    ]


def _md5(path: Path) -> str:
    import pooch

    try:
        return str(pooch.file_hash(path, alg="md5"))
    except OSError as error:
        raise FetchError(f"{path}: cannot be read: {error.strerror or error}") from error


def reason_of(error: BaseException) -> str:
    """The innermost cause of a network error, which is the part that people understand."""
    while True:
        inner = error.__cause__ or getattr(error, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((a for a in error.args if isinstance(a, BaseException)), None)
        if inner is None or inner is error:
            break
        error = inner
    text = str(getattr(error, "strerror", None) or error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
