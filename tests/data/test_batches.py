"""The restricted reader: reads what numpy wrote, executes nothing."""

from __future__ import annotations

import os
import pickle
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radioviz.data.datasets import pickled_batches as batches
from radioviz.data.datasets.pickled_batches import read_pickle
from radioviz.errors import CatalogueError

IMAGES = np.arange(3 * 22500, dtype=np.uint8).reshape(3, 22500)


def stored(folder: Path, payload: bytes) -> Path:
    path = folder / "data_batch_1"
    path.write_bytes(payload)
    return path


def equal(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, np.ndarray):
        same = isinstance(b, np.ndarray) and a.dtype == b.dtype and a.shape == b.shape
        return same and np.array_equal(a, b)
    return type(a) is type(b) and (a == b or (a != a and b != b))


CONTENTS = {
    "batch": {
        "batch_label": "training batch 1 of 7",
        "labels": [0, 1, 9],
        "data": list(IMAGES),
        "filenames": [np.str_("100_123.251+043.797_0.1281_0034.09.png"), "b", "c"],
    },
    "one array": {
        "data": IMAGES,
        "LAS": np.array([1.5, 2.5, np.inf]),
        "mb_flag": np.array([1, 0, 1]),
    },
    "kinds": {
        "bool": np.array([True, False]),
        "text": np.array(["a", "bcd", ""]),
        "bytes": np.array([b"a", b"bcd"]),
        "big endian": np.arange(5, dtype=">i4"),
        "column order": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        "empty": np.zeros((0, 22500), np.uint8),
        "no axes": np.array(3.0),
        "scalar": np.float32(2.5),
        "empty text": np.str_(""),
    },
    "plain": {
        "a": None,
        "b": (1, -2, 2**40, -(2**70)),
        "c": [True, 1.5, b"", b"\x80\xff"],
        "d": (),
    },
}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("name", CONTENTS)
def test_reads_what_pickle_reads(name: str, protocol: int, tmp_path: Path) -> None:
    payload = pickle.dumps(CONTENTS[name], protocol=protocol)
    assert equal(read_pickle(stored(tmp_path, payload)), pickle.loads(payload))


def test_reads_old_and_new_names_of_numpy(tmp_path: Path) -> None:
    payload = pickle.dumps(CONTENTS["one array"], protocol=2)
    assert b"numpy._core" in payload or b"numpy.core" in payload
    for old, new in ((b"numpy._core", b"numpy.core"), (b"numpy.core", b"numpy._core")):
        found = read_pickle(stored(tmp_path, payload.replace(old, new)))
        assert equal(found, CONTENTS["one array"])


def test_reads_bytes_that_python_2_wrote_as_text(tmp_path: Path) -> None:
    # {'data': array([[1, 255]], dtype=uint8)} as cPickle of Python 2 writes it, protocol 2.
    payload = (
        b"\x80\x02}q\x00U\x04dataq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\n"
        b"q\x03K\x00\x85q\x04U\x01bq\x05\x87q\x06Rq\x07(K\x01K\x01K\x02\x86q\x08cnumpy\ndtype\nq\t"
        b"U\x02u1q\nK\x00K\x01\x87q\x0bRq\x0c(K\x03U\x01|q\rNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff"
        b"K\x00tq\x0eb\x89U\x02\x01\xffq\x0ftq\x10bs."
    )
    assert equal(read_pickle(stored(tmp_path, payload)), {"data": np.array([[1, 255]], np.uint8)})


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=12,
    ),
    st.sampled_from([2, 3, 4, 5]),
)
def test_reads_any_plain_content(content: Any, protocol: int) -> None:
    payload = pickle.dumps(content, protocol=protocol)
    assert equal(batches._Reader(payload).read(), content)


# What would happen if a file were unpickled: each leaves a trace.
TRACE = Path("trace-of-execution")


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def numpy_array_of_objects() -> np.ndarray:
    array = np.empty(1, dtype=object)
    array[0] = Calls(os.system, f"touch {TRACE}")
    return array


class Subclass(np.ndarray):
    pass


