"""Export of 500 galaxies to each format; limits of the two that have one.

Run with ``python -m tests.benchmarks.bench_export``.
"""

from __future__ import annotations

import json
import os
import time

import numpy as np
import pandas as pd

from radioviz.data.registry import open_data_set
from radioviz.export import Group, ds9_regions, votable_bytes
from tests.export.written import (
    contact_sheet_png,
    csv_bytes,
    cube_bytes,
    fits_bytes,
    fits_table_bytes,
    parquet_bytes,
    zip_bytes,
)

LIMITS_S = {"fits": 2.0, "contact_sheet": 3.0}


def measure(n: int = 500) -> dict[str, dict[str, float]]:
    """Seconds of the first call (imports included) and of a later one, and megabytes."""
    catalogue = open_data_set("first")
    rng = np.random.default_rng(0)
    scores = pd.DataFrame({"log_prob": rng.normal(size=n), "similarity": rng.uniform(size=n)})
    latents = rng.normal(size=(n, 32)).astype(np.float32)
    rows = rng.choice(len(catalogue), n, replace=False)
    group = Group(catalogue, rows, scores, latents, "vae32", "ab" * 32)
    writers = {
        "fits": fits_bytes,
        "zip": zip_bytes,
        "cube": cube_bytes,
        "fits_table": fits_table_bytes,
        "votable": votable_bytes,
        "parquet": parquet_bytes,
        "csv": csv_bytes,
        "ds9": ds9_regions,
        "contact_sheet": contact_sheet_png,
    }
    figures = {}
    for name, write in writers.items():
        times = []
        for _ in range(4):
            start = time.perf_counter()
            payload = write(group)
            times.append(time.perf_counter() - start)
        figures[name] = {
            "first_s": round(times[0], 3),
            "later_s": round(min(times[1:]), 3),
            "megabytes": round(len(payload) / 1e6, 2),
        }
    return figures


def main() -> int:
    print(f"cores: {os.cpu_count()}")
    figures = measure()
    print(json.dumps(figures, indent=1))
    met = all(figures[name]["later_s"] <= limit for name, limit in LIMITS_S.items())
    print(f"limits {LIMITS_S}: {'met' if met else 'NOT MET'}")
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
