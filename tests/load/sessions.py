"""Whether closed sessions are forgotten: ``python -m tests.load.sessions --sessions 1000``.

Each session opens pages as a browser does, over a WebSocket, and is closed. The server's memory
may grow over the first ones, for what it loads once and for the closed sessions that Streamlit
keeps for a reconnection, but not after them.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from tests.browser.server import Server, run_server
from tests.load.client import Client

PAGES = ("latent_map", "inspect_galaxy", "similar", "likelihood")


def main(arguments: list[str] | None = None) -> int:
    """Measure; 1 if memory grows by more than ``--allowed`` after the first sessions."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.sessions")
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--first", type=int, default=100, help="sessions that may add memory")
    parser.add_argument("--pages", nargs="+", default=["latent_map"], choices=PAGES)
    parser.add_argument(
        "--allowed", type=float, default=10.0, help="MB for each further 100 sessions, on average"
    )
    given = parser.parse_args(arguments)
    with run_server() as server:
        grows = measure(server, given.sessions, given.first, given.pages)
    return 1 if grows > given.allowed else 0


def measure(server: Server, sessions: int, first: int, pages: list[str]) -> float:
    """Open and close sessions; MB for each further hundred after the first ones."""
    found = []
    start = time.monotonic()
    for number in range(sessions + 1):
        if number % max(1, first // 4) == 0:
            found.append((number, server.anonymous_bytes() / 1e6))
        if number % first == 0:
            took = time.monotonic() - start
            print(f"{number:>5} sessions, {took:5.0f} s: {found[-1][1]:.0f} MB", flush=True)
        client = Client(server.url)
        client.open()
        for page in pages:
            source = number % 2158
            client.open(page, f"data=first&source=first-{source}")
        client.close()
    at = np.array([f for f in found if f[0] >= first])
    slope = 100 * float(np.polyfit(at[:, 0], at[:, 1], 1)[0])
    print(
        f"after the first {first}: {at[0, 1]:.0f} MB, at the end {at[-1, 1]:.0f} MB, "
        f"{slope:+.1f} MB for each further 100 sessions"
    )
    return slope


if __name__ == "__main__":
    sys.exit(main())
