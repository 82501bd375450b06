"""Relations on a large survey: ``python -m tests.benchmarks.bench_relations [--rows 100000]``.

Synthetic latents, of which twenty determine the property. The work goes through the server's line
as on the page. Prints seconds to a first R2, to five folds with their intervals and to importances,
and how soon a cancelled prediction ends.
"""

from __future__ import annotations

import argparse
import threading
import time
from contextlib import suppress

import numpy as np

from radioviz.jobs.work_queue import WorkQueue
from radioviz.relations.importance import importances
from radioviz.relations.prediction import first_look, predict
from radioviz.relations.question import FOLDS, question


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--latents", type=int, default=256)
    given = parser.parse_args()
    draw = np.random.default_rng(0)
    latents = draw.normal(size=(given.rows, given.latents)).astype(np.float32)
    property_ = latents[:, :20] @ draw.normal(size=20) + 0.3 * latents[:, 0] ** 2
    property_ += draw.normal(0, 1, given.rows)
    asked = question("size", property_, [f"z{i}" for i in range(given.latents)], latents)
    line = WorkQueue()

    def timed(name: str, work, slices: int, limit: float) -> object:  # type: ignore[no-untyped-def]
        began, turns = time.perf_counter(), 0
        with line.turn("bench", slices, lambda before: None) as hand_over:

            def progress(done: int, total: int, what: str) -> None:
                nonlocal turns
                turns += 1
                hand_over()

            found = work(asked, progress)
        took = time.perf_counter() - began
        print(f"{name}: {took:.1f} s (limit {limit:g}), {turns} reports of progress", flush=True)
        return found

    look = timed("first R2", first_look, 1, 30)
    found = timed("five folds with 90 % intervals", predict, 2 * FOLDS, 240)
    print(f"first look {look:.3f}; R2 {found.r2:.3f}, intervals hold {found.coverage:.3f}")  # type: ignore[attr-defined]
    timed("importances", importances, FOLDS * given.latents, 300)
    _cancel(asked)


def _cancel(asked) -> None:  # type: ignore[no-untyped-def]
    """How long a prediction goes on after it was cancelled."""
    stop = threading.Event()

    class Stopped(Exception):
        pass

    def progress(done: int, total: int, what: str) -> None:
        if stop.is_set():
            raise Stopped

    threading.Timer(2.0, stop.set).start()
    began = time.perf_counter()
    with suppress(Stopped):
        predict(asked, progress)
    print(f"cancelled after 2 s, ended {time.perf_counter() - began - 2:.1f} s later")


if __name__ == "__main__":
    main()
