"""Import at the size of RGZ DR1: batches in its format, written from augmented galaxies.

Run with ``python -m tests.benchmarks.bench_import [--count 100185]``; the batches and the
imported surveys are deleted afterwards. With the folder of the raw MiraBest cutouts
(``--fits FOLDER``) their import is timed too. Every import runs in a process of its own,
whose largest memory is what is printed; half way and whole tell whether it grows.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SIDE = 150
BATCHES = 53  # and the test batch, as RGZ DR1 has them
LIMIT_GB = 2.0
FITS_LIMIT_S = 20.0


def write_batches(folder: Path, count: int) -> None:
    """``count`` flipped, turned and shifted cutouts of the embedded galaxies in batches."""
    from radioviz.data.registry import open_data_set
    from radioviz.sky import j2000_name

    galaxies = open_data_set("first")
    known = galaxies.table["las"].to_numpy()
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    sizes = np.full(BATCHES + 1, count // (BATCHES + 1))
    sizes[: count % (BATCHES + 1)] += 1
    number = 0
    for b, size in enumerate(sizes):
        rows = rng.integers(len(galaxies), size=size)
        corners = rng.integers(60, 91, (size, 2))
        turns, flips = rng.integers(4, size=size), rng.choice((-1, 1), size)
        data = np.empty((size, SIDE, SIDE), np.uint8)
        for i, (row, (y, x)) in enumerate(zip(rows, corners, strict=True)):
            image = galaxies.images[row, y : y + SIDE, x : x + SIDE]
            data[i] = np.rot90(image, turns[i])[:: flips[i]]
        ra, dec = rng.uniform(0, 360, size), rng.uniform(-10, 65, size)
        las = np.where(known[rows] > 0, known[rows], rng.uniform(5, 60, size))
        content = {
            "data": data.reshape(size, -1),
            "filenames": [f"RGZ{name}.png" for name in j2000_name(ra, dec)],
            "src_ids": [f"RGZ{number + i:06d}" for i in range(size)],
            "mb_flag": (rng.random(size) < 0.01).astype(int).tolist(),
            "LAS": las.tolist(),
        }
        number += int(size)
        name = "test_batch" if b == BATCHES else f"data_batch_{b + 1}"
        with (folder / name).open("wb") as file:
            pickle.dump(content, file, protocol=2)


def write_cube(path: Path, count: int) -> None:
    """The same number of images as one NumPy cube, with a table beside it."""
    from radioviz.data.registry import open_data_set

    images = open_data_set("first").images
    rng = np.random.default_rng(1)
    cube = np.lib.format.open_memmap(path, "w+", np.uint8, (count, SIDE, SIDE))
    for i in range(0, count, 1000):
        rows = np.sort(rng.integers(0, len(images), min(1000, count - i)))
        cube[i : i + len(rows)] = images[rows][:, 75:225, 75:225]
    cube.flush()
    ra, dec = rng.uniform(30, 330, count), rng.uniform(-10, 60, count)
    lines = (f"{a:.5f},{d:.5f},{s:.1f}" for a, d, s in zip(ra, dec, rng.uniform(5, 90, count)))  # noqa: B905
    path.with_suffix(".csv").write_text("ra,dec,las_arcsec\n" + "\n".join(lines) + "\n")


def peak_kb() -> int:
    """Largest resident memory of this process; getrusage would count its parent's too."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(n for n in status.read_text().splitlines() if n.startswith("VmHWM"))
        return int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def child(path: str, table: str, answers: str) -> None:
    """One import; prints its figures as JSON."""
    from radioviz.importing import Source, import_survey, inspect_source

    memory: dict[int, int] = {}

    def progress(done: int, total: int, what: str) -> None:
        memory[done] = peak_kb()

    start, cpu = time.perf_counter(), time.process_time()
    source = Source(Path(path), Path(table) if table else None)
    look = inspect_source(source, json.loads(answers))
    looked = time.perf_counter() - start
    result = import_survey(source, json.loads(answers), progress, inspection=look)
    seconds = time.perf_counter() - start
    done = max(memory)
    half = max((m for d, m in memory.items() if d <= done / 2), default=0)
    print(
        json.dumps(
            {
                "read": result.read,
                "refused": result.refused,
                "look_s": round(looked, 2),
                "wall_s": round(seconds, 2),
                "cpu_s": round(time.process_time() - cpu, 2),
                "images_per_s": round(len(result.report) / seconds),
                "peak_half_way_gb": round(half / 1e6, 3),
                "peak_gb": round(peak_kb() / 1e6, 3),
                "stored_gb": round(
                    sum(f.stat().st_size for f in result.catalogue.folder.iterdir()) / 1e9, 3
                ),
            }
        )
    )


def measure(path: Path, answers: dict[str, object], table: Path | None = None) -> dict[str, float]:
    """Figures of one import in a process of its own."""
    arguments = [str(path), str(table or ""), json.dumps(answers)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.bench_import", "--child", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="images (RGZ DR1: 100185)")
    parser.add_argument("--fits", type=Path, help="folder of the raw MiraBest cutouts")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return 0
    print(f"cores: {os.cpu_count()}, load: {os.getloadavg()[0]:.1f}", file=sys.stderr)
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="radioviz-bench-") as scratch:
        os.environ["RADIOVIZ_HOME"] = f"{scratch}/home"
        folder = Path(scratch) / "rgz108k-batches-py"
        start = time.perf_counter()
        write_batches(folder, options.count)
        written = sum(f.stat().st_size for f in folder.iterdir()) / 1e9
        print(f"batches: {written:.2f} GB in {time.perf_counter() - start:.0f} s", file=sys.stderr)
        cut = {"key": "rgz-cut", "mb_flag": "exclude", "las_min": 29}
        figures["rgz"] = measure(folder, {"key": "rgz-all"})
        figures["rgz_cut"] = measure(folder, cut)
        for file in folder.iterdir():
            file.unlink()
        write_cube(Path(scratch) / "cube.npy", options.count)
        facts = {"key": "cube", "pixel_scale": 1.8, "survey": "FIRST", "bunit": "unknown"}
        figures["cube"] = measure(Path(scratch) / "cube.npy", facts, Path(scratch) / "cube.csv")
        if options.fits:
            figures["fits"] = measure(options.fits, {"key": "fits"})
    print(json.dumps(figures, indent=1))
    met = all(f["peak_gb"] <= LIMIT_GB for f in figures.values())
    if "fits" in figures:
        met = met and figures["fits"]["cpu_s"] <= FITS_LIMIT_S
    print(f"limits {LIMIT_GB:g} GB, {FITS_LIMIT_S:g} s for FITS: {'met' if met else 'NOT MET'}")
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
