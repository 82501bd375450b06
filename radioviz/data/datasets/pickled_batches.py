"""The one reader of historical CIFAR-style batch files, which are Python pickles.

Unpickling runs whatever a file asks for. This module does not unpickle: it walks the
opcodes of the file with :mod:`pickletools`, which only parses, and carries out the two
dozen of them that build numbers, strings, lists, tuples, dicts and numpy arrays. A
callable is never looked up by name; the five names that numpy's arrays need are known
here and stand for functions of this module. Everything else is refused before it could
act, with its name and place in the file.
"""

from __future__ import annotations

import io
import math
import pickletools
from pathlib import Path
from typing import Any

import numpy as np

from radioviz.errors import CatalogueError

MAX_BYTES = 1 << 30
"""Largest batch file that is read: 1 GiB, forty thousand images of 150x150 pixels."""

# A batch of two thousand images is some 40,000 instructions. A single byte can ask for a new
# dict, so this is what bounds the memory of a file made of nothing else, to about 400 MB.
_MAX_INSTRUCTIONS = 5_000_000
# Recalling one long text again and again and converting it would multiply it.
_SLACK_BYTES = 1 << 26
_MARK = object()


class _Name:
    """A global that the file names; what it may be called with is decided in `_call`."""

    def __init__(self, name: str) -> None:
        self.name = name


class _Unfinished:
    """An array or dtype between its creation and the state that numpy's pickles add to it."""

    def __init__(self, kind: str, spec: str = "") -> None:
        self.kind = kind
        self.spec = spec
        self.value: Any = None


# Names as numpy wrote them before and after its core became private (numpy 2).
_NAMES = {
    f"{core}.{module} {function}": function
    for core in ("numpy.core", "numpy._core")
    for module, function in (
        ("multiarray", "_reconstruct"),
        ("multiarray", "scalar"),
        ("numeric", "_frombuffer"),
    )
} | {
    "numpy ndarray": "ndarray",
    "numpy dtype": "dtype",
    # Protocol 2 has no bytes: Python 3 writes them as text to be encoded, or as a call.
    "_codecs encode": "encode",
    "__builtin__ bytes": "bytes",
}


class _Refused(Exception):
    """Why a file is not read."""


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
        If the file cannot be read, is too large, is no complete pickle, or asks for
        anything beyond plain data. Nothing in it has been executed.
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
    except (ValueError, TypeError, IndexError, KeyError, OverflowError, EOFError) as error:
        raise CatalogueError(f"{path} is damaged or no batch file: {error}") from error
    except (MemoryError, RecursionError) as error:
        raise CatalogueError(f"{path} is refused: it asks for too much memory") from error


