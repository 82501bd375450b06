"""Filter, sort and page through a table of a million rows, without a browser.

python -m tests.benchmarks.bench_filter [--rows 1000000] [--repeats 20]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import psutil

from radioviz.workspace.evaluation import matching_rows
from radioviz.workspace.table_columns import TableColumns

FILTERS = (
    'label == "Bent" and las > 80 and redshift < 0.2',
    "las between 20 and 21",
    'source_id contains "999"',
    "cone(180, 0, 5 deg) and not label in ('FRI', 'FRII')",
)


def table(rows: int) -> pd.DataFrame:
    """A made-up catalogue."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "source_id": [f"s{i:07d}" for i in range(rows)],
            "label": rng.choice(["FRI", "FRII", "Bent", "Compact", ""], rows),
            "las": rng.lognormal(3, 1, rows),
            "redshift": np.where(rng.random(rows) < 0.5, np.nan, rng.random(rows)),
            "ra": rng.random(rows) * 360,
            "dec": np.degrees(np.arcsin(rng.uniform(-1, 1, rows))),
        }
    )


def timed(what: str, run: Callable[[], object], repeats: int) -> None:
    """Print the first time, and median and 95th percentile of the others, in ms."""
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    later = np.array(seconds[1:]) * 1e3
    print(
        f"{what:60} first {seconds[0] * 1e3:7.1f}  median {np.median(later):7.1f}  "
        f"95 % {np.percentile(later, 95):7.1f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=20)
    given = parser.parse_args()
    frame, process = table(given.rows), psutil.Process()
    before = process.memory_info().rss
    columns = TableColumns(frame)
    for text in FILTERS:
        timed(text, lambda text=text: matching_rows(text, columns), given.repeats)  # type: ignore[misc]
    for name in ("las", "label", "source_id"):
        timed(f"sort by {name}", lambda name=name: columns.order(name), given.repeats)  # type: ignore[misc]
    las = frame["las"].to_numpy()
    edges = np.linspace(0, las.max(), 41)
    timed("histogram of las", lambda: np.histogram(las, edges), given.repeats)
    print(f"memory above the table: {(process.memory_info().rss - before) / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
