"""Fuzz every reader.

.. code-block:: sh

    python -m tests.fuzz --count 600 --seed 1         # what the tests run
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
from typing import Any


def main(arguments: list[str] | None = None) -> int:
    """Run, print a table, and return 1 where anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--count", type=int, help="inputs in all")
    parser.add_argument("--seconds", type=float, help="time in all, shared among the readers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", help="name of a reader; may be repeated")
    parser.add_argument(
        "--log", type=Path, help="JSON lines, one a portion; those in it are passed over"
    )
    parser.add_argument("--table", type=Path, metavar="LOG", help="what a log holds, as Markdown")
    parser.add_argument("--again", nargs=3, metavar=("READER", "SEED", "NUMBER"))
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.serve:
        from tests.fuzz.worker import serve

        serve()
        return 0
    if given.table:
        return _table(given.table)
    if given.again:
        return _again(given.again[0], int(given.again[1]), int(given.again[2]))
    return _campaign(given)


def _campaign(given: argparse.Namespace) -> int:
    from tests.fuzz.campaign import Engine, Tally, alike, portions
    from tests.fuzz.targets import TARGETS

    names = given.only or list(TARGETS)
    print(_about(given.seed), flush=True)
    done = {(one["reader"], one["start"]) for one in _logged(given.log, given.seed)}
    began = time.monotonic()
    tallies: dict[str, Tally] = {}
    parts = portions(names, given.count or 10**9)
    if given.seconds:
        parts = iter([(name, 0, 10**6) for name in names])
    whole = sum(TARGETS[name].share for name in names)
    with Engine() as engine:
        for name, start, stop in parts:
            if (name, start) in done:
                continue
            left = given.seconds * TARGETS[name].share / whole if given.seconds else float("inf")
            tally = engine.portion(name, given.seed, start, stop, time.monotonic() + left)
            tallies.setdefault(name, Tally()).add(tally)
            for kind, n in Counter(alike(why) for _, why in tally.findings).items():
                number, why = next(f for f in tally.findings if alike(f[1]) == kind)
                print(f"    {n} x {name} {given.seed} {number}: {why[:400]}", flush=True)
            if given.log:
                about = vars(tally) | {
                    "reader": name, "seed": given.seed, "start": start, "stop": stop,
                    "commit": _commit(),
                }  # fmt: skip
                with given.log.open("a") as file:
                    file.write(json.dumps(about) + "\n")
    for name, tally in tallies.items():
        outcomes = ", ".join(f"{k} {v:,}" for k, v in tally.outcomes.most_common())
        most = f"{tally.megabytes[0][0]:.0f} MB" if tally.megabytes else "unknown"
        files = f"{tally.opened[0][0]} files" if tally.opened else "files not recorded"
        print(
            f"{name:<20} {tally.count:>8,} in {tally.seconds:6.1f} s: {outcomes}; at most {most}, "
            f"{files}"
        )
    total = sum(t.count for t in tallies.values())
    found = sum(len(t.findings) for t in tallies.values())
    print(f"{total:,} inputs, {found:,} findings in {time.monotonic() - began:.0f} s", flush=True)
    return 1 if found else 0


def _logged(log: Path | None, seed: int | None = None) -> list[dict[str, Any]]:
    """Portions in a log, of one seed or of all."""
    if log is None or not log.exists():
        return []
    every = [json.loads(line) for line in log.read_text().splitlines()]
    return [one for one in every if seed in (None, one["seed"])]


def _table(log: Path) -> int:
    from tests.fuzz.campaign import Tally, alike

    whole: dict[str, Tally] = {}
    for one in _logged(log):
        tally = Tally(
            Counter(one["outcomes"]), one["findings"], one["megabytes"], one["opened"],
            one["recorded"], one["seconds"],
        )  # fmt: skip
        for name in (one["reader"], "all"):
            whole.setdefault(name, Tally()).add(tally)
    print("| reader | inputs | good | errors of ours | findings | most MB | most files | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    whole["all"] = whole.pop("all")
    for name, tally in whole.items():
        found, good = tally.outcomes["FINDING"], tally.outcomes["ok"]
        row = (f"{tally.count:,}", f"{good:,}", f"{tally.count - found - good:,}", f"{found:,}")
        most = f"{tally.megabytes[0][0]:.0f}", f"{tally.opened[0][0]}" if tally.opened else ""
        print(f"| {name} | {' | '.join((*row, *most))} | {tally.seconds:.0f} |")
    print()
    for name, tally in whole.items():
        kinds = Counter(alike(why) for _, why in tally.findings)
        for kind, n in kinds.most_common() if name != "all" else ():
            number, why = next(f for f in tally.findings if alike(f[1]) == kind)
            print(f"- {name}: {n} x, such as {number}: {why[:300]}")
    recorded = whole["all"].recorded
    print(f"\nopened files recorded for {recorded:,} inputs of {whole['all'].count:,}")
    return 0


def _commit() -> str:
    said = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(said, capture_output=True, text=True, check=False).stdout.strip()


def _about(seed: int) -> str:
    commit = _commit()
    libraries = ("astropy", "numpy", "pillow", "pandas", "pyarrow", "h5py", "zarr", "hypothesis")
    named = ", ".join(f"{name} {version(name)}" for name in libraries)
    return f"seed {seed}, commit {commit or 'unknown'}, Python {platform.python_version()}, {named}"


def _again(name: str, seed: int, number: int) -> int:
    from tempfile import TemporaryDirectory

    from tests.fuzz.targets import TARGETS, write
    from tests.fuzz.worker import input_of

    files = input_of(name, seed, number)
    for file, content in files.items():
        print(f"{file}: {len(content):,} bytes, {content[:200]!r}")
    with TemporaryDirectory() as folder:
        write(files, Path(folder))
        print(TARGETS[name].read(Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
