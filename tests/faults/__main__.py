"""Kill work at random moments, and see what is left.

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
    """Kill one kind of work so often; what was found after each kill, counted.

    A run that is killed is gone on with by the next; one that ends by itself is checked to be
    whole, taken away, and the work begins anew.

    Raises
    ------
    AssertionError
        Where something half-made is taken for whole, or what was there before is gone.
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
            # A moment anywhere in what is left of the work, or a little behind its end.
            left = max(usual - spent, 0.1 * usual)
            done, lasted = _killed(work, rng.uniform(0.0, 1.1 * left))
            if done is None:
                found["killed"] += 1
                spent += lasted
                whole = work.check()
                found["whole after it" if whole else "to be gone on with"] += 1
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
    # What is there already is not made again, and some commands say so by their status.
    require(there, f"ends with {ran.returncode} and no result: {ran.stderr[-2000:]}")
    return time.monotonic() - began


def _killed(work: Work, after: float) -> tuple[int | None, float]:
    """Exit status of a run that is killed after so many seconds, None where it was; how long."""
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
    """Run, print a line for each kind of work, and return 1 where a rule was broken."""
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
