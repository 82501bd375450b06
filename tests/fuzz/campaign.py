"""The engine: portions of inputs in a warm process, watched from outside.

The parent ends a reader that hangs, notes one that dies, and adds up what :mod:`tests.fuzz.worker`
says of each input and what :mod:`tests.fuzz.opened` saw it open.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from radioviz.paths import REPOSITORY
from tests.fuzz.opened import Recorder, available, elsewhere

_DEAD = 12.0  # seconds of processor time, where the alarm does not get through, in C code
_ASLEEP = 300.0  # seconds, for one that waits for something
_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # files that no disk sees
SERVE = ["-m", "tests.fuzz", "--serve"]
"""Arguments of the warm process."""
PORTION = 400  # inputs a fork


@dataclass
class Tally:
    """What came of some inputs of one reader.

    Attributes
    ----------
    outcomes : Counter
        Inputs by outcome.
    findings : list of (int, str)
        Number and reason.
    megabytes : list of (float, int)
        Memory that an input took, the ten largest, with their numbers.
    opened : list of (int, int)
        Files that were opened for an input, the ten largest counts, with their numbers.
    recorded : int
        Inputs whose opened files are known.
    seconds : float
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    findings: list[tuple[int, str]] = field(default_factory=list)
    megabytes: list[tuple[float, int]] = field(default_factory=list)
    opened: list[tuple[int, int]] = field(default_factory=list)
    recorded: int = 0
    seconds: float = 0.0

    @property
    def count(self) -> int:
        """Inputs that were read."""
        return sum(self.outcomes.values())

    def add(self, other: Tally) -> None:
        """Take another portion in."""
        self.outcomes += other.outcomes
        self.findings += other.findings
        self.megabytes = sorted(self.megabytes + other.megabytes, reverse=True)[:10]
        self.opened = sorted(self.opened + other.opened, reverse=True)[:10]
        self.recorded += other.recorded
        self.seconds += other.seconds

    def note(self, number: int, outcome: str, why: str = "", used: float = 0.0) -> None:
        """Add one input."""
        self.outcomes[outcome] += 1
        if outcome == "FINDING":
            self.findings.append((number, why))
        self.megabytes = sorted([*self.megabytes, (used, number)], reverse=True)[:10]