class _Reader:
    """A stack machine for the data opcodes of the pickle protocols 2 to 5."""

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.converted = 0

    def read(self) -> Any:
        instructions = pickletools.genops(io.BytesIO(self.payload))
        for count, (opcode, argument, position) in enumerate(instructions):
            if count >= _MAX_INSTRUCTIONS:
                raise _Refused(f"it has more than {_MAX_INSTRUCTIONS} instructions")
            name = opcode.name
            if name in _PUSHED:
                self.stack.append(argument)
            elif name in _CONSTANTS:
                self.stack.append(_CONSTANTS[name])
            elif name in ("PROTO", "FRAME"):
                pass
            elif name == "STOP":
                return self._finish()
            else:
                act = getattr(self, f"_op_{name.lower()}", None)
                if act is None:
                    raise _Refused(f"it uses the pickle instruction {name} at byte {position}")
                act(argument)
        raise _Refused("it ends before its end mark")

    def _finish(self) -> Any:
        if len(self.stack) != 1:
            raise _Refused(f"it leaves {len(self.stack)} objects where a batch is one")
        return _plain(self.stack[0], {})

    def _pop(self) -> Any:
        value = self.stack.pop()
        if value is _MARK:
            raise _Refused("its stack marks are out of order")
        return value

    def _pop_to_mark(self) -> list[Any]:
        at = len(self.stack) - 1
        while self.stack[at] is not _MARK:
            at -= 1
            if at < 0:
                raise _Refused("its stack marks are out of order")
        items = self.stack[at + 1 :]
        del self.stack[at:]
        return items

    # Containers

    def _op_mark(self, _: Any) -> None:
        self.stack.append(_MARK)

    def _op_empty_dict(self, _: Any) -> None:
        self.stack.append({})

    def _op_empty_list(self, _: Any) -> None:
        self.stack.append([])

    def _op_tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._pop_to_mark()))

    def _op_tuple1(self, _: Any) -> None:
        self.stack.append((self._pop(),))

    def _op_tuple2(self, _: Any) -> None:
        second, first = self._pop(), self._pop()
        self.stack.append((first, second))

    def _op_tuple3(self, _: Any) -> None:
        third, second, first = self._pop(), self._pop(), self._pop()
        self.stack.append((first, second, third))

    def _op_list(self, _: Any) -> None:
        self.stack.append(self._pop_to_mark())

    def _op_append(self, _: Any) -> None:
        value = self._pop()
        self._top(list).append(value)

    def _op_appends(self, _: Any) -> None:
        values = self._pop_to_mark()
        self._top(list).extend(values)

    def _op_dict(self, _: Any) -> None:
        items = self._pop_to_mark()
        self.stack.append({})
        self._set(items)

    def _op_setitem(self, _: Any) -> None:
        value, key = self._pop(), self._pop()
        self._set([key, value])

    def _op_setitems(self, _: Any) -> None:
        self._set(self._pop_to_mark())

    def _top(self, kind: type) -> Any:
        if not self.stack or type(self.stack[-1]) is not kind:
            raise _Refused(f"it adds items to something that is no {kind.__name__}")
        return self.stack[-1]

    def _set(self, items: list[Any]) -> None:
        if len(items) % 2:
            raise _Refused("it has a key without a value")
        target = self._top(dict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str | bytes | int):
                raise _Refused(f"it has a key of type {type(key).__name__}")
            target[key] = value

    # Memory of what came before

    def _op_binput(self, index: Any) -> None:
        if not self.stack or self.stack[-1] is _MARK:
            raise _Refused(f"it remembers object number {index}, which is none")
        self.memo[index] = self.stack[-1]

    _op_long_binput = _op_binput

    def _op_memoize(self, _: Any) -> None:
        self._op_binput(len(self.memo))

    def _op_binget(self, index: Any) -> None:
        if index not in self.memo:
            raise _Refused(f"it recalls object number {index}, which is none")
        self.stack.append(self.memo[index])

    _op_long_binget = _op_binget

    # What numpy needs

    def _op_global(self, argument: Any) -> None:
        if argument not in _NAMES:
            raise _Refused(f"it names '{argument.replace(' ', '.')}'")
        self.stack.append(_Name(_NAMES[argument]))

    def _op_stack_global(self, _: Any) -> None:
        name, module = self._pop(), self._pop()
        if type(name) is not str or type(module) is not str:
            raise _Refused("it names a global by something that is no text")
        self._op_global(f"{module} {name}")

    def _op_reduce(self, _: Any) -> None:
        arguments, function = self._pop(), self._pop()
        if type(function) is not _Name or type(arguments) is not tuple:
            raise _Refused("it calls something that is no known function")
        self._spend(arguments)
        self.stack.append(_call(function.name, arguments))

    def _op_build(self, _: Any) -> None:
        state = self._pop()
        if not self.stack or type(self.stack[-1]) is not _Unfinished:
            raise _Refused("it sets the state of something that is no array")
        self._spend(state if type(state) is tuple else ())
        _set_state(self.stack[-1], state)

    def _spend(self, arguments: tuple[Any, ...]) -> None:
        self.converted += sum(len(a) for a in arguments if type(a) in (str, bytes, bytearray))
        if self.converted > len(self.payload) + _SLACK_BYTES:
            raise _Refused("it converts the same bytes again and again")


