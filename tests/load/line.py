"""Others while many sessions generate: ``python -m tests.load.line --sessions 30``.

Every session requests 1,024 images of a seed of its own. Once all of them run, one more session
makes 100 requests: it opens map after map, clicks on galaxies there, and generates 16 images. What
95 % of them took is compared with what a reader accepts.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import re
import sys
import threading
import time
from collections import defaultdict

import numpy as np

from tests.browser.server import run_server
from tests.load.client import Client, LoadError

LARGE, SMALL = 1024, 16
LIMITS = {"map to map": 1.0, "click to detail": 1.0, f"{SMALL} galaxies": 10.0}
"""Seconds within which 95 % are to be answered."""

MAPS = ("vae2", "vae32", "simclr", "byol")


def link(model: str, number: int, seed: int) -> str:
    return f"data=first&model={model}&n={number}&seed={seed}"


def generate(client: Client, model: str, number: int, seed: int) -> None:
    """Open a link for images and press its button; return when the line shows."""
    client.open("generate", link(model, number, seed))
    start = client.widget("button", "generate_start")
    client.act("start", start, until=lambda: client.widget("button", "generate_cancel") is not None)


def drain(client: Client, stop: threading.Event, places: list[int], over: list[int]) -> None:
    """Read what the server sends, as a browser does; keep the places and the seeds it names."""
    with contextlib.suppress(Exception):
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                payload = client._socket.recv(timeout=1)
                places += [int(n) for n in re.findall(rb"(\d+) requests? before yours", payload)]
                over += [int(n) for n in re.findall(rb"Number 0\*\* of seed (\d+)", payload)]


def main(arguments: list[str] | None = None) -> int:
    """Measure; 1 if an answer was an error or came too late."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.line")
    parser.add_argument("--sessions", type=int, default=30)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--model", default="cvae-sharp", help="what generates; the slowest one")
    given = parser.parse_args(arguments)
    stop = threading.Event()
    with run_server() as server:
        probe = Client(server.url)
        probe.open()
        warm(probe, given.model)
        print("alone:")
        report(measure(probe, given.model, max(10, given.requests // 5), seed=100))
        crowd, places, over = [], list[int](), list[int]()
        for number in range(given.sessions):
            client = Client(server.url)
            client.open()
            crowd.append(client)
            generate(client, given.model, LARGE, 1000 + number)
            threading.Thread(
                target=drain, args=(client, stop, places, over), daemon=True
            ).start()  # fmt: skip
        print(f"with {given.sessions} sessions that generate {LARGE:,} images each:")
        try:
            late = report(measure(probe, given.model, given.requests, seed=200))
        except LoadError as error:
            print(error)
            return 1
        print(
            f"  {given.sessions - len(set(over))} of them still run, the last one had "
            f"{max(places, default=0)} requests before its own; "
            f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
        )
        stop.set()
        for client in crowd:
            client.close()
    return 1 if late else 0


def warm(probe: Client, model: str) -> None:
    """Open every page and map once, so that weights and data are loaded."""
    probe.open("generate", link(model, SMALL, 1))
    for encoder in MAPS:
        open_map(probe, encoder)
    click(probe, 1)


def measure(probe: Client, model: str, requests: int, seed: int) -> dict[str, list[float]]:
    """Seconds of the requests of one reader: of five, two open a map and two click on it."""
    found: dict[str, list[float]] = defaultdict(list)
    encoders, shown = itertools.cycle(MAPS), ""
    kinds = itertools.cycle(("map to map", "click to detail") * 2 + (f"{SMALL} galaxies",))
    for number, kind in enumerate(itertools.islice(kinds, requests)):
        start = time.perf_counter()
        if kind == "map to map":
            before, shown = shown, open_map(probe, next(encoders))
            if shown == before:
                raise LoadError("the map does not change with its encoder")
        elif kind == "click to detail":
            click(probe, seed + number)
        else:
            probe.open("generate", link(model, SMALL, seed + number))
            if "Number 0" not in probe.text():
                raise LoadError(f"the page shows no {SMALL} images: {probe.text()[:500]}")
        found[kind].append(time.perf_counter() - start)
    return found


def open_map(probe: Client, encoder: str) -> str:
    """Open the map of an encoder; the hash of its positions."""
    probe.open("latent_map", f"data=first&encoder={encoder}")
    return str(probe.component("radioviz_map")[1]["coarse"]["hash"])


def click(probe: Client, index: int) -> None:
    """Click on a galaxy of the map that is shown, as its component does."""
    drawn, data, fragment = probe.component("radioviz_map")
    event = {"kind": "click", "index": index, "seen": data["coarse"]["hash"], "stamp": time.time()}
    probe.act("click", drawn, {"event": event}, fragment=fragment)
    if probe.widget("button", "detail_") is None:
        raise LoadError("the click shows no galaxy")


def report(found: dict[str, list[float]]) -> bool:
    """Print what 95 % of each kind took; whether any kind was too late."""
    late = False
    for kind, limit in LIMITS.items():
        half, most = np.percentile(found[kind], (50, 95))
        late |= bool(most > limit)
        print(
            f"  {kind:<16} {len(found[kind]):>3} requests, half within {half:5.2f} s, 95 % within "
            f"{most:5.2f} s (limit {limit:g} s)",
            flush=True,
        )
    return late


if __name__ == "__main__":
    sys.exit(main())
