"""Read RadioViz's own files as untrusted input.

Libraries answer a damaged file with errors of a dozen kinds, or with something of another type.
Here it is always an :class:`OSError` if a file cannot be read, and a :class:`ValueError` if its
content is wrong; callers add which data set, model or Atlas it was.

>>> @dataclass(frozen=True)
... class About:
...     n: int
...     title: str = ""
>>> read_record(folder / "about.json", About)
About(n=3, title='')
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa

from radioviz.store import npy

_LARGEST = 256 << 20
"""Bytes of the largest JSON file that is read."""

Record = TypeVar("Record")


def read_json_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises OSError if it cannot be read, and ValueError if it is not JSON, not an object, or larger
    than 256 MiB.
    """
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"{path.name} has more than {_LARGEST:,} bytes")
    try:
        found = json.loads(content.decode("utf-8"))
    except RecursionError:
        raise ValueError(f"{path.name} is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} holds {type(found).__name__}, expected a JSON object")
    return found


def to_record(values: Any, kind: type[Record]) -> Record:
    """Plain values as ``kind``: a dataclass, a ``msgspec.Struct``, ``dict[str, int]``, ...

    Types are those of the annotations and are not coerced, save whole numbers to float.
    A dataclass refuses unknown fields; a Struct does with ``forbid_unknown_fields=True``.

    Raises
    ------
    ValueError
        Naming the first field that is missing, unknown or wrong, its value and what was expected.
    """
    if dataclasses.is_dataclass(kind) and isinstance(values, Mapping):
        unknown = sorted(set(values) - {field.name for field in dataclasses.fields(kind)})
        if unknown:
            raise ValueError(f"field {unknown[0][:60]!r} is unknown")
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        expected, _, where = str(error).partition(" - at `")
        expected = re.sub(", got `.*`$", "", expected).replace("`", "")
        place = where.removeprefix("$").removeprefix(".").removesuffix("`")
        if not expected.startswith("Expected"):
            raise ValueError(f"{expected[:1].lower()}{expected[1:]} {place}".rstrip()) from None
        expected = expected.replace("Expected", "expected").replace("null", "nothing")
        found = repr(str(_value_at(values, place))[:60])
        raise ValueError(f"'{place or 'it'}' is {found}, {expected}") from None


def _value_at(values: Any, place: str) -> Any:
    """The value that msgspec calls ``info.title`` or ``layouts[...]``, as far as it says."""
    for name in re.findall(r"[^.\[\]]+", place.partition("[...]")[0]):
        values = values[int(name)] if isinstance(values, list | tuple) else values[name]
    return values


def read_record(path: Path, kind: type[Record]) -> Record:
    """The record in a JSON file: :func:`read_json_object`, then :func:`to_record`.

    Raises OSError if it cannot be read, and ValueError if it is not JSON, or not such a record.
    """
    return to_record(read_json_object(path), kind)


def check_format(values: Mapping[str, Any], known: int) -> None:
    """Refuse a file of another format.

    Raises ValueError, which names both formats and says whether to update RadioViz.
    """
    found = values.get("format")
    if found == known:
        return
    newer = isinstance(found, int) and found > known
    advice = "; a newer RadioViz wrote it: update RadioViz, delete nothing" if newer else ""
    raise ValueError(f"format {found!r}, this version reads {known}{advice}")


def read_npy(path: Path) -> np.ndarray:
    """The array of numbers in a ``.npy`` file, memory-mapped.

    Raises OSError if it cannot be read, and ValueError if it is damaged, an archive of arrays, or
    holds anything but numbers.
    """
    try:
        with path.open("rb") as file:
            single = file.read(len(npy.MAGIC)) == npy.MAGIC
        if single:
            npy.check_length(path)
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    except Exception as error:  # the header is parsed as a Python literal
        raise ValueError(f"{path.name}: {error or type(error).__name__}") from error
    if not isinstance(found, np.ndarray):
        found.close()
        raise ValueError(f"{path.name} is an archive, expected one array")
    if found.dtype.kind not in "buif":
        raise ValueError(f"{path.name} holds {found.dtype}, expected numbers")
    return found


def read_parquet(path: Path) -> pd.DataFrame:
    """The table in a Parquet file.

    Raises OSError if it cannot be read, and ValueError if it is damaged.
    """
    try:
        found = pd.read_parquet(path)
        for name in found.columns:
            # Text that is not UTF-8 would fail later, when a cell of it is read.
            if isinstance(found[name].dtype, pd.StringDtype):
                pa.array(found[name]).validate(full=True)
        return found
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno is None:  # pyarrow reports a damaged page like this
            raise ValueError(f"{path.name}: {error}") from error
        raise
    except Exception as error:  # pyarrow has an error for every layer of the format
        raise ValueError(f"{path.name}: {error or type(error).__name__}") from error
