"""Reads inputs one after the other, confined as the program's own reader is.

A *warm* process has imported the libraries and made the good files; each portion of inputs is
read by a fork of it, so one that dies costs some milliseconds. Before an input is read the fork
opens a path that does not exist, ``/fuzz/<number>``: who records its system calls
(:mod:`tests.fuzz.opened`) knows what was opened for which input.

Input number ``i`` of a reader depends on the seed, the reader and ``i`` alone, so every finding can
be made again.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import sys
import time
import traceback
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

SECONDS = 5
"""Of processor time; an input that takes longer is a finding. Other work on the machine is not."""
MARK = "/fuzz/"
_BLOCK = 50  # examples that are drawn together
_GENERATED = 4  # one input in so many comes from the reader's strategy, where it has one


def input_of(name: str, seed: int, number: int) -> dict[str, bytes]:
    """Input ``number`` of a reader: the file(s) by name."""
    from tests.fuzz.targets import TARGETS

    target = TARGETS[name]
    rng = random.Random(f"{seed}/{name}/{number}")
    if number < len(target.seeds()):
        return dict(target.seeds()[number])
    if target.strategy is not None and number % _GENERATED == 0:
        block, place = divmod(number // _GENERATED, _BLOCK)
        drawn = _drawn(name, seed, block)
        return drawn[place % len(drawn)]
    return target.mutated(rng)


@lru_cache(maxsize=2)
def _drawn(name: str, seed: int, block: int) -> list[dict[str, bytes]]:
    """Examples of a reader's strategy, the simplest first; always the same ones."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded

    from tests.fuzz.targets import TARGETS

    strategy = TARGETS[name].strategy
    if strategy is None:
        raise ValueError(f"{name} has no strategy")
    found: list[dict[str, bytes]] = []

    @seeded(random.Random(f"{seed}/{name}/{block}").getrandbits(64))
    @settings(
        max_examples=_BLOCK,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy())
    def draw(files: dict[str, bytes]) -> None:
        found.append(files)

    draw()
    return found


class Slow(BaseException):
    """The alarm."""


class Meter:
    """Most memory that this process had, from one moment on; opened before it is confined."""

    def __init__(self) -> None:
        self._clear = os.open("/proc/self/clear_refs", os.O_WRONLY)
        self._status = os.open("/proc/self/status", os.O_RDONLY)
        self._before = 0

    def begin(self) -> None:
        """From now on."""
        os.pwrite(self._clear, b"5", 0)
        self._before = self._peak()

    def megabytes(self) -> float:
        """Resident megabytes beyond what there was at :meth:`begin`, at most."""
        return (self._peak() - self._before) / 1e6

    def _peak(self) -> int:
        status = os.pread(self._status, 8192, 0)
        return int(status.partition(b"VmHWM:")[2].split()[0]) * 1024


def read_one(
    name: str, files: dict[str, bytes], scratch: Path, guard: Any, armed: bool = True
) -> tuple[str, str]:
    """What comes of one input: ``ok``, an error's class, or ``FINDING`` with the reason."""
    from radioviz.errors import RadioVizError
    from tests.fuzz.targets import TARGETS, write

    box = scratch / "input"
    shutil.rmtree(box, ignore_errors=True)
    box.mkdir()
    write(files, box)
    before = _listing(scratch)

    def ring(*_: object) -> None:
        raise Slow(f"longer than {SECONDS} s")

    signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    guard.breaches.clear()
    guard.armed = armed
    began = time.process_time()
    try:
        TARGETS[name].read(box)
        outcome = "ok", ""
    except RadioVizError as error:
        outcome = type(error).__name__, ""
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, MemoryError) and not TARGETS[name].mortal:
                outcome = "FINDING", f"more than 1 GB, then {error} [{_frames(cause)}]"
            cause = cause.__cause__ or cause.__context__
    except BaseException as error:
        why = f"{type(error).__name__}: {str(error)[:200]} [{_frames(error)}]"
        outcome = "FINDING", why
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        guard.armed = False
    if guard.breaches:
        outcome = "FINDING", f"breach: {guard.breaches[0]}"
    elif outcome[0] != "FINDING" and time.process_time() - began > SECONDS:
        outcome = "FINDING", f"took {time.process_time() - began:.1f} s"
    elif new := sorted(_listing(scratch) - before - _ALLOWED):
        outcome = "FINDING", f"wrote beside its folder: {new}"
    return outcome


