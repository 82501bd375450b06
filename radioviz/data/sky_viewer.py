"""Aladin Lite, the sky viewer of the CDS: an optional part, kept in the user's cache.

It is under the GPL-3, so that it is not part of RadioViz. ``radioviz sky-viewer`` fetches it by
npm; without it the Sky panel can load it from its public address.
"""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from radioviz.errors import FetchError
from radioviz.paths import cache_folder
from radioviz.store.atomic import atomic_folder

VERSION = "3.8.2"
PUBLIC = f"https://cdn.jsdelivr.net/npm/aladin-lite@{VERSION}/dist/aladin.js"
"""The same file of the npm package, from a public address."""
_FILES = {"package/dist/aladin.js": "aladin.js", "package/LICENSE": "LICENSE"}
_LARGEST = 20_000_000
"""Bytes of one file."""


def viewer_script() -> Path | None:
    """The script in the cache; None where it was not fetched."""
    path = _folder() / "aladin.js"
    return path if path.is_file() else None


def fetch_viewer(source: Path | None = None) -> Path:
    """Put Aladin Lite into the cache; returns its script.

    ``source``: the package ``aladin-lite-*.tgz`` as npm packs it; by default npm is asked for it.
    Raises FetchError if npm is missing or fails, or the file is another one.
    """
    with tempfile.TemporaryDirectory(prefix="radioviz-viewer-") as scratch:
        packed = source or _packed(Path(scratch))
        try:
            with tarfile.open(packed, "r:gz") as tar, atomic_folder(_folder()) as folder:
                for name, kept in _FILES.items():
                    member = tar.getmember(name)
                    content = tar.extractfile(member) if member.isreg() else None
                    if content is None or member.size > _LARGEST:
                        raise FetchError(f"{packed}: {name} is not a file below {_LARGEST:,} bytes")
                    (folder / kept).write_bytes(content.read())
        except KeyError as error:
            raise FetchError(f"{packed}: not a package of aladin-lite 3: {error}") from None
        except (OSError, tarfile.TarError, EOFError) as error:
            raise FetchError(f"{packed}: cannot be unpacked: {error}") from None
    return _folder() / "aladin.js"


def _folder() -> Path:
    return cache_folder() / "sky-viewer" / VERSION


def _packed(folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise FetchError(
            "npm is not installed; install Node.js, or fetch the package aladin-lite elsewhere and "
            "name its file: radioviz sky-viewer --from aladin-lite.tgz"
        )
    asked = [npm, "pack", f"aladin-lite@{VERSION}", "--silent", "--pack-destination", str(folder)]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=180, check=False)
    except subprocess.TimeoutExpired:
        raise FetchError("npm did not answer within 180 s; try again later") from None
    found = sorted(folder.glob("*.tgz"))
    if done.returncode or not found:
        said = " ".join((done.stderr or done.stdout).split())[-300:]
        raise FetchError(f"npm cannot fetch aladin-lite {VERSION}: {said or 'no file'}")
    return found[0]
