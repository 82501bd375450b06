"""A survey of one's own: raw FITS to a map on the screen, and 100,000 images to an Atlas.

``python -m tests.benchmarks.bench_your_data --fits FOLDER`` imports a folder through the real
app in Chromium (the path is typed, the button pressed, the map waited for) and prints seconds of
the clock and of the processor, and the largest memory of the job and of the server. ``--count N``
writes a cube of N augmented galaxies, imports and encodes it at the command line, and prints
images a second and the memory half way and at the end. What is written is deleted afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

LIMIT_S, LIMIT_GB, LIMIT_LARGE_GB = 60.0, 1.2, 2.0


class Watch:
    """Largest memory and processor time of the jobs that a server starts.

    ``mapped`` is the largest memory until the first map is there; the survey's own UMAP is
    drawn after that.
    """

    def __init__(self, home: Path) -> None:
        self.home, self.peak, self.cpu, self._end = str(home), 0, 0.0, False
        self.mapped = 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        tick = os.sysconf("SC_CLK_TCK")
        while not self._end:
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    command = (process / "cmdline").read_bytes()
                    if (
                        b"radioviz.api.survey_job" not in command
                        or self.home.encode() not in command
                    ):
                        continue
                    self.peak = max(self.peak, _status(process, "VmHWM"))
                    if not any(Path(self.home).glob("atlas/*/*/atlas.json")):
                        self.mapped = self.peak
                    fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
                    self.cpu = max(self.cpu, (int(fields[11]) + int(fields[12])) / tick)
                except (OSError, IndexError, ValueError):
                    continue
            time.sleep(0.05)

    def stop(self) -> None:
        self._end = True
        self.thread.join()


def _status(process: Path, field: str) -> int:
    for line in (process / "status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return 0


def to_a_map(folder: Path, model: str) -> dict[str, float]:
    """Import a folder in the browser; figures from the button to the drawn map."""
    from playwright.sync_api import sync_playwright

    from radioviz.models.registry import list_models
    from tests.browser import actions
    from tests.browser.server import CHROMIUM_FLAGS, chromium, run_server

    title = list_models()[model].title
    with (
        tempfile.TemporaryDirectory(prefix="radioviz-bench-") as home,
        run_server(RADIOVIZ_HOME=home) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM_FLAGS))
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(900_000)
        page.goto(server.url + "/your_data")
        page.get_by_text("Path on this computer").click()
        page.get_by_label("Path", exact=True).fill(str(folder))
        page.get_by_label("Path", exact=True).press("Enter")
        page.get_by_text("What was found").wait_for()
        actions.settle(page)
        # Only the encoder that is measured.
        box = page.get_by_test_id("stMain").get_by_test_id("stMultiSelect")
        box.get_by_label("Clear all").click()
        page.wait_for_timeout(300)
        actions.settle(page)
        box.locator("input").click()
        page.get_by_role("option", name=title, exact=True).click()
        page.wait_for_timeout(300)
        actions.settle(page)
        watch = Watch(Path(home))
        began = time.perf_counter()
        page.locator(".st-key-import_start button").click()
        page.get_by_role("button", name="Open on the latent map").click()
        actions.wait_for_map(page)
        seconds = time.perf_counter() - began
        page.goto(server.url + "/your_data")
        page.get_by_text("Imported after").wait_for()
        whole = time.perf_counter() - began
        watch.stop()
        found = {
            "map_on_screen_s": round(seconds, 1),
            "with_own_umap_s": round(whole, 1),
            "job_cpu_s": round(watch.cpu, 1),
            "job_peak_to_map_gb": round(watch.mapped / 1e9, 3),
            "job_peak_gb": round(watch.peak / 1e9, 3),
            "server_gb": round(server.resident_bytes() / 1e9, 3),
        }
        browser.close()
    return found


def at_scale(count: int, model: str) -> dict[str, float]:
    """Import and encode a cube of ``count`` images, each in a process of its own."""
    from tests.benchmarks.bench_import import measure, write_cube

    with tempfile.TemporaryDirectory(prefix="radioviz-bench-") as scratch:
        os.environ["RADIOVIZ_HOME"] = f"{scratch}/home"
        write_cube(Path(scratch) / "cube.npy", count)
        facts = {"key": "cube", "pixel_scale": 1.8, "survey": "FIRST", "bunit": "unknown"}
        imported = measure(Path(scratch) / "cube.npy", facts, Path(scratch) / "cube.csv")
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.bench_your_data", "--child", "cube", model],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(done.stderr)
        encoded: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {f"import_{k}": v for k, v in imported.items()} | encoded


def child(key: str, model: str) -> None:
    """Encode; prints its figures as JSON."""
    from radioviz.encode.survey import encode_data_set
    from tests.benchmarks.bench_import import peak_kb

    memory: dict[int, int] = {}

    def progress(done: int, total: int, what: str) -> None:
        memory.setdefault(done, peak_kb())

    start, cpu = time.perf_counter(), time.process_time()
    result = encode_data_set(key, model, progress=progress)
    half = max((m for d, m in memory.items() if d <= result.n / 2), default=0)
    print(
        json.dumps(
            {
                "images": result.n,
                "images_per_s": round(result.images_per_second, 1),
                "encode_s": round(result.seconds, 1),
                "with_maps_s": round(time.perf_counter() - start, 1),
                "cpu_s": round(time.process_time() - cpu, 1),
                "peak_half_way_gb": round(half / 1e6, 3),
                "peak_encoded_gb": round(max(memory.values()) / 1e6, 3),
                "peak_gb": round(peak_kb() / 1e6, 3),
            }
        )
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fits", type=Path, help="folder of raw FITS cutouts")
    parser.add_argument("--count", type=int, default=0, help="images of the cube (100000)")
    parser.add_argument("--model", help="encoder (default: the one that opens first)")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return 0
    if options.model is None:
        from radioviz.encode.survey import list_encoders

        options.model = list_encoders()[0]
    print(
        f"{options.model}; cores: {os.cpu_count()}, load: {os.getloadavg()[0]:.1f}", file=sys.stderr
    )
    met = True
    if options.fits:
        found = to_a_map(options.fits, options.model)
        print(json.dumps({"fits": found}, indent=1), flush=True)
        met &= found["map_on_screen_s"] <= LIMIT_S and found["job_peak_to_map_gb"] <= LIMIT_GB
    if options.count:
        found = at_scale(options.count, options.model)
        print(json.dumps({"scale": found}, indent=1))
        met &= max(found["peak_gb"], found["import_peak_gb"]) <= LIMIT_LARGE_GB
    print(f"limits {LIMIT_S:g} s and {LIMIT_GB:g} GB; {LIMIT_LARGE_GB:g} GB: "
          f"{'met' if met else 'NOT MET'}")  # fmt: skip
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
