"""Kill runs at random moments, and check what is left.

.. code-block:: sh

    python -m tests.faults --times 50               # every kind of work
    python -m tests.faults --times 50 import atlas  # some
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults.jobs import WORK, Work, require

_WHOLE = 600.0  # seconds that a run which is not killed may take


def ordeal(name: str, times: int, seed: int, folder: Path) -> Counter[str]:
    """Kill one kind of run ``times`` times, and count what each kill left behind.

    The next run resumes one that was killed. One that ends by itself is checked to be complete and
    deleted, and the next starts from scratch.

    Raises
    ------
    AssertionError
        If something incomplete is presented as complete, or earlier files are gone.
    """
    rng = random.Random(f"{seed}/{name}")
    found: Counter[str] = Counter()
    with ExitStack() as open_:
        work = WORK[name](folder, open_)
        work.prepare()
        usual = _to_the_end(work)
        work.away()
        spent = 0.0
        while found["killed"] < times:
            # Any moment in the rest of the run, or shortly after its end.
            left = max(usual - spent, 0.1 * usual)
            done, lasted = _killed(work, rng.uniform(0.0, 1.1 * left))
            if done is None:
                found["killed"] += 1
                spent += lasted
                whole = work.check()
                found["complete" if whole else "to be resumed"] += 1
                if spent < 2 * usual:
                    continue
            require(done is None or done == 0, f"a run after a kill ends with {done}")
            _to_the_end(work)
            found["ended"] += 1
            work.away()
            spent = 0.0
        _to_the_end(work)
    return found


def _to_the_end(work: Work) -> float:
    began = time.monotonic()
    ran = subprocess.run(
        work.command(),
        env=work.environment,
        capture_output=True,
        text=True,
        timeout=_WHOLE,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    there = work.check()
    # Some commands report by their status that the result exists already.
    require(there, f"ends with {ran.returncode} and no result: {ran.stderr[-2000:]}")
    return time.monotonic() - began


def _killed(work: Work, after: float) -> tuple[int | None, float]:
    """Kill a run after ``after`` seconds: its exit status (None if killed) and duration."""
    began = time.monotonic()
    process = subprocess.Popen(
        work.command(),
        env=work.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        status = process.wait(after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None, time.monotonic() - began
    return status, time.monotonic() - began


def main(arguments: list[str] | None = None) -> int:
    """Run, print a line per kind of run, and return 1 if a rule was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("work", nargs="*", metavar="|".join(WORK), help="default: all")
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    broken = 0
    for name in given.work or list(WORK):
        began = time.monotonic()
        with TemporaryDirectory(prefix="faults-") as folder:
            try:
                found = ordeal(name, given.times, given.seed, Path(folder))
                said = ", ".join(f"{what} {n}" for what, n in found.items())
            except AssertionError as error:
                broken += 1
                said = f"BROKEN: {error}"
        print(f"{name:<10} {said} ({time.monotonic() - began:.0f} s)", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
