"""Fuzz every reader.

.. code-block:: sh

    python -m tests.fuzz --seconds 60 --seed 1        # what the tests run
    python -m tests.fuzz --count 200000 --seed 8      # the recorded campaign
    python -m tests.fuzz --only "HDF5" --count 5000   # one reader
    python -m tests.fuzz --again "HDF5" 1 123         # one input, with its traceback
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Run, print a table, and return 1 where anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--count", type=int, help="inputs in all")
    parser.add_argument("--seconds", type=float, help="time in all, shared among the readers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", help="name of a reader; may be repeated")
    parser.add_argument(
        "--log", type=Path, help="JSON lines, one a reader; read ones are passed over"
    )
    parser.add_argument("--table", type=Path, metavar="LOG", help="what a log holds, as Markdown")
    parser.add_argument("--again", nargs=3, metavar=("READER", "SEED", "NUMBER"))
    parser.add_argument("--worker", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.worker:
        from tests.fuzz.campaign import work

        name, seed, start, stop, scratch = given.worker
        work(name, int(seed), int(start), int(stop), 1, Path(scratch))
        return 0
    if given.table:
        return _table(given.table)
    if given.again:
        return _again(given.again[0], int(given.again[1]), int(given.again[2]))
    return _campaign(given)


def _campaign(given: argparse.Namespace) -> int:
    from tests.fuzz.campaign import alike, run, shares
    from tests.fuzz.targets import TARGETS

    names = given.only or list(TARGETS)
    print(_about(given.seed), flush=True)
    done = _done(given.log)
    found, total, began = 0, 0, time.monotonic()
    for name, count in shares(names, given.count or 10**9):
        if name in done:
            continue
        seconds = given.seconds / len(names) if given.seconds else None
        tally = run(name, given.seed, count, seconds)
        total, found = total + tally.count, found + len(tally.findings)
        outcomes = ", ".join(f"{k} {v:,}" for k, v in tally.outcomes.most_common())
        print(f"{name:<20} {tally.count:>8,} in {tally.seconds:6.1f} s: {outcomes}", flush=True)
        for what, n in Counter(alike(why) for _, why in tally.findings).most_common(20):
            number, why = next(f for f in tally.findings if alike(f[1]) == what)
            print(f"    {n} x, first number {number}: {why[:400]}", flush=True)
        if given.log:
            with given.log.open("a") as file:
                about = {
                    "reader": name,
                    "seed": given.seed,
                    "seconds": tally.seconds,
                    "outcomes": tally.outcomes,
                    "findings": tally.findings,
                }
                file.write(json.dumps(about) + "\n")
    print(f"{total:,} inputs, {found:,} findings in {time.monotonic() - began:.0f} s", flush=True)
    return 1 if found else 0


def _done(log: Path | None) -> set[str]:
    if log is None or not log.exists():
        return set()
    return {json.loads(line)["reader"] for line in log.read_text().splitlines()}


def _table(log: Path) -> int:
    print("| reader | inputs | good | errors of ours | findings | seconds |")
    print("|---|---|---|---|---|---|")
    whole = Counter[str]()
    for line in log.read_text().splitlines():
        about = json.loads(line)
        outcomes = Counter(about["outcomes"])
        found, good = outcomes.pop("FINDING", 0), outcomes.pop("ok", 0)
        ours = sum(outcomes.values())
        whole += Counter(
            {"inputs": found + good + ours, "good": good, "ours": ours, "found": found}
        )
        row = (f"{found + good + ours:,}", f"{good:,}", f"{ours:,}", str(found))
        print(f"| {about['reader']} | {' | '.join(row)} | {about['seconds']:.0f} |")
    cells = tuple(f"{whole[k]:,}" for k in ("inputs", "good", "ours", "found"))
    print(f"| all | {' | '.join(cells)} | |")
    return 0


def _about(seed: int) -> str:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    libraries = ("astropy", "numpy", "pillow", "pandas", "pyarrow", "h5py", "zarr", "hypothesis")
    named = ", ".join(f"{name} {version(name)}" for name in libraries)
    return f"seed {seed}, commit {commit or 'unknown'}, Python {platform.python_version()}, {named}"


def _again(name: str, seed: int, number: int) -> int:
    from tempfile import TemporaryDirectory

    from tests.fuzz.campaign import input_of
    from tests.fuzz.targets import TARGETS, write

    files = input_of(name, seed, number)
    for file, content in files.items():
        print(f"{file}: {len(content):,} bytes, {content[:200]!r}")
    with TemporaryDirectory() as folder:
        write(files, Path(folder))
        print(TARGETS[name].read(Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
