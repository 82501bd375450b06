"""The one reader of historical CIFAR-style batch files, which are Python pickles.

Unpickling runs whatever a file names. This reader looks up no name: it knows the six that numpy
arrays need and replaces them by functions of this module, allows only the instructions that
build plain data, and refuses everything else before it is executed.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np

from radioviz.errors import CatalogueError

MAX_BYTES = 1 << 30
"""Largest batch file that is read: 1 GiB, forty thousand images of 150x150 pixels."""

# A batch of two thousand images has some 40,000 instructions. A single byte can create a dict,
# so this limit bounds the memory of a file of such bytes, to about 400 MB.
_MAX_INSTRUCTIONS = 5_000_000
# Limits the repeated conversion of one long text.
_SLACK_BYTES = 1 << 26
_MAX_DEPTH = 8

_INSTRUCTIONS = (
    "PROTO", "FRAME", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2",
    "LONG1", "LONG4", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINSTRING",
    "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "EMPTY_TUPLE",
    "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_LIST", "LIST", "APPEND", "APPENDS", "EMPTY_DICT",
    "DICT", "SETITEM", "SETITEMS", "BINPUT", "LONG_BINPUT", "MEMOIZE", "BINGET", "LONG_BINGET",
    "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD",
)  # fmt: skip
# The class in C would make its memo as long as the largest number in the file says.
_Unpickler: Any = pickle._Unpickler
_OPCODES: dict[str, Any] = pickletools.code2op  # type: ignore[attr-defined]
_NDARRAY = object()  # stands for the class numpy.ndarray


class _Refused(Exception):
    """Reason to refuse a file."""


class _Dtype:
    """A dtype whose byte order is set after its creation."""

    def __init__(self, value: np.dtype) -> None:
        self.value = value


def read_pickle(path: Path, max_bytes: int = MAX_BYTES) -> Any:
    """Contents of a pickle that holds numpy arrays and plain containers, and nothing else.

    Parameters
    ----------
    path : pathlib.Path
    max_bytes : int
        Files larger than this are refused unread.

    Returns
    -------
    object
        Made of dict, list, tuple, str, bytes, int, float, bool, None, numpy arrays
        and numpy scalars of kinds bool, int, unsigned, float and string.

    Raises
    ------
    CatalogueError
        If the file cannot be read, is too large, is not a complete pickle, or contains
        anything but plain data. Nothing in it has been executed.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise CatalogueError(
                f"{path}: {size} bytes; batch files of at most {max_bytes} bytes are read"
            )
        payload = path.read_bytes()
    except OSError as error:
        raise CatalogueError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        return _Reader(payload).read()
    except _Refused as refusal:
        raise CatalogueError(
            f"{path} is refused: {refusal}. Only numpy arrays and plain containers are read."
        ) from None
    except (MemoryError, RecursionError) as error:
        raise CatalogueError(f"{path} is refused: it needs too much memory") from error
    except Exception as error:  # a wrong operand raises any exception
        raise CatalogueError(f"{path} is damaged or not a batch file: {error}") from error