MALICIOUS: dict[str, Any] = {
    "os.system": Calls(os.system, f"touch {TRACE}"),
    "eval": Calls(eval, f"open({str(TRACE)!r}, 'w')"),
    "exec": Calls(exec, f"open({str(TRACE)!r}, 'w')"),
    "getattr": Calls(getattr, [], "append"),
    "import": Calls(__import__, "antigravity"),
    "open": Calls(open, str(TRACE), "w"),
    "numpy function": Calls(np.save, str(TRACE), 1),
    "numpy load": Calls(np.load, str(TRACE), None, True),
    "numpy memmap": Calls(np.memmap, str(TRACE), "uint8", "w+", 0, (10,)),
    "numpy zeros": Calls(np.zeros, 10**12),
    "array of objects": numpy_array_of_objects(),
    "subclass of array": np.zeros(3).view(Subclass),
    "record dtype": np.zeros(2, dtype=[("a", "i4"), ("b", "O")]),
    "dtype of objects": np.dtype(object),
    "datetime": np.array(["2020-01-01"], dtype="datetime64[D]"),
    "complex": np.zeros(2, complex),
    "a function": os.path.join,
    "a class": dict,
    "array class": np.ndarray,
    "bytes call": Calls(bytes, 10**12),
    "set": {1, 2},
}


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("name", MALICIOUS)
def test_refuses_and_executes_nothing(
    name: str, nested: bool, protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    thing = MALICIOUS[name]
    content = {"data": [IMAGES[0], (1, [thing])], "labels": [0]} if nested else thing
    with pytest.raises(CatalogueError, match="is refused"):
        read_pickle(stored(tmp_path, pickle.dumps(content, protocol=protocol)))
    assert not TRACE.exists()


ARRAY = b"cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
UINT8 = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"

HAND_MADE = {
    # STACK_GLOBAL takes its names from the stack, where no search for text finds them joined.
    "stack global": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",
    "stack global of parts": (
        b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94h\x00h\x01\x93h\x00\x85R."
    ),
    "dotted name": b"\x80\x04\x8c\x05numpy\x8c\x0dndarray.tobytes\x93.",
    "stack global of numbers": b"\x80\x04K\x01K\x02\x93.",
    "instance": b"(S'true'\nios\nsystem\n.",
    "object": b"(cos\nsystem\nS'true'\no.",
    "new object": b"\x80\x02cnumpy\nndarray\nK\x05\x85\x81.",
    "extension": b"\x80\x02\x82\x01.",
    "persistent id": b"\x80\x02U\x01aQ.",
    "reduce of text": b"\x80\x02U\x06systemU\x04true\x85R.",
    "array called": b"\x80\x02cnumpy\nndarray\nJ\xff\xff\xff\x7f\x85R.",
    "state of a function": b"\x80\x02cnumpy\ndtype\n}U\x01aK\x01sb.",
    "state of a dict": b"\x80\x02}}U\x01aK\x01sb.",
    "array of a text": b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nU\x01aK\x00\x85U\x01b\x87R.",
    "array not filled": b"\x80\x02" + ARRAY + b".",
    "array filled twice": (
        b"\x80\x02" + ARRAY + 2 * (b"(K\x01K\x00\x85" + UINT8 + b"\x89U\x00tb") + b"."
    ),
    "absurd shape": (
        b"\x80\x02" + ARRAY + b"(K\x01\x8a\x08" + struct.pack("<q", 1 << 60) + b"\x85"
        + UINT8 + b"\x89U\x02abtb."
    ),
    "negative shape": (
        b"\x80\x02" + ARRAY + b"(K\x01J\xff\xff\xff\xff\x85" + UINT8 + b"\x89U\x00tb."
    ),
    "absurd dtype": b"\x80\x02cnumpy\ndtype\nU\x0bU9999999999K\x00K\x01\x87R.",
    "scalar of an absurd length": (
        b"\x80\x02cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nU\x07U999999K\x00K\x01\x87R"
        b"U\x01a\x86R."
    ),
    "memo out of nothing": b"\x80\x02h\x07.",
    "memo of an absurd number, empty stack": b"\x80\x02r\xff\xff\xff\xff.",
    "key without a value": b"\x80\x02}(U\x01au.",
    "key that is a list": b"\x80\x02}]K\x01s.",
    "marks out of order": b"\x80\x02}u.",
    "nothing on the stack": b"\x80\x02.",
    "two things on the stack": b"\x80\x02K\x01K\x02.",
    "deep nesting": b"\x80\x02" + b"]" * 2000 + b"a" * 1999 + b".",
    "encoded with a codec of its own": (
        b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aU\x03rot\x86R."
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HAND_MADE)
def test_refuses_hand_made_tricks(name: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogueError):
        read_pickle(stored(tmp_path, HAND_MADE[name]))


DAMAGED = {
    "nothing": b"",
    "text": b"<html>404 Not Found</html>",
    "cut short": pickle.dumps(CONTENTS["one array"])[:-20],
    "cut in a length": pickle.dumps(CONTENTS["one array"])[:40],
    "absurd length of bytes": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 62) + b"ab.",
    "absurd length of text": b"\x80\x04\x8d" + struct.pack("<Q", 1 << 62) + b"ab.",
    "no end": b"\x80\x02K\x01",
    "unknown instruction": b"\x80\x02\xfe.",
    "text that is none": b"\x80\x02X\x02\x00\x00\x00\xff\xfe.",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_names_what_is_damaged(name: str, tmp_path: Path) -> None:
    path = stored(tmp_path, DAMAGED[name])
    with pytest.raises(CatalogueError, match="data_batch_1"):
        read_pickle(path)


def test_memo_of_an_absurd_number_costs_nothing(tmp_path: Path) -> None:
    # The C unpickler makes its memo as long as the largest number: 32 GiB for this one.
    start = time.perf_counter()
    assert read_pickle(stored(tmp_path, b"\x80\x02K\x01r\xff\xff\xff\xff.")) == 1
    assert time.perf_counter() - start < 20


def test_refuses_to_multiply_one_text(tmp_path: Path) -> None:
    text = b"X" + struct.pack("<I", 1 << 20) + b"a" * (1 << 20)
    again = b"c_codecs\nencode\nh\x00X\x06\x00\x00\x00latin1\x86R"
    payload = b"\x80\x02(" + text + b"q\x00" + again * 2000 + b"l."
    with pytest.raises(CatalogueError, match="too often"):
        read_pickle(stored(tmp_path, payload))


def test_refuses_too_many_instructions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_MAX_INSTRUCTIONS", 1000)
    with pytest.raises(CatalogueError, match="more than 1000 instructions"):
        read_pickle(stored(tmp_path, b"\x80\x02(" + b"}" * 2000 + b"l."))


def test_refuses_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = stored(tmp_path, pickle.dumps(IMAGES))
    with pytest.raises(CatalogueError, match=f"at most {1000} bytes"):
        read_pickle(path, max_bytes=1000)


def test_shared_lists_are_not_multiplied(tmp_path: Path) -> None:
    inner: Any = [1]
    for _ in range(7):
        inner = [inner] * 100
    start = time.perf_counter()
    found = read_pickle(stored(tmp_path, pickle.dumps(inner)))
    assert time.perf_counter() - start < 20
    assert found[0] is found[99]


def test_a_list_that_holds_itself_ends(tmp_path: Path) -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    found = read_pickle(stored(tmp_path, pickle.dumps(loop)))
    assert found[0] == 1 and found[1] is found


def test_a_bytearray_that_is_longer_than_the_file(tmp_path: Path) -> None:
    start = time.perf_counter()
    with pytest.raises(CatalogueError, match="damaged"):
        read_pickle(stored(tmp_path, b"\x80\x05\x96" + struct.pack("<Q", 1 << 34) + b"ab."))
    assert time.perf_counter() - start < 20


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"data_batch_9 cannot be read: No such file"):
        read_pickle(tmp_path / "data_batch_9")


def test_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="cannot be read"):
        read_pickle(tmp_path)


def test_refusal_says_what_and_where(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"names 'posix.system'"):
        read_pickle(stored(tmp_path, pickle.dumps(MALICIOUS["os.system"])))
    with pytest.raises(CatalogueError, match=r"instruction NEWOBJ"):
        read_pickle(stored(tmp_path, HAND_MADE["new object"]))
