"""Values between processes, as bytes that cannot run code: what a confined reader sends back.

Plain values, NumPy arrays of numbers and text, pandas tables and dataclasses that the receiver
names. Nothing is pickled, and nothing that arrives chooses a class by itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

_NUMBERS = "biufcSU"


def pack(value: Any) -> bytes:
    """Bytes of a value.

    Raises TypeError if it holds something of another type than those above.
    """
    return msgspec.msgpack.encode(_plain(value))


def unpack(payload: bytes, classes: Iterable[type] = ()) -> Any:
    """The value that :func:`pack` made bytes of.

    ``classes``: dataclasses that may be in it. Raises ValueError if the bytes are damaged, or hold
    an object of another class.
    """
    known = {cls.__qualname__: cls for cls in classes}
    try:
        return _value(msgspec.msgpack.decode(payload), known)
    except ValueError:
        raise
    except Exception as error:  # an array that is too short, a field that does not exist ...
        raise ValueError(f"the answer of the reader is damaged: {error}") from error


def _plain(value: Any) -> Any:
    if value is None or type(value) in (bool, int, float, str, bytes):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        tag = "list" if isinstance(value, list) else "tuple" if isinstance(value, tuple) else "set"
        return [tag, *(_plain(v) for v in value)]
    if isinstance(value, dict):
        return ["dict", *([_plain(k), _plain(v)] for k, v in value.items())]
    if isinstance(value, np.generic) and value.dtype.kind in _NUMBERS:
        return ["scalar", value.dtype.str, value.tobytes()]
    if isinstance(value, np.ndarray):
        return _plain_array(value)
    if isinstance(value, Path):
        return ["path", str(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [f.name for f in dataclasses.fields(value) if f.init]
        return [
            "object", type(value).__qualname__,
            [[name, _plain(getattr(value, name))] for name in fields],
        ]  # fmt: skip
    if type(value).__name__ == "DataFrame":
        columns = [[str(name), *_plain_column(value[name])] for name in value.columns]
        return ["table", _plain_column(value.index.to_series()), columns]
    raise TypeError(f"a {type(value).__name__} cannot be sent to another process")


def _plain_array(value: np.ndarray) -> list[Any]:
    if value.dtype.kind in _NUMBERS:
        return ["array", value.dtype.str, list(value.shape), value.tobytes()]
    if value.dtype.kind == "O":
        return ["objects", list(value.shape), [_plain(v) for v in value.ravel().tolist()]]
    raise TypeError(f"an array of {value.dtype} cannot be sent to another process")


def _plain_column(column: Any) -> list[Any]:
    if isinstance(column.dtype, np.dtype):
        return ["", _plain_array(column.to_numpy())]
    cells = [None if missing else _plain(v) for v, missing in zip(column, column.isna())]  # noqa: B905
    return [str(column.dtype), cells]


def _value(plain: Any, known: dict[str, type]) -> Any:
    if not isinstance(plain, list):
        return plain
    tag, *rest = plain
    if tag in ("list", "tuple", "set"):
        return {"list": list, "tuple": tuple, "set": set}[tag](_value(v, known) for v in rest)
    if tag == "dict":
        return {_value(k, known): _value(v, known) for k, v in rest}
    if tag == "scalar":
        return np.frombuffer(rest[1], _dtype(rest[0]), 1)[0]
    if tag == "array":
        return np.frombuffer(rest[2], _dtype(rest[0])).reshape(rest[1]).copy()
    if tag == "objects":
        out = np.empty(len(rest[1]), object)
        out[:] = [_value(v, known) for v in rest[1]]
        return out.reshape(rest[0])
    if tag == "path":
        return Path(rest[0])
    if tag == "table":
        return _table(rest[0], rest[1], known)
    if tag == "object" and rest[0] in known:
        return known[rest[0]](**{name: _value(v, known) for name, v in rest[1]})
    raise ValueError(f"the answer of the reader holds {str(plain)[:40]}, which is not expected")


def _dtype(name: str) -> np.dtype:
    dtype = np.dtype(name)
    if dtype.kind not in _NUMBERS:
        raise ValueError(f"the answer of the reader holds an array of {dtype}")
    return dtype


def _table(rows: list[Any], columns: list[Any], known: dict[str, type]) -> Any:
    import pandas as pd

    index: Any = pd.Index(_column(rows[0], rows[1], known))
    if index.equals(pd.RangeIndex(len(index))):
        index = pd.RangeIndex(len(index))
    made = {name: _column(dtype, cells, known) for name, dtype, cells in columns}
    for name, column in made.items():
        if len(column) != len(index):
            raise ValueError(f"column {name!r} of the reader's answer has {len(column)} rows")
    return pd.DataFrame(made, index=index)


def _column(dtype: str, cells: Any, known: dict[str, type]) -> Any:
    import pandas as pd

    if not dtype:
        return _value(cells, known)
    kind: Any = pd.api.types.pandas_dtype(dtype)
    return pd.array([_value(v, known) for v in cells], kind)
