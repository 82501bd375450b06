"""Write files and folders in one atomic step, and explain failures.

>>> with report_unwritable(path.parent), atomic_file(path) as scratch:
...     np.save(scratch, values)
>>> with atomic_folder(folder) as scratch:
...     write_json(scratch / "about.json", {"n": 3})

A reader sees the old content or the new, never a part of it; a block that fails leaves the old.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import json
import os
import secrets
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from radioviz.errors import CatalogueError, RadioVizError
from radioviz.paths import make_folder

_SPARE = 1 << 28  # bytes to leave free on the disk
_AHEAD = 7 * 86_400.0  # seconds by which a clock may be set back while a process writes
_STALE = 3600.0  # seconds after which a scratch folder belongs to a process that was killed


@contextmanager
def atomic_file(path: Path, *, parents: bool = True, sync: bool = False) -> Iterator[Path]:
    """Path of a scratch file in the same folder, renamed to ``path`` when the block ends.

    ``path``: the file to replace. The scratch file has the same suffix. ``parents``: create the
    folder if it is missing. ``sync``: force the content to the disk before renaming, so that it
    survives a power cut. Raises OSError if the file cannot be written.
    """
    if parents:
        make_folder(path.parent)
    scratch = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        yield scratch
        if sync:
            with scratch.open("rb+") as file:
                os.fsync(file.fileno())
        scratch.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):  # a read-only folder; the first error counts
            scratch.unlink(missing_ok=True)
        raise


def write_json(
    path: Path,
    values: Mapping[str, Any],
    *,
    parents: bool = True,
    default: Callable[[Any], Any] | None = None,
) -> None:
    """Replace a JSON file; ``default`` converts values that JSON does not have.

    Raises OSError if it cannot be written.
    """
    text = json.dumps(values, indent=1, default=default) + "\n"
    with atomic_file(path, parents=parents) as scratch:
        scratch.write_text(text, encoding="utf-8")


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """An empty scratch folder beside ``folder``, which it replaces when the block ends.

    Its parents are created, and scratch folders of killed processes are deleted.

    Raises OSError if the folder cannot be written.
    """
    make_folder(folder.parent)
    remove_stale(folder)
    scratch = scratch_folder(folder)
    try:
        scratch.mkdir()
        yield scratch
        put_in_place(scratch, folder)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def scratch_folder(folder: Path) -> Path:
    """A new name beside ``folder`` that :func:`remove_stale` recognises (not created here)."""
    return folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")


def put_in_place(scratch: Path, folder: Path) -> None:
    """Rename ``scratch`` to ``folder``, moving an existing folder out of the way first.

    A process killed between the two renames leaves no folder, never a mixture of both.

    Raises OSError if it cannot be renamed.
    """
    for _ in range(10):
        try:
            scratch.rename(folder)
            return
        except OSError as error:
            # Checking the folder itself would be a race: another process may just have moved it.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        # A unique name for the old copy: readers that have it mapped keep it until they end.
        old = scratch_folder(folder)
        # FileNotFoundError: another process moved it in the meantime.
        with contextlib.suppress(FileNotFoundError):
            folder.rename(old)
        shutil.rmtree(old, ignore_errors=True)
    raise OSError(f"{folder} is being written by other processes again and again")


def remove_stale(folder: Path) -> None:
    """Delete scratch copies ``.<name>.*`` beside a folder that a killed process left an hour ago.

    Raises OSError if they cannot be examined.
    """
    now = time.time()
    for path in folder.parent.glob(f".{glob.escape(folder.name)}.*"):
        # A younger one may be in use, also one of tomorrow if the clock was set back; one dated far
        # ahead is of a clock that was wrong.
        age = now - path.stat().st_mtime
        if path.is_dir() and (age > _STALE or age < -_AHEAD):
            shutil.rmtree(path, ignore_errors=True)


def delete_folder(folder: Path) -> None:
    """Delete a folder, if it is there; readers see all of it or nothing.

    Raises CatalogueError if it cannot be deleted.
    """
    doomed = folder.with_name(f".{uuid.uuid4().hex}.removed")
    try:
        folder.rename(doomed)
    except FileNotFoundError:
        return
    except OSError as error:
        raise CatalogueError(
            f"{folder} cannot be deleted: {error.strerror or error}; delete it by hand"
        ) from error
    shutil.rmtree(doomed, ignore_errors=True)


def require_space(folder: Path, needed: int, what: str) -> None:
    """Refuse at once to write what would fill the disk.

    Raises CatalogueError if the disk of ``folder`` has less than ``needed`` bytes and 256 MiB more.
    """
    free = shutil.disk_usage(folder).free
    if needed + _SPARE > free:
        raise CatalogueError(
            f"{what} need {needed / 1e9:.1f} GB and {folder.parent} has {free / 1e9:.1f} GB free. "
            "Free some space, point RADIOVIZ_HOME elsewhere, or import fewer pixels"
        )


def unwritable(
    where: Path | str,
    error: OSError,
    kind: type[RadioVizError] = CatalogueError,
    *,
    what: str = "",
    setting: str = "RADIOVIZ_HOME",
) -> RadioVizError:
    """An error of class ``kind`` that names the folder, the cause and what to do.

    ``where``: file or folder that could not be written; ``what``: what was to be written there,
    such as ``data set 'first'``; ``setting``: environment variable that names another folder.
    """
    subject = f"{what} cannot be written to {where}" if what else f"{where} cannot be written"
    return kind(
        f"{subject}: {error.strerror or error}. Free some space or point {setting} at a folder "
        "that can be written."
    )


@contextmanager
def report_unwritable(
    where: Path | str,
    kind: type[RadioVizError] = CatalogueError,
    *,
    what: str = "",
    setting: str = "RADIOVIZ_HOME",
) -> Iterator[None]:
    """Raise :func:`unwritable` in place of an ``OSError`` of the block (also a decorator)."""
    try:
        yield
    except OSError as error:
        raise unwritable(where, error, kind, what=what, setting=setting) from error
