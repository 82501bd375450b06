"""RadioViz's own files, read as if anyone had written them.

Libraries answer a damaged file with errors of a dozen kinds, or with something of another type.
Here it is always an :class:`OSError` where a file cannot be read, and a :class:`ValueError` where
it is not what it should be; callers say which data set, model or Atlas it was.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from radioviz.store import npy


def json_object(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is no JSON, or no object.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError(f"{path.name} is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} holds {type(found).__name__}, expected a JSON object")
    return found


def array(path: Path) -> np.ndarray:
    """The array of numbers in a ``.npy`` file, memory-mapped.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is damaged, an archive of arrays, or holds anything but numbers.
    """
    try:
        with path.open("rb") as file:
            single = file.read(len(npy.MAGIC)) == npy.MAGIC
        if single:
            npy.check(path)
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    except Exception as error:  # the header is parsed as Python text, up to a point
        raise ValueError(f"{path.name}: {error or type(error).__name__}") from error
    if not isinstance(found, np.ndarray):
        found.close()
        raise ValueError(f"{path.name} is an archive, expected one array")
    if found.dtype.kind not in "buif":
        raise ValueError(f"{path.name} holds {found.dtype}, expected numbers")
    return found


def table(path: Path) -> pd.DataFrame:
    """The table in a Parquet file.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is damaged.
    """
    try:
        found = pd.read_parquet(path)
        for name in found.columns:
            # Text that is no UTF-8 would fail later, where a cell of it is looked at.
            if isinstance(found[name].dtype, pd.StringDtype):
                pa.array(found[name]).validate(full=True)
        return found
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno is None:  # pyarrow's word for a damaged page
            raise ValueError(f"{path.name}: {error}") from error
        raise
    except Exception as error:  # pyarrow has an error for every layer of the format
        raise ValueError(f"{path.name}: {error or type(error).__name__}") from error


def check_types(values: Mapping[str, Any], wanted: Mapping[str, type | tuple[type, ...]]) -> None:
    """Refuse values of other types than these; names that are absent are passed over.

    Raises
    ------
    ValueError
        Naming the first that differs.
    """
    for name, kinds in wanted.items():
        if name not in values:
            continue
        value = values[name]
        allowed = kinds if isinstance(kinds, tuple) else (kinds,)
        # A truth value counts as a whole number in Python, and as none here.
        odd = isinstance(value, bool) and bool not in allowed
        if odd or not isinstance(value, allowed):
            names = " or ".join("nothing" if k is type(None) else k.__name__ for k in allowed)
            raise ValueError(f"'{name}' is {str(value)[:60]!r}, expected {names}")


def remove_left_behind(folder: Path, older: float = 3600.0) -> None:
    """Delete scratch copies ``.<name>.*`` beside a folder that a killed process has left.

    Raises
    ------
    OSError
        If they cannot be looked at.
    """
    now = time.time()
    for path in folder.parent.glob(f".{glob.escape(folder.name)}.*"):
        # One that is younger may belong to a process at work; a clock that runs ahead is no age.
        if path.is_dir() and abs(now - path.stat().st_mtime) > older:
            shutil.rmtree(path, ignore_errors=True)


def put_in_place(scratch: Path, folder: Path) -> None:
    """Rename ``scratch`` to ``folder``, moving what is there out of the way first.

    Killed between the two renames, the folder is missing until it is written again; it is never
    half of one and half of the other.

    Raises
    ------
    OSError
        If it cannot be renamed.
    """
    scratch.chmod(0o755)  # mkdtemp makes 0700; a cache may be shared
    for _ in range(10):
        try:
            scratch.rename(folder)
            return
        except OSError as error:
            # Asking the folder itself would be a race: another process may just have moved it.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        # A name of its own for the old copy: readers that have it mapped keep it until they end.
        old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
        # FileNotFoundError: another process moved it in the meantime.
        with contextlib.suppress(FileNotFoundError):
            folder.rename(old / "catalogue")
        shutil.rmtree(old, ignore_errors=True)
    raise OSError(f"{folder} is being written by other processes again and again")
