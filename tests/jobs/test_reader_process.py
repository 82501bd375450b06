"""A confined reader opens what it was given and no more; its death is a sentence."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest

from radioviz.errors import ImageError, ReaderError
from radioviz.jobs import wire
from radioviz.jobs.reader_process import read_confined
from radioviz.jobs.sandbox import Limits, landlock_version
from radioviz.paths import REPOSITORY
from tests.jobs.misbehaving import Facts

HERE = "tests.jobs.misbehaving:"
needs_landlock = pytest.mark.skipif(not landlock_version(), reason="this system has no Landlock")


def call(function: str, *args: Any, **options: Any) -> Any:
    return read_confined(HERE + function, *args, **options)


VALUES: list[Any] = [
    None, True, 7, 2**60, 1.5, float("inf"), "Ångström", b"\x00\xff",
    [1, (2, "a")], {"a": [None], 3: (1,)}, Path("a/b"), (), [],
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
def test_values_come_back_as_they_were(value: Any) -> None:
    assert wire.unpack(wire.pack(value)) == value


@pytest.mark.parametrize("dtype", ["<f4", ">i2", "?", "<U5", "c16"])
def test_arrays_come_back_as_they_were(dtype: str) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)
    back = wire.unpack(wire.pack(array))
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)
    back[0, 0] = back[1, 1]  # of its own, to be written to


def test_tables_come_back_as_they_were() -> None:
    table = pd.DataFrame(
        {"id": ["001", None, "ü"], "ra": [1.5, np.nan, 3.0], "n": [1, 2, 3], "ok": [True] * 3}
    )
    table["mixed"] = pd.Series([None, "x", 2], dtype=object)
    for index in (pd.RangeIndex(3), pd.Index([1, 2, 5]), pd.Index(["a", "b", "c"])):
        table.index = index
        pd.testing.assert_frame_equal(wire.unpack(wire.pack(table)), table)
    empty = table.iloc[:0].reset_index(drop=True)
    pd.testing.assert_frame_equal(wire.unpack(wire.pack(empty)), empty)


def test_objects_are_of_classes_that_were_named() -> None:
    facts = Facts("a", None, (1, 2))
    assert wire.unpack(wire.pack([facts]), [Facts]) == [facts]
    with pytest.raises(ValueError, match="not expected"):
        wire.unpack(wire.pack(facts))


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xc1", wire.pack(["x"])[:-1], b"\x94\xa5array\xa2|O\x91\x01\xc4\x00", b"\x91\xa4evil"],
)
def test_a_damaged_answer_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        wire.unpack(payload)


def test_what_cannot_be_sent_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be sent"):
        wire.pack(object())


def test_a_function_is_called_with_arguments_and_objects() -> None:
    facts = Facts("a", 5.4)
    assert call("echo", facts, classes=[Facts]) == facts


def test_a_file_that_was_given_is_read(tmp_path: Path) -> None:
    file = tmp_path / "given.txt"
    file.write_text("Jy/beam")
    assert call("text_of", file, read=[file]) == "Jy/beam"


@needs_landlock
def test_no_other_file_is_opened_not_even_from_c(tmp_path: Path) -> None:
    given, other = tmp_path / "given.txt", tmp_path / "other.txt"
    for file in (given, other):
        file.write_text("x")
    assert call("open_from_c", str(given), read=[given])
    for secret in (str(other), "/etc/hostname", "/etc/passwd", "/proc/self/environ"):
        assert Path(secret).exists()
        assert not call("open_from_c", secret, read=[given])
    link = tmp_path / "link.txt"
    link.symlink_to(other)
    assert not call("open_from_c", str(link), read=[given])
    with pytest.raises(ReaderError, match="PermissionError"):
        call("names_of", str(tmp_path), read=[given])
    with pytest.raises(ReaderError, match="PermissionError"):
        call("write_much", given, 1, read=[given])


def test_temporary_files_are_private_and_go(tmp_path: Path) -> None:
    folder = Path(call("write_temporary", 100_000))
    assert folder.name.startswith("radioviz-reader-")
    assert not folder.exists()


@needs_landlock
def test_no_connection_and_no_signal_leaves() -> None:
    if landlock_version() < 6:
        pytest.skip("this kernel's Landlock knows neither connections nor signals")
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(ReaderError, match="PermissionError"),
    ):
        call("connect", server.getsockname()[1])
    with pytest.raises(ReaderError, match="PermissionError"):
        call("kill", os.getpid())


def test_errors_of_ours_arrive_as_they_are() -> None:
    with pytest.raises(ImageError, match="NAXIS1 is -3; expected"):
        call("refuse")


def test_other_errors_are_a_sentence_with_the_name() -> None:
    with pytest.raises(ReaderError, match=r"'a\.fits' could not be read: KeyError"):
        call("fail", name="a.fits")


def test_a_crash_names_the_file_of_many() -> None:
    says = r"'a folder' could not be read: the reader crashed, .* memory, at 'b/deadly\.fits'"
    with pytest.raises(ReaderError, match=says):
        call("crash_at", "b/deadly.fits", name="a folder")
    with pytest.raises(ReaderError, match=r"of memory$"):
        call("crash_at", "a folder", name="a folder")


def test_a_crash_is_a_sentence() -> None:
    with pytest.raises(ReaderError, match=r"'a\.h5' could not be read: the reader crashed"):
        call("crash", name="a.h5")


@pytest.mark.parametrize("function", ["wait_in_c", "spin"])
def test_what_never_ends_is_ended(function: str) -> None:
    begin = time.monotonic()
    with pytest.raises(ReaderError, match="could not be read"):
        call(function, limits=Limits(seconds=1.0))
    assert time.monotonic() - begin < 20


def test_a_reading_can_be_cancelled() -> None:
    with pytest.raises(ReaderError, match="cancelled"):
        call("wait_in_c", cancelled=lambda: True)


def test_memory_files_and_handles_are_limited(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("x")
    limits = Limits(memory=300_000_000, file_size=1000, open_files=40)
    assert call("fill_memory", 100_000_000, limits=limits) == 100_000_000
    with pytest.raises(ReaderError, match=r"more than 0\.3 GB of memory"):
        call("fill_memory", 2_000_000_000, limits=limits)
    with pytest.raises(ReaderError, match=r"crashed|too large"):
        call("write_much", file, 2000, write=[tmp_path], limits=limits)
    with pytest.raises(ReaderError, match="Too many open files"):
        call("open_many", file, 60, read=[file], limits=limits)


def test_many_at_once_and_after_a_death(tmp_path: Path) -> None:
    answers: dict[int, Any] = {}

    def one(i: int) -> None:
        if i % 3 == 0:
            with pytest.raises(ReaderError):
                call("crash")
        answers[i] = call("echo", i)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {i: i for i in range(12)}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system ends it on Linux")
def test_a_reader_ends_with_the_server() -> None:
    """Even one that never returns to Python, and however the server ends."""
    program = (
        "import threading, time\n"
        "from radioviz.jobs.reader_process import read_confined\n"
        "read = lambda: read_confined('tests.jobs.misbehaving:wait_in_c')\n"
        "threading.Thread(target=read, daemon=True).start()\n"
        "time.sleep(200)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=REPOSITORY) as server:
        readers: list[psutil.Process] = []
        while not readers:
            time.sleep(0.05)
            spares = psutil.Process(server.pid).children()
            readers = [reader for spare in spares for reader in spare.children()]
        server.kill()
    assert not psutil.wait_procs([*spares, *readers], timeout=60)[1]
