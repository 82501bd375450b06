"""Renderers of many points in Chromium with software WebGL, for the choice of one.

In ``radioviz/ui/map/frontend``: ``npm install`` and ``npm install --no-save
regl-scatterplot@1.16.0 @deck.gl/core@9.4.0 @deck.gl/layers@9.4.0``, then ``python -m
tests.benchmarks.bench_renderers [NAME]``. Besides wall-clock times, processor time of all of
Chromium's processes is printed: it hardly depends on what else runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.server import CHROMIUM_FLAGS, REPOSITORY, chromium

FRONTEND = REPOSITORY / "radioviz" / "ui" / "webgl" / "frontend"
OPEN = """async n => { const start = performance.now();
  await open_(n, document.querySelector('#c')); return performance.now() - start }"""
CANDIDATES = [
    ("regl-scatterplot", "regl-scatterplot.js", ""),
    ("deck.gl ScatterplotLayer", "deck.js", ""),
    ("ours, WebGL (twgl.js)", "ours.js", "gpu"),
    ("ours, loops", "ours.js", "cpu"),
]


def processor_seconds(mark: str) -> float:
    """Of every process whose command line holds ``mark``, and of their children."""
    table: dict[int, tuple[int, float, bool]] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            command = (folder / "cmdline").read_text()
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        table[int(folder.name)] = (int(fields[1]), ticks, mark in command)

    def ours(pid: int) -> bool:
        while pid in table:
            if table[pid][2]:
                return True
            pid = table[pid][0]
        return False

    return sum(ticks for pid, (_, ticks, _) in table.items() if ours(pid))


def main(only: str = "") -> None:
    print("| renderer | points | bundle [kB] | open [s] | frame, wall [ms] | processor [ms] |")
    print("|---|---|---|---|---|---|")
    for name, entry, painter in CANDIDATES:
        if only not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            bundle = Path(folder) / "bundle.js"
            subprocess.run(
                ["node_modules/.bin/esbuild", f"compare/{entry}", "--bundle", "--minify",
                 "--format=iife", "--log-level=error", f"--outfile={bundle}"],
                cwd=FRONTEND, check=True,
            )  # fmt: skip
            # deck.gl takes minutes a frame at a million points here.
            for n in (100_000,) if "deck" in name else (100_000, 1_000_000):
                with sync_playwright() as playwright:
                    context = playwright.chromium.launch_persistent_context(
                        f"{folder}/profile-{n}",
                        executable_path=chromium(),
                        args=list(CHROMIUM_FLAGS),
                    )
                    page = context.new_page()
                    page.set_default_timeout(300_000)
                    page.set_content(
                        '<canvas id=c width=900 height=600 style="width:900px;height:600px">'
                    )
                    page.evaluate("p => { window.painter = p }", painter)
                    page.add_script_tag(path=bundle)
                    opened = page.evaluate(OPEN, n)
                    count = 3 if "deck" in name else 12
                    before = processor_seconds(folder)
                    frame = page.evaluate("count => frames_(count)", count)
                    spent = (processor_seconds(folder) - before) / count
                    size = bundle.stat().st_size / 1000
                    print(f"| {name} | {n:,} | {size:.0f} | {opened / 1000:.1f} | {frame:.0f} | "
                          f"{1000 * spent:.0f} |", flush=True)  # fmt: skip
                    context.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