class _Reader(_Unpickler):
    """An unpickler of plain data and numpy arrays."""

    def __init__(self, payload: bytes) -> None:
        # Under protocol 2, Python 2 left the raw bytes of an array as text.
        super().__init__(io.BytesIO(payload), encoding="latin1")
        self.dispatch = _Dispatch()
        self._to_convert = len(payload) + _SLACK_BYTES
        functions = {
            # As numpy wrote them before and after its core became private (numpy 2).
            f"{core}.{name}": function
            for core in ("numpy.core", "numpy._core")
            for name, function in (
                ("multiarray._reconstruct", self._reconstruct),
                ("multiarray.scalar", self._scalar),
                ("numeric._frombuffer", self._frombuffer),
            )
        }
        self._known: dict[str, Any] = functions | {
            "numpy.ndarray": _NDARRAY,
            "numpy.dtype": _dtype,
            # Protocol 2 has no bytes: Python 3 writes them as text to encode, or as a call.
            "_codecs.encode": self._encode,
            "__builtin__.bytes": _no_bytes,
        }

    def read(self) -> Any:
        """The content of the file."""
        value = self.load()
        _check(value, set())
        return value

    def find_class(self, module: str, name: str) -> Any:
        if f"{module}.{name}" not in self._known:
            raise _Refused(f"it names '{module}.{name}'")
        return self._known[f"{module}.{name}"]

    def load_stop(self) -> None:
        if len(self.stack) != 1 or self.metastack:
            raise _Refused(f"it leaves {len(self.stack)} objects instead of one")
        super().load_stop()

    def load_build(self) -> None:
        """Second half of numpy's pickles: byte order of a dtype, contents of an array."""
        state = self.stack.pop()
        target = self.stack[-1]
        if isinstance(target, _Dtype):
            order, parts = state[1], state[2:5]
            if order not in ("<", ">", "|", "=") or any(part is not None for part in parts):
                raise _Refused("it holds records or values of other kinds")
            target.value = target.value.newbyteorder(order)
        elif isinstance(target, np.ndarray) and target.dtype.kind == "V":
            _, shape, dtype, fortran, raw = state
            content = self._content(raw, dtype, shape)
            filled: Any = (1, shape, dtype.value, bool(fortran), content)
            target.__setstate__(filled)
        else:
            raise _Refused("it sets the state of something that is not a new array")

    def _bytes(self, raw: Any) -> bytes:
        if not isinstance(raw, str | bytes):
            raise _Refused(f"it has values as {type(raw).__name__}, not as bytes")
        self._to_convert -= len(raw)
        if self._to_convert < 0:
            raise _Refused("it converts the same bytes too often")
        return raw.encode("latin-1") if isinstance(raw, str) else raw

    def _encode(self, text: Any, coding: Any) -> bytes:
        if coding not in ("latin1", "latin-1"):
            raise _Refused("it encodes text, but not as latin-1")
        return self._bytes(text)

    def _reconstruct(self, kind: Any, *_: Any) -> np.ndarray:
        if kind is not _NDARRAY:
            raise _Refused("it makes an array of another class")
        return np.empty(0, "V1")  # load_build fills it

    def _scalar(self, dtype: Any, raw: Any) -> Any:
        content = self._content(raw, dtype, ())
        return np.frombuffer(content, dtype.value)[0] if content else dtype.value.type()

    def _frombuffer(self, raw: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
        content = self._content(raw, dtype, shape)
        flat = np.frombuffer(content, dtype.value)
        return flat.reshape(shape, order="F" if order == "F" else "C")

    def _content(self, raw: Any, dtype: Any, shape: Any) -> bytes:
        """Bytes of an array, which must be exactly as many as shape and dtype say."""
        if not isinstance(dtype, _Dtype):
            raise _Refused("it uses something else as a dtype")
        if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
            raise _Refused(f"an array has the shape {str(shape)[:60]}")
        content = self._bytes(raw)
        if len(shape) > 8 or len(content) != math.prod(shape) * dtype.value.itemsize:
            raise _Refused(
                f"an array of shape {str(shape)[:60]} and kind {dtype.value} comes with "
                f"{len(content)} bytes"
            )
        return content


class _Dispatch(dict[int, Any]):
    """Method of each allowed instruction; counts the instructions and refuses all others."""

    def __init__(self) -> None:
        codes = {op.name: ord(code) for code, op in _OPCODES.items()}
        methods = _Unpickler.dispatch
        super().__init__({codes[name]: methods[codes[name]] for name in _INSTRUCTIONS})
        # A bytearray would be allocated before its bytes are there.
        self[codes["BYTEARRAY8"]] = methods[codes["BINBYTES8"]]
        self[codes["STOP"]] = _Reader.load_stop
        self[codes["BUILD"]] = _Reader.load_build
        self._left = _MAX_INSTRUCTIONS

    def __getitem__(self, code: int) -> Any:
        self._left -= 1
        if self._left < 0:
            raise _Refused(f"it has more than {_MAX_INSTRUCTIONS} instructions")
        return super().__getitem__(code)

    def __missing__(self, code: int) -> Any:
        known = _OPCODES.get(chr(code))
        name = known.name if known else f"{code:#x}"
        raise _Refused(f"it uses the pickle instruction {name}")


def _no_bytes(*arguments: Any) -> bytes:
    if arguments:
        raise _Refused("it makes bytes from something")
    return b""


def _dtype(spec: Any, *_: Any) -> _Dtype:
    """Bool, int, unsigned, float or text of a fixed length, named without a byte order."""
    plain = str(spec).lstrip("<>=|")
    kind, size = plain[:1], plain[1:]
    if kind not in tuple("biufSU") or not size.isdecimal() or len(size) > 6:
        raise _Refused(f"it holds values of the kind {str(spec)[:40]!r}")
    return _Dtype(np.dtype(spec))


def _check(value: Any, seen: set[int], depth: int = 0) -> None:
    """Refuse anything but finished, plain data; visits every container once."""
    if isinstance(value, dict | list | tuple):
        if depth > _MAX_DEPTH:
            raise _Refused(f"its containers are nested more than {_MAX_DEPTH} deep")
        if id(value) not in seen:
            seen.add(id(value))
            for item in value.values() if isinstance(value, dict) else value:
                _check(item, seen, depth + 1)
    elif isinstance(value, np.ndarray):
        if value.dtype.kind == "V":
            raise _Refused("it leaves an array unfinished")
    elif not isinstance(value, str | bytes | int | float | np.generic | None):
        raise _Refused("it holds a function or class")
