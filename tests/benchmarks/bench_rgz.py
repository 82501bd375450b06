"""RGZ DR1 at its full size: from the image batches to the map, by the one command of the README.

``python -m tests.benchmarks.bench_rgz [--count 108000] [--model NAME]`` writes batches in the
format of ``rgz108k-batches-py`` from augmented real galaxies, runs ``python -m radioviz.data import
--rgz FOLDER --mb-flag exclude --las-min 8 --model NAME`` and opens the app on what came of it.
Printed are the time of each process by the clock and by the processor, its largest memory, and,
with Chromium, the time to the map and to the gallery of a lasso. All of it is deleted afterwards.
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
from typing import Any

LIMIT_GB = 2.0
LAS_MIN = 8.0


class Watch:
    """Clock, processor time and largest memory of the processes below a command, by module."""

    def __init__(self, pid: int) -> None:
        self.pid, self._end = pid, False
        self.seen: dict[str, dict[str, float]] = {}
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        tick = os.sysconf("SC_CLK_TCK")
        began = time.monotonic()
        while not self._end:
            known = {self.pid}
            for process in sorted(Path("/proc").glob("[0-9]*"), key=lambda p: int(p.name)):
                try:
                    fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
                    pid = int(process.name)
                    if pid != self.pid and int(fields[1]) not in known:
                        continue
                    known.add(pid)
                    words = (process / "cmdline").read_bytes().decode().split("\0")
                    name = next((w for w in words if w.startswith("radioviz.")), "")
                    if not name:
                        continue
                    status = (process / "status").read_text().splitlines()
                    peak = next(int(n.split()[1]) for n in status if n.startswith("VmHWM"))
                except (OSError, IndexError, ValueError, StopIteration):
                    continue
                now = time.monotonic() - began
                entry = self.seen.setdefault(name, {"from_s": round(now, 1), "peak_gb": 0.0})
                entry["to_s"] = round(now, 1)
                entry["peak_gb"] = round(max(entry["peak_gb"], peak / 1e6), 3)
                entry["cpu_s"] = round((int(fields[11]) + int(fields[12])) / tick, 1)
            time.sleep(0.2)

    def stop(self) -> dict[str, dict[str, float]]:
        self._end = True
        self.thread.join()
        return self.seen


def import_and_encode(folder: Path, model: str) -> dict[str, Any]:
    """The one command, watched."""
    command = [sys.executable, "-m", "radioviz.data", "import", "--rgz", str(folder)]
    command += ["--key", "rgz-dr1", "--title", "RGZ DR1", "--mb-flag", "exclude"]
    command += ["--las-min", f"{LAS_MIN:g}", "--model", model]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        watch = Watch(process.pid)
        said = process.stdout.read() if process.stdout else ""
    seconds = time.perf_counter() - began
    processes = watch.stop()
    if process.returncode:
        raise SystemExit(f"the command failed: {said}")
    print(said, file=sys.stderr)
    return {"seconds": round(seconds, 1), "processes": processes, "said": said.splitlines()}


def in_the_app(model: str) -> dict[str, float]:
    """Seconds until the map of all galaxies is drawn, and from a lasso to its gallery."""
    from playwright.sync_api import sync_playwright

    from tests.browser import actions
    from tests.browser.server import CHROMIUM_FLAGS, chromium, run_server

    with run_server() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM_FLAGS))
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(300_000)
        began = time.perf_counter()
        page.goto(f"{server.url}/latent_map?data=rgz-dr1&encoder={model}")
        page.wait_for_selector(f"{actions.MAP}[data-state=drawn]")
        drawn = time.perf_counter() - began
        actions.settle(page)
        actions.draw_lasso(page, 0.3, 0.3, 0.7, 0.7)
        began = time.perf_counter()
        page.mouse.up()
        actions.selection_heading(page).wait_for()
        actions.pictures(page).first.wait_for()
        found = {
            "map_s": round(drawn, 2),
            "lasso_to_gallery_s": round(time.perf_counter() - began, 2),
            "lassoed": actions.selected_count(page),
            "server_gb": round(server.resident_bytes() / 1e9, 3),
        }
        browser.close()
    return found


def main() -> int:
    from radioviz.models.registry import encoders
    from tests.benchmarks.bench_import import write_batches
    from tests.browser.server import chromium

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=108_000, help="images in the batches")
    parser.add_argument("--model", default=next(iter(encoders())), help="default: the first")
    options = parser.parse_args()
    print(f"cores: {os.cpu_count()}, load: {os.getloadavg()[0]:.1f}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="radioviz-bench-") as scratch:
        os.environ["RADIOVIZ_HOME"] = f"{scratch}/home"
        folder = Path(scratch) / "rgz108k-batches-py"
        write_batches(folder, options.count)
        found = import_and_encode(folder, options.model)
        if chromium():
            found["app"] = in_the_app(options.model.split(",")[0])
    print(json.dumps(found, indent=1))
    peak = max(entry["peak_gb"] for entry in found["processes"].values())
    print(f"limit {LIMIT_GB:g} GB: {'met' if peak <= LIMIT_GB else 'NOT MET'}")
    return 0 if peak <= LIMIT_GB else 1


if __name__ == "__main__":
    raise SystemExit(main())