def _frames(error: BaseException) -> str:
    """The last of our functions that it went through."""
    where = traceback.extract_tb(error.__traceback__)
    ours = [f for f in where if "/radioviz/" in f.filename] or where[-1:]
    return " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(ours[-3:]))


# What readers keep outside of the input's folder, in the cache and in temporary files.
_ALLOWED = frozenset({"cache", "numba"})


def _listing(scratch: Path) -> set[str]:
    return {entry.name for entry in os.scandir(scratch) if not entry.name.startswith(("tmp", "."))}


def work(name: str, seed: int, start: int, stop: int, scratch: Path) -> None:
    """Read inputs ``start`` to ``stop``, confined; two lines on standard output for each.

    The first is its number, the second its number, outcome, the reason where it is a finding, and
    the memory that it took in MB.
    """
    import warnings

    from radioviz.jobs.sandbox import Limits, confine
    from radioviz.paths import REPOSITORY
    from tests.fuzz.guard import GIGABYTE, Guard
    from tests.fuzz.targets import TARGETS

    warnings.simplefilter("ignore")
    out = os.fdopen(os.dup(1), "w")
    said = os.open(scratch / ".said", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(said, 1)
    os.dup2(said, 2)  # what C libraries print
    os.environ |= {
        "RADIOVIZ_CACHE": str(scratch / "cache"),
        "RADIOVIZ_HOME": str(scratch / "input"),
        "NUMBA_CACHE_DIR": str(scratch / "numba"),
    }
    (scratch / ".pid").write_text(str(os.getpid()))
    guard, meter = Guard(scratch), Meter()
    for files in TARGETS[name].seeds():  # imports, before anything is forbidden
        with suppress(BaseException):
            read_one(name, files, scratch, guard, armed=False)
    with suppress(ValueError):
        _drawn(name, seed, start // _GENERATED // _BLOCK)
    hours = Limits(memory=GIGABYTE, seconds=6 * 3600)  # one input has SECONDS, see read_one
    confine([REPOSITORY, Path("/proc")], [scratch, Path("/dev/null")], hours)
    for number in range(start, stop):
        try:
            files = input_of(name, seed, number)
        except (MemoryError, RecursionError):  # the limits are those of the readers
            out.write(json.dumps([number, "not made", "", 0.0]) + "\n")
            continue
        out.write(f"{number}\n")
        out.flush()
        _mark(f"{scratch.name}/{number}")
        meter.begin()
        outcome, why = read_one(name, files, scratch, guard)
        used = meter.megabytes()
        _mark(f"{scratch.name}/end")
        if used > GIGABYTE / 1e6 and not TARGETS[name].mortal:
            outcome, why = "FINDING", f"{used / 1e3:.2f} GB resident"
        out.write(json.dumps([number, outcome, why, round(used, 1)]) + "\n")
        out.flush()


def _mark(what: str) -> None:
    with suppress(OSError):
        os.open(MARK + what, os.O_RDONLY)


def serve() -> None:
    """Fork for each line ``[name, seed, start, stop, scratch]`` of standard input.

    The line ``{"ended": status}`` follows what each fork wrote.
    """
    import importlib

    from radioviz.jobs.reader_process import PRELOADED
    from tests.fuzz.targets import TARGETS

    for module in PRELOADED:
        importlib.import_module(module)
    for line in sys.stdin:
        name, seed, start, stop, scratch = json.loads(line)
        with suppress(Exception):
            TARGETS[name].seeds()  # made once, for all forks
        child = os.fork()
        if child == 0:
            code = 1
            try:
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
                work(name, seed, start, stop, Path(scratch))
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        print(json.dumps({"ended": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}), flush=True)
