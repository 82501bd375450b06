"""The line between sessions of the real server: place, Cancel, and readers who leave."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.server import Server, run_server
from tests.load.client import Client

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:connect:DeprecationWarning"),  # of websockets
]


@pytest.fixture(scope="module")
def server(cache_folder_of_the_run: Path) -> Iterator[Server]:
    with run_server() as running:
        yield running


def start(client: Client, seed: int) -> None:
    """Request 1,024 images and return when the line is shown."""
    client.open()
    client.open("generate", f"data=first&model=vae2&n=1024&seed={seed}")
    button = client.widget("button", "generate_start")
    assert button is not None, client.text()
    client.act("start", button, until=lambda: client.widget("button", "generate_cancel"))


def test_cancel_place_and_leaving(server: Server) -> None:
    first, second, other, last = (Client(server.url) for _ in range(4))
    try:
        start(first, 1)
        # The place in line, while the first one's images are made.
        start(second, 2)
        assert any("1 request before yours" in str(e.proto) for e in second.tree.get("progress"))
        # A click in the fragment that is being drawn ends it within a slice.
        began = time.monotonic()
        cancel = second.widget("button", "generate_cancel")
        fragment = next(reversed(second.fragments))
        second.act("cancel", cancel, fragment=fragment)
        if second.widget("button", "generate_again") is None:  # the end of the run before
            second._draw("cancel")
        assert second.widget("button", "generate_again") is not None, second.text()
        assert time.monotonic() - began < 30
        # The first one leaves; its work ends, and nobody waits for it.
        first.close()
        time.sleep(1)
        other.open()
        other.open("generate", "data=first&model=vae2&n=3&seed=3")
        assert "Number 0" in other.text()
        start(last, 4)
        assert not any("before yours" in str(e.proto) for e in last.tree.get("progress"))
    finally:
        for client in (first, second, other, last):
            client.close()
