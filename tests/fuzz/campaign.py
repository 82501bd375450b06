"""The engine: inputs in worker processes, watched from outside.

A worker reads one input after the other under the limits of :mod:`tests.fuzz.guard` and says what
came of it; the parent ends one that hangs and notes one that dies. Input number ``i`` of a reader
depends on the seed, the reader and ``i`` alone, so every finding can be made again.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from queue import Empty, Queue
from typing import Any

SECONDS = 5
"""Of processor time; an input that takes longer is a finding. Other work on the machine is not."""
_DEAD = 12.0  # seconds of processor time, where the alarm does not get through, in C code
_ASLEEP = 300.0  # seconds, for one that waits for something
_RECYCLE = 3000  # inputs a worker
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
    guard.armed = armed and not TARGETS[name].confined
    began = time.process_time()
    try:
        TARGETS[name].read(box)
        outcome = "ok", ""
    except RadioVizError as error:
        outcome = type(error).__name__, ""
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, MemoryError):
                outcome = "FINDING", f"more than 1 GB, then {error}"
            cause = cause.__cause__ or cause.__context__
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)
        ours = [f for f in where if "/radioviz/" in f.filename] or where[-1:]
        frames = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(ours[-3:]))
        outcome = "FINDING", f"{type(error).__name__}: {str(error)[:200]} [{frames}]"
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


# What readers keep outside of the input's folder, in the cache and in temporary files.
_ALLOWED = frozenset({"cache", "numba"})


def _listing(scratch: Path) -> set[str]:
    return {
        entry.name
        for folder in (scratch, scratch.parent)
        for entry in os.scandir(folder)
        if not entry.name.startswith(("tmp", "."))
    }


# -- in a worker -----------------------------------------------------------------------------------


def work(name: str, seed: int, start: int, stop: int, step: int, scratch: Path) -> None:
    """Read inputs ``start, start + step, ...``; a line on standard output for each."""
    import warnings

    from tests.fuzz.guard import GIGABYTE, Guard, limit_memory, resident
    from tests.fuzz.targets import TARGETS

    warnings.simplefilter("ignore")
    out = os.fdopen(os.dup(1), "w")
    said = os.open(scratch / ".said", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(said, 1)
    os.dup2(said, 2)  # what C libraries print
    os.environ |= {
        "RADIOVIZ_CACHE": str(scratch / "cache"),
        "RADIOVIZ_HOME": str(scratch / "input"),
    }
    guard = Guard(scratch)
    for files in TARGETS[name].seeds():  # imports, before anything is forbidden
        with suppress(BaseException):
            read_one(name, files, scratch, guard, armed=False)
    limit_memory()
    base = resident()
    for number in range(start, stop, step):
        files = input_of(name, seed, number)
        out.write(f"{number}\n")
        out.flush()
        outcome, why = read_one(name, files, scratch, guard)
        if resident() - base > GIGABYTE:
            outcome, why = "FINDING", f"{(resident() - base) / 1e9:.2f} GB resident"
        out.write(json.dumps([number, outcome, why]) + "\n")
        out.flush()


# -- in the parent ---------------------------------------------------------------------------------


@dataclass
class Tally:
    """What came of the inputs of one reader."""

    outcomes: Counter[str] = field(default_factory=Counter)
    findings: list[tuple[int, str]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def count(self) -> int:
        """Inputs that were read."""
        return sum(self.outcomes.values())


def run(
    name: str,
    seed: int,
    count: int,
    seconds: float | None = None,
    start: int = 0,
) -> Tally:
    """Read inputs ``start`` to ``start + count`` of a reader, or what fits into ``seconds``."""
    tally = Tally()
    began = time.monotonic()
    number, stop = start, start + count
    while number < stop and (seconds is None or time.monotonic() - began < seconds):
        left = None if seconds is None else seconds - (time.monotonic() - began)
        number = _one_worker(name, seed, number, min(stop, number + _RECYCLE), left, tally)
    tally.seconds = time.monotonic() - began
    return tally


def _one_worker(
    name: str, seed: int, start: int, stop: int, seconds: float | None, tally: Tally
) -> int:
    """Run one worker until it is through, dies or is out of time; the next number to read."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        scratch = Path(folder) / "scratch"
        scratch.mkdir()
        command = [
            sys.executable,
            "-m",
            "tests.fuzz",
            "--worker",
            name,
            str(seed),
            str(start),
            str(stop),
            str(scratch),
        ]
        environment = os.environ | {
            # Its own allocator maps gigabytes that it never touches.
            "ARROW_DEFAULT_MEMORY_POOL": "system",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "ARROW_NUM_THREADS": "1",
            "PYTHONFAULTHANDLER": "",
            "MALLOC_ARENA_MAX": "1",
        }
        process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
        lines: Queue[str | None] = Queue()
        threading.Thread(target=_pump, args=(process.stdout, lines), daemon=True).start()
        at, open_number = start, None
        since, spent = time.monotonic(), 0.0
        deadline = None if seconds is None else time.monotonic() + seconds
        try:
            while True:
                if deadline is not None and time.monotonic() > deadline:
                    return at
                try:
                    line = lines.get(timeout=1.0)
                except Empty:
                    worked = _processor_time(process.pid) - spent
                    asleep = time.monotonic() - since > _ASLEEP and worked < 1
                    if open_number is not None and (worked > _DEAD or asleep):
                        tally.outcomes["FINDING"] += 1
                        tally.findings.append((open_number, f"hangs ({worked:.0f} s of work)"))
                        return open_number + 1
                    continue
                if line is None:
                    code = process.wait()
                    if open_number is not None:
                        tally.outcomes["FINDING"] += 1
                        tally.findings.append((open_number, f"the process died ({_exit(code)})"))
                        return open_number + 1
                    if at == start and code:
                        why = (scratch / ".said").read_text()[-2000:]
                        raise RuntimeError(f"the worker of {name} failed:\n{why}")
                    if code:  # the engine itself: an input that could not be made within the limit
                        tally.outcomes["not made"] += 1
                        return at + 1
                    return stop
                said = json.loads(line)
                if isinstance(said, int):
                    open_number = said
                    since, spent = time.monotonic(), _processor_time(process.pid)
                    continue
                number, outcome, why = said
                open_number, at = None, number + 1
                tally.outcomes[outcome] += 1
                if outcome == "FINDING":
                    tally.findings.append((number, why))
        finally:
            process.kill()
            process.wait()


def _processor_time(pid: int) -> float:
    """Seconds that a process has worked."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _pump(stream: Any, lines: Queue[str | None]) -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


def _exit(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit status {code}"


def shares(names: Iterable[str], count: int) -> Iterator[tuple[str, int]]:
    """How many inputs each reader gets: slow ones a fifth."""
    slow = {"model weights", "whole imports", "surveys and jobs", "tar xz", "tar bz2", "zarr"}
    weights = {n: 0.2 if n in slow else 1.0 for n in names}
    whole = sum(weights.values())
    for name, weight in weights.items():
        yield name, max(1, round(count * weight / whole + 0.5))


def alike(why: str) -> str:
    """A finding without its numbers, so that equal ones can be counted together."""
    where = re.search(r"\[(.*)\]$", why)
    return f"{why.split(':')[0]} [{where[1]}]" if where else re.sub(r"\d+", "N", why)[:120]
