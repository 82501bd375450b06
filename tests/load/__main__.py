"""Many sessions at once, or one for long.

.. code-block:: sh

    python -m tests.load --sessions 20 --seconds 300      # what a group server has to bear
    python -m tests.load --sessions 1 --interactions 1000 --think 0  # one person all day
    python -m tests.load --sessions 3 --seconds 30        # does it run?

Every session goes through map, similar, likelihood and generate, and searches for a name that is
its own: should any of it reach another session, that is said. Memory is the server's own
(``RssAnon``); its slope is fitted after the first fifth, when everything has been loaded once.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import sys
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tests.browser.server import Server, run_server
from tests.load.client import Client, LoadError


@dataclass
class Tally:
    """What all sessions found, under one lock."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)
    received: int = 0


def marker(number: int) -> str:
    """A name that no galaxy has and that is one session's alone."""
    return f"zz{number:04d}qq"


class Over(Exception):
    """The time is over, or enough has been done."""


PAGES = ("latent_map", "inspect_galaxy", "similar", "likelihood", "generate")


def steps(
    client: Client, page: str, rng: random.Random, own: str, look: Callable[[], None]
) -> None:
    """What a session does on a page, a step and a look at its answer at a time."""

    def changed(kind: str, key: str, value: str | float | None = None) -> None:
        widget = client.widget(kind, key)
        if widget is None or getattr(widget, "disabled", False):
            return
        if kind == "selectbox":
            value = str(rng.choice(widget.options))
        elif kind == "slider":
            value = rng.uniform(float(widget.min), float(widget.max))
        client.act(f"{kind} {key}", widget, value)
        look()

    query = {
        "inspect_galaxy": f"&source=first-{rng.randrange(2158)}",
        "similar": f"&source=first/first-{rng.randrange(2158)}",
        "generate": f"&seed={rng.randrange(10**6)}",
    }
    client.open(page, "data=first" + query.get(page, ""))
    look()
    if page == "latent_map":
        changed("selectbox", "layout")
        changed("selectbox", "colour")
        changed("text_input", "find", own)
    elif page == "likelihood":
        changed("selectbox", "likelihood_score")
        changed("slider", "likelihood_rate")
    elif page == "generate":
        for widget in client.tree.get("button"):
            if "seed" in str(widget.label):
                client.act("generate", widget)
                look()
                break


def session(
    number: int, server: Server, until: float, limit: int, tally: Tally, count: int, think: float
) -> None:
    """Go round until the time is over or enough has been done."""
    rng = random.Random(number)
    own = marker(number)
    client = None

    def look() -> None:
        if client is None or len(client.seconds) >= limit or time.monotonic() > until:
            raise Over
        time.sleep(think * rng.uniform(0.5, 1.5))

    try:
        client = Client(server.url)
        client.forbidden = [marker(i).encode() for i in range(count) if i != number]
        client.open()
        # People are not all on the same page at the same time.
        for page in itertools.islice(itertools.cycle(PAGES), number % len(PAGES), None):
            steps(client, page, rng, own, look)
            with tally.lock:
                tally.memory.append((time.monotonic(), server.anonymous_bytes() / 1e6))
    except Over:
        pass
    except LoadError as error:
        with tally.lock:
            tally.errors.append(f"session {number}: {error}")
    except Exception:
        with tally.lock:
            tally.errors.append(f"session {number}: {traceback.format_exc(limit=3)}")
    finally:
        if client is not None:
            with tally.lock:
                for what, seconds in client.seconds:
                    tally.seconds[what].append(seconds)
                tally.mixed += [f"session {number} got '{w}'" for w in client.alien]
                tally.received += client.received
            client.close()


def slope(memory: list[tuple[float, float]]) -> tuple[float, float]:
    """Growth after the first fifth in MB a minute, and what there is at the end in MB."""
    at = np.array(sorted(memory))
    if len(at) < 5:
        return float("nan"), float(at[-1, 1]) if len(at) else float("nan")
    after = at[at[:, 0] > at[0, 0] + 0.2 * np.ptp(at[:, 0])]
    fitted = np.polyfit((after[:, 0] - after[0, 0]) / 60, after[:, 1], 1)
    return float(fitted[0]), float(at[-1, 1])


def main(arguments: list[str] | None = None) -> int:
    """Run; 1 where there was an error or anything reached another session."""
    parser = argparse.ArgumentParser(prog="python -m tests.load")
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--interactions", type=int, help="a session; instead of seconds")
    parser.add_argument(
        "--think",
        type=float,
        default=8.0,
        help="mean seconds that a person looks at an answer, half to one and a half of it",
    )
    given = parser.parse_args(arguments)
    limit = given.interactions or 10**9
    tally = Tally()
    with run_server() as server:
        seconds = 10 * 3600.0 if given.interactions else given.seconds
        until = time.monotonic() + seconds
        threads = [
            threading.Thread(target=session,
                             args=(i, server, until, limit, tally, given.sessions, given.think))
            for i in range(given.sessions)
        ]  # fmt: skip
        for thread in threads:
            thread.start()
            time.sleep(0.2)
        for thread in threads:
            thread.join()
        log = server.log.read_text(errors="replace")
    every = np.concatenate([np.array(v) for v in tally.seconds.values()] or [np.zeros(0)])
    for what, taken in sorted(tally.seconds.items()):
        p50, p95 = np.percentile(taken, (50, 95))
        print(f"{what:<28} {len(taken):>6}  median {p50:6.2f} s  95 % within {p95:6.2f} s")
    grows, end = slope(tally.memory)
    tracebacks = log.count("Traceback (most recent call last)")
    p50, p95 = np.percentile(every, (50, 95)) if len(every) else (np.nan, np.nan)
    print(
        f"{given.sessions} sessions on a cold server, load average {os.getloadavg()[0]:.1f} on "
        f"{os.cpu_count()} cores, {given.think:g} s to look at an answer, {len(every):,} "
        f"interactions, half within {p50:.2f} s, 95 % within {p95:.2f} s, "
        f"{len(tally.errors)} errors, {tracebacks} tracebacks in the log, {len(tally.mixed)} "
        f"mixed; memory {end:.0f} MB at the end, {grows:+.1f} MB a minute; "
        f"{tally.received / 1e6:.0f} MB sent"
    )
    for said in [*tally.errors[:10], *tally.mixed[:10]]:
        print(said)
    if tracebacks:
        print(log[log.index("Traceback") :][:3000])
    return 1 if tally.errors or tally.mixed or tracebacks or not len(every) else 0


if __name__ == "__main__":
    sys.exit(main())
