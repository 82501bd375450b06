"""Folders of RadioViz. Environment variables override every default."""

from __future__ import annotations

import functools
import os
import stat
from contextlib import suppress
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent

REPOSITORY = _PACKAGE / "_app" if (_PACKAGE / "_app").is_dir() else _PACKAGE.parent
"""Folder of app.py, pages and trained models: the repository, or their installed copy."""


def cache_folder() -> Path:
    """Folder of data sets built from their public originals (safe to delete).

    ``RADIOVIZ_CACHE`` overrides the user's cache folder. It is not created here.
    """
    return Path(os.environ.get("RADIOVIZ_CACHE") or _usual_folders(*_given())[0])


def user_data_folder() -> Path:
    """Folder of the user's imported surveys and their Atlases (``RADIOVIZ_HOME``)."""
    return Path(os.environ.get("RADIOVIZ_HOME") or _usual_folders(*_given())[1])


def _given() -> tuple[str | None, ...]:
    return tuple(os.environ.get(name) for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"))


@functools.cache
def _usual_folders(*given: str | None) -> tuple[str, str]:
    """Cache and data of the user, from what of the environment they depend on; asked very often."""
    return platformdirs.user_cache_dir("radioviz"), platformdirs.user_data_dir("radioviz")


def make_folder(folder: Path) -> None:
    """Create a folder and its parents; the user's data are for their account alone.

    A new :func:`user_data_folder` is private (0700). One that exists keeps its permissions, so that
    a group may share it, except for uploads and jobs, which are private in any case.

    Raises OSError if it cannot be created.
    """
    home = user_data_folder()
    within = [p for p in (home, home / "uploads", home / "jobs") if p in (folder, *folder.parents)]
    for private in within:
        if not private.is_dir():
            with suppress(FileExistsError):  # another process was faster
                private.mkdir(mode=0o700, parents=True)
    for private in within[1:]:
        if private.stat().st_mode & 0o077:
            with suppress(PermissionError):  # of another account
                private.chmod(0o700)
    folder.mkdir(parents=True, exist_ok=True)


def user_models_folder() -> Path:
    """Folder of the models that the user has trained."""
    return user_data_folder() / "models"


def trained_folder() -> Path:
    """Folder of shipped models and Atlases (``RADIOVIZ_TRAINED``)."""
    return Path(os.environ.get("RADIOVIZ_TRAINED") or REPOSITORY / "trained")


def special_file(path: Path) -> str:
    """What a path is that is neither a file nor a folder, such as 'a named pipe'; else empty.

    Opening one may wait forever, or change a device.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return ""
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return ""
    kinds = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")
