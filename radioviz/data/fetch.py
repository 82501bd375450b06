"""Public data sets: download, check, unpack.

Every archive is known in full: its address, size and MD5, and the MD5 of each file in
it. So a download can be resumed and retried freely, a local copy can be taken instead
(packed or unpacked), and nothing but the expected files is ever written. They land in
``<cache>/downloads/<key>/<folder of the archive>/``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from radioviz.data.downloads import SOURCES, Archive
from radioviz.data.unpack import adopt, is_complete, md5_of, unpack
from radioviz.errors import FetchError
from radioviz.paths import cache_folder

Progress = Callable[[int, int, str], None]

__all__ = ["SOURCES", "Archive", "download", "downloads_folder", "fetch", "unpack"]

_CHUNK = 1 << 16
# A transfer slower than this, averaged over one time-out, counts as stalled.
_MINIMUM_RATE = 128  # bytes per second
# An attempt that brought this much was worth it and does not count against the limit.
_WORTHWHILE = 1 << 16


class _Transient(Exception):
    """A failure that the next attempt may not see."""


def downloads_folder(key: str) -> Path:
    """Where the files of a public data set are kept (not created here)."""
    return cache_folder() / "downloads" / key


def fetch(
    key: str,
    source: str | Path | None = None,
    to: Path | None = None,
    *,
    progress: Progress = lambda done, total, what: None,
    archives: Sequence[Archive] | None = None,
    timeout: float = 30.0,
    attempts: int = 4,
    pause: float = 1.0,
) -> Path:
    """Bring a public data set into the cache folder and return its folder.

    What is there already, complete and unaltered, is not fetched again.

    Parameters
    ----------
    key : str
        ``mirabest`` or ``fr-deep``.
    source : str or pathlib.Path, optional
        Another place than the public address: an ``http(s)`` address of an archive or of
        the folder that holds it, or the path of an archive, of a folder of archives, or
        of a folder of unpacked ones. Whatever it is, the checksums must match.
    to : pathlib.Path, optional
        Target folder; default :func:`downloads_folder`.
    progress : callable
        Called as ``progress(bytes done, bytes in all, what)``.
    timeout : float
        Seconds without an answer, or of next to no data, after which a try is given up.
    attempts : int
        Tries in a row that bring nothing before the download fails.
    pause : float
        Seconds before the second attempt; doubles with each.

    Raises
    ------
    FetchError
        If the key is unknown, the source cannot be had, does not match its checksum or is
        not the expected archive, or the target cannot be written.
    """
    if archives is None:
        if key not in SOURCES:
            raise FetchError(
                f"no public data set '{key}' to fetch; known: {', '.join(sorted(SOURCES))}"
            )
        archives = SOURCES[key]
    folder = Path(to) if to is not None else downloads_folder(key)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for archive in _wanted(archives, source):
            if is_complete(folder / archive.folder, archive):
                continue
            local = _local(source, archive)
            if local is not None and local.is_dir():
                adopt(local, folder, archive)
                continue
            packed = local
            if packed is None:
                packed = folder / archive.name
                download(
                    _address(source, archive),
                    packed,
                    md5=archive.md5,
                    size=archive.size,
                    progress=progress,
                    timeout=timeout,
                    attempts=attempts,
                    pause=pause,
                )
            elif (found := md5_of(packed)) != archive.md5:
                raise FetchError(
                    f"{packed}: its MD5 is {found}, that of {archive.name} is {archive.md5}; "
                    "the file is damaged or another version"
                )
            unpack(packed, folder, archive)
            if local is None:
                packed.unlink()
    except OSError as error:
        raise FetchError(
            f"cannot store the data set '{key}' in {folder}: {error.strerror or error}. "
            "Free some space, or name a folder that can be written by --to or RADIOVIZ_CACHE."
        ) from error
    return folder


def _wanted(archives: Sequence[Archive], source: str | Path | None) -> Sequence[Archive]:
    """All archives, or the one that ``source`` names."""
    if source is None:
        return archives
    name = str(source).rstrip("/").rsplit("/", 1)[-1].split("?")[0]
    named = [a for a in archives if name in (a.name, a.folder)]
    if named:
        return named
    path = Path(source)
    if _is_url(source) or not path.is_file():
        return archives
    # A file under another name is known by its content.
    found = md5_of(path)
    matching = [a for a in archives if a.md5 == found]
    if not matching:
        known = "; ".join(f"{a.name} has {a.md5}" for a in archives)
        raise FetchError(f"{path}: its MD5 is {found}, which is none of the expected: {known}")
    return matching


def _is_url(source: str | Path | None) -> bool:
    return isinstance(source, str) and "://" in source


def _address(source: str | Path | None, archive: Archive) -> str:
    if source is None:
        return archive.url
    address = str(source)
    if not address.lower().startswith(("http://", "https://")):
        raise FetchError(
            f"{address}: only http:// and https:// addresses and local paths are understood"
        )
    if address.split("?")[0].endswith((".tar.gz", ".tgz")):
        return address
    return address.rstrip("/") + "/" + archive.name


def _local(source: str | Path | None, archive: Archive) -> Path | None:
    """The local file or folder that ``source`` offers for this archive; None for a URL."""
    if source is None or _is_url(source):
        return None
    path = Path(source).expanduser()
    if path.is_file():
        return path
    if not path.is_dir():
        raise FetchError(
            f"{path}: no such file or folder; give {archive.name}, a folder that holds it, "
            f"or an http(s) address"
        )
    if path.name == archive.folder:
        return path
    for candidate in (path / archive.name, path / archive.folder):
        if candidate.exists():
            return candidate
    raise FetchError(f"{path}: holds neither {archive.name} nor a folder {archive.folder}")


# -- download ----------------------------------------------------------------------------


def download(
    url: str,
    target: Path,
    *,
    md5: str,
    size: int,
    progress: Progress = lambda done, total, what: None,
    timeout: float = 30.0,
    attempts: int = 4,
    pause: float = 1.0,
) -> Path:
    """Download one file, resuming what an earlier run left in ``<target>.part``.

    ``target`` appears only when it is whole and its MD5 is right.

    Raises
    ------
    FetchError
        If the server refuses, keeps failing, or sends something else.
    OSError
        If the target cannot be written.
    """
    part = target.with_name(target.name + ".part")
    failures = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        if before > size:
            part.unlink()
            before = 0
        try:
            if before < size:
                _transfer(url, part, size, progress, timeout)
        except _Transient as error:
            gained = (part.stat().st_size if part.exists() else 0) - before
            failures = 0 if gained >= _WORTHWHILE else failures + 1
            if failures >= attempts:
                kept = part.stat().st_size if part.exists() else 0
                raise FetchError(
                    f"{url}: {error}; gave up after {failures} attempts with {kept:,} of "
                    f"{size:,} bytes. Run the command again to continue there, or give a "
                    "local copy or another address by --from."
                ) from error
            time.sleep(pause * 2 ** max(failures - 1, 0))
            continue
        found = md5_of(part)
        if found == md5:
            part.replace(target)
            return target
        part.unlink()
        if not before:
            raise FetchError(
                f"{url}: checksum mismatch: the MD5 of what it sends is {found}, expected {md5}. "
                "The file is damaged or another version; give a good copy by --from."
            )
        # The first part was another version or damaged on the disk: once more, in full.


def _transfer(url: str, part: Path, size: int, progress: Progress, timeout: float) -> None:
    """Append to ``part`` what is missing of ``size`` bytes."""
    import requests
    import urllib3

    name = part.name.removesuffix(".part")
    start = part.stat().st_size if part.exists() else 0
    # Some servers label a .tar.gz as transfer encoding; identity keeps the bytes as they are.
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        with requests.get(
            url, headers=headers, stream=True, timeout=(min(timeout, 10.0), timeout)
        ) as response:
            start = _begin(url, response, part, start)
            progress(start, size, f"downloading {name}")
            window, seen = time.monotonic(), start
            done = start
            with part.open("ab") as out:
                out.truncate(start)
                while block := response.raw.read1(_CHUNK, decode_content=False):
                    done += len(block)
                    if done > size:
                        raise FetchError(
                            f"{url}: sends more than the {size:,} bytes of {name}; "
                            "it is another file. Give a good copy by --from."
                        )
                    out.write(block)
                    progress(done, size, f"downloading {name}")
                    now = time.monotonic()
                    if now - window > timeout:
                        if done - seen < _MINIMUM_RATE * timeout:
                            raise _Transient(
                                f"stalled: {done - seen} bytes in the last {timeout:.0f} s"
                            )
                        window, seen = now, done
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
        raise FetchError(f"{url}: not an address that can be fetched: {error}") from error
    except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError) as error:
        raise _Transient(f"no answer within {timeout:g} s") from error
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _Transient(reason_of(error)) from error
    if done < size:
        raise _Transient(f"the body ends after {done:,} of {size:,} bytes")


def _begin(url: str, response: Any, part: Path, start: int) -> int:
    """Offset at which the body of ``response`` belongs; refuses answers that are no file."""
    status = response.status_code
    what = f"{status} {response.reason}".strip()
    if status == 206:
        if response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            return start
        part.unlink(missing_ok=True)
        raise _Transient("the server resumes at the wrong place")
    if status == 200:
        return 0
    if status == 416:
        part.unlink(missing_ok=True)
        raise _Transient(f"the server answers {what}")
    if status in (408, 425, 429) or status >= 500:
        raise _Transient(f"the server answers {what}")
    raise FetchError(
        f"{url}: the server answers {what}; "
        "check the address, or give a local copy or another address by --from"
    )


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