class Engine:
    """The warm process, as a context."""

    def __init__(self) -> None:
        self._recorder: Recorder | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._pending = b""

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the process; the next portion starts another."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        command = [sys.executable, *SERVE]
        handles = []
        self._recorder = Recorder() if available() else None
        if self._recorder is not None:
            command = [*self._recorder.command, *command]
            handles = [self._recorder.handle]
        environment = os.environ | {
            # Its own allocator maps gigabytes that it never touches.
            "ARROW_DEFAULT_MEMORY_POOL": "system",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "ARROW_NUM_THREADS": "1",
            "PYTHONFAULTHANDLER": "",
            "MALLOC_ARENA_MAX": "1",
        }
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
            pass_fds=handles, start_new_session=True, cwd=REPOSITORY,
        )  # fmt: skip
        self._pending = b""
        if self._recorder is not None:
            self._recorder.start()
        return self._process

    def _line(self, seconds: float) -> Any:
        """The next line that the process writes; None if there is none in time."""
        stream = self._started().stdout
        while b"\n" not in self._pending:
            if not select.select([stream], [], [], seconds)[0]:
                return None
            part = os.read(stream.fileno(), 1 << 16)  # type: ignore[union-attr]
            if not part:
                raise RuntimeError("the warm process ended")
            self._pending += part
        line, _, self._pending = self._pending.partition(b"\n")
        return json.loads(line)

    def portion(self, name: str, seed: int, start: int, stop: int, until: float) -> Tally:
        """Read inputs ``start`` to ``stop`` of a reader, or what is read by ``until``."""
        tally, began = Tally(), time.monotonic()
        while start < stop and time.monotonic() < until:
            start = self._fork(name, seed, start, stop, until, tally)
        tally.seconds = time.monotonic() - began
        return tally

    def _fork(self, name: str, seed: int, start: int, stop: int, until: float, tally: Tally) -> int:
        """Run one fork until it is through, dies or is out of time; the next number to read."""
        from tests.fuzz.targets import TARGETS

        with tempfile.TemporaryDirectory(prefix="fuzz-", dir=_MEMORY) as folder:
            scratch = Path(folder)
            process = self._started()
            line = json.dumps([name, seed, start, stop, folder]) + "\n"
            process.stdin.write(line.encode())  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            number = start
            reads, hangs, since, spent = False, "", time.monotonic(), 0.0
            while True:
                said = self._line(0.5)
                if said is None:
                    worked = _processor_time(scratch) - spent
                    asleep = time.monotonic() - since > _ASLEEP and worked < 1
                    if time.monotonic() > until:
                        _end(scratch)
                    elif reads and (worked > _DEAD or asleep):
                        hangs = f"hangs ({worked:.0f} s of work)"
                        _end(scratch)
                elif isinstance(said, int):
                    number, reads = said, True
                    since, spent = time.monotonic(), _processor_time(scratch)
                elif isinstance(said, list):
                    reads = False
                    self._note(said, scratch, tally)
                    number += 1
                    if time.monotonic() > until:
                        _end(scratch)
                elif said["ended"] == 0 or (time.monotonic() > until and not hangs):
                    return stop
                elif reads:
                    last = (scratch / ".said").read_text(errors="replace").strip()[-300:]
                    died = f"the process died ({_exit(said['ended'])}) {last}"
                    expected = TARGETS[name].mortal and not hangs
                    tally.note(number, "died" if expected else "FINDING", hangs or died)
                    return number + 1
                elif number == start:
                    why = (scratch / ".said").read_text()[-2000:]
                    raise RuntimeError(f"the worker of {name} failed:\n{why}")
                else:  # the engine itself: an input that could not be made within the limit
                    tally.outcomes["not made"] += 1
                    return number + 1

    def _note(self, said: list[Any], scratch: Path, tally: Tally) -> None:
        number, outcome, why, used = said
        if self._recorder is not None and outcome != "not made":
            opened = self._recorder.of(f"{scratch.name}/{number}")
            tally.recorded += 1
            tally.opened = sorted([*tally.opened, (len(opened), number)], reverse=True)[:10]
            beyond = elsewhere(opened, scratch)
            if beyond and outcome != "FINDING":  # a traceback reads the files of its frames
                outcome, why = "FINDING", f"opens {', '.join(beyond[:5])}"
        tally.note(number, outcome, why, used)


def _end(scratch: Path) -> None:
    """End the fork that reads in a folder."""
    with suppress(OSError, ValueError):
        os.kill(int((scratch / ".pid").read_text()), signal.SIGKILL)


def _processor_time(scratch: Path) -> float:
    """Seconds that the fork which reads in a folder has worked."""
    try:
        pid = int((scratch / ".pid").read_text())
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _exit(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit status {code}"


def shares(names: Iterable[str], count: int) -> Iterator[tuple[str, int]]:
    """How many inputs each reader gets."""
    from tests.fuzz.targets import TARGETS

    weights = {n: TARGETS[n].share for n in names}
    whole = sum(weights.values())
    for name, weight in weights.items():
        yield name, max(1, round(count * weight / whole + 0.5))


def portions(names: Iterable[str], count: int) -> Iterator[tuple[str, int, int]]:
    """Reader, first number and end of each portion, the readers taking turns."""
    left = {name: (0, share) for name, share in shares(names, count)}
    turns = max(-(-share // PORTION) for _, share in left.values())
    for turn in range(turns):
        for name, (at, share) in list(left.items()):
            # By then each reader is to have had the same part of its share.
            stop = min(share, -(-share * (turn + 1) // turns // PORTION) * PORTION)
            if stop > at:
                yield name, at, stop
                left[name] = (stop, share)


def alike(why: str) -> str:
    """A finding without its numbers, so that equal ones can be counted together."""
    where = re.search(r"\[(.*)\]$", why)
    return f"{why.split(':')[0]} [{where[1]}]" if where else re.sub(r"\d+", "N", why)[:120]
