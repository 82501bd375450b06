"""Others while many sessions generate: ``python -m tests.load.line --sessions 30``.

Every session requests 1,024 images of a seed of its own. Meanwhile one more generates 16 and looks
at the map and at galaxies.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
import threading
import time

from tests.browser.server import run_server
from tests.load.client import Client, LoadError

LARGE, SMALL = 1024, 16


def link(model: str, number: int, seed: int) -> str:
    return f"data=first&model={model}&n={number}&seed={seed}"


def generate(client: Client, model: str, number: int, seed: int) -> None:
    """Open a link for images and press its button; return when the line shows."""
    client.open("generate", link(model, number, seed))
    start = client.widget("button", "generate_start")
    client.act("start", start, until=lambda: client.widget("button", "generate_cancel") is not None)


def drain(client: Client, stop: threading.Event, places: list[int]) -> None:
    """Read what the server sends, as a browser does; keep the places in line that it names."""
    with contextlib.suppress(Exception):
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                payload = client._socket.recv(timeout=1)
                places += [int(n) for n in re.findall(rb"(\d+) requests? before yours", payload)]


def main(arguments: list[str] | None = None) -> int:
    """Measure; 1 if an answer was an error."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.line")
    parser.add_argument("--sessions", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="cvae-sharp", help="what generates; the slowest one")
    given = parser.parse_args(arguments)
    stop = threading.Event()
    with run_server() as server:
        probe = Client(server.url)
        probe.open()
        probe.open("latent_map", "data=first")
        probe.open("inspect_galaxy", "data=first&source=first-1")
        probe.open("generate", link(given.model, SMALL, 1))
        print("alone:")
        measure(probe, given.model, 1, seed=100)
        crowd, places = [], list[int]()
        for number in range(given.sessions):
            client = Client(server.url)
            client.open()
            crowd.append(client)
            generate(client, given.model, LARGE, 1000 + number)
            threading.Thread(target=drain, args=(client, stop, places), daemon=True).start()
        print(f"with {given.sessions} sessions that generate {LARGE:,} images each:")
        try:
            measure(probe, given.model, given.rounds, seed=200)
        except LoadError as error:
            print(error)
            return 1
        print(f"  the last of them had {max(places, default=0)} requests before its own")
        stop.set()
        for client in crowd:
            client.close()
        time.sleep(1)
        print("after all of them left:")
        measure(probe, given.model, 1, seed=300)
    return 0


def measure(probe: Client, model: str, rounds: int, seed: int) -> None:
    """Print how long one reader waits for each page."""
    for number in range(rounds):
        probe.seconds.clear()
        probe.open("generate", link(model, SMALL, seed + number))
        probe.open("latent_map", "data=first")
        probe.open("inspect_galaxy", f"data=first&source=first-{seed + number}")
        print("  " + ", ".join(f"{what} {seconds:.2f} s" for what, seconds in probe.seconds))


if __name__ == "__main__":
    sys.exit(main())