_PUSHED = {
    "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT",
    "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
    "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip
_CONSTANTS: dict[str, Any] = {
    "NONE": None,
    "NEWTRUE": True,
    "NEWFALSE": False,
    "EMPTY_TUPLE": (),
}


def _call(name: str, arguments: tuple[Any, ...]) -> Any:
    """What numpy's functions would make of their arguments, for plain data only."""
    if name == "encode":
        text, coding = arguments
        if type(text) is not str or coding not in ("latin1", "latin-1"):
            raise _Refused("it encodes something that is no text, or not as latin-1")
        return text.encode("latin-1")
    if name == "bytes":
        if arguments:
            raise _Refused("it makes bytes from something")
        return b""
    if name == "dtype":
        spec = arguments[0]
        if type(spec) is not str or not _is_plain_dtype(spec):
            raise _Refused(f"it holds values of the kind {str(spec)[:40]!r}")
        made = _Unfinished("dtype", spec)
        made.value = np.dtype(spec)
        return made
    if name == "_reconstruct":
        if type(arguments[0]) is not _Name or arguments[0].name != "ndarray":
            raise _Refused("it makes an array of a class of its own")
        return _Unfinished("array")
    if name == "scalar":
        dtype, raw = _dtype_of(arguments[0]), _bytes_of(arguments[1])
        if len(raw) != dtype.itemsize:
            raise _Refused(f"a value of {len(raw)} bytes is said to have {dtype.itemsize}")
        return np.frombuffer(raw, dtype=dtype)[0] if dtype.itemsize else dtype.type()
    if name == "_frombuffer":
        raw, dtype, shape, order = arguments
        return _array(shape, _dtype_of(dtype), order == "F", _bytes_of(raw))
    raise _Refused(f"it calls numpy.{name}")


def _is_plain_dtype(spec: str) -> bool:
    """True for bool, int, unsigned, float and fixed-length text, named without a byte order."""
    kind, size = spec.lstrip("<>=|")[:1], spec.lstrip("<>=|")[1:]
    return kind in ("b", "i", "u", "f", "S", "U") and size.isdecimal() and len(size) <= 6


def _dtype_of(value: Any) -> np.dtype:
    if type(value) is not _Unfinished or value.kind != "dtype":
        raise _Refused("it gives something for a dtype that is none")
    dtype: np.dtype = value.value
    return dtype


def _bytes_of(value: Any) -> bytes:
    # Under protocol 2, Python 2 left the raw bytes of an array as text.
    if type(value) is str:
        return value.encode("latin-1")
    if type(value) not in (bytes, bytearray):
        raise _Refused(f"an array has its values as {type(value).__name__}, not as bytes")
    return bytes(value)


def _set_state(target: _Unfinished, state: Any) -> None:
    """Second half of numpy's pickles: byte order of a dtype, contents of an array."""
    if type(state) is not tuple:
        raise _Refused(f"the state of an array is {type(state).__name__}, not a tuple")
    if target.kind == "dtype":
        order = state[1]
        if order not in ("<", ">", "|", "=") or any(part is not None for part in state[2:5]):
            raise _Refused("it holds records or values of a kind of their own")
        target.value = target.value.newbyteorder(order)
        return
    if target.value is not None:
        raise _Refused("it fills an array twice")
    _, shape, dtype, fortran, raw = state
    target.value = _array(shape, _dtype_of(dtype), bool(fortran), _bytes_of(raw))


def _array(shape: Any, dtype: np.dtype, fortran: bool, raw: bytes) -> np.ndarray:
    """Array over ``raw``, which must be exactly as long as shape and dtype say."""
    if type(shape) is not tuple or not all(type(n) is int and n >= 0 for n in shape):
        raise _Refused(f"an array has the shape {str(shape)[:60]}")
    if len(shape) > 8 or len(raw) != math.prod(shape) * dtype.itemsize:
        raise _Refused(
            f"an array of shape {str(shape)[:60]} and kind {dtype} comes with {len(raw)} bytes"
        )
    return np.frombuffer(raw, dtype=dtype).reshape(shape, order="F" if fortran else "C")


def _plain(value: Any, seen: dict[int, Any], depth: int = 0) -> Any:
    """Copy of a container with its arrays in place; every object is visited once."""
    if type(value) in (dict, list, tuple):
        if id(value) in seen:
            return seen[id(value)]
        if depth > 8:
            raise _Refused("its containers are nested more than 8 deep")
        seen[id(value)] = None  # a container that holds itself finds nothing here
        if type(value) is dict:
            made: Any = {k: _plain(v, seen, depth + 1) for k, v in value.items()}
        else:
            made = type(value)(_plain(v, seen, depth + 1) for v in value)
        seen[id(value)] = made
        return made
    if type(value) is _Unfinished:
        if value.kind != "array" or value.value is None:
            raise _Refused("it leaves an array unfinished")
        return value.value
    if type(value) is _Name:
        raise _Refused("it holds a function or class")
    return value
