"""The real server: ended during work, two on one home, a read-only home, a disk that fills up."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from radioviz.data.registry import open_data_set
from radioviz.morphology import complete
from radioviz.paths import REPOSITORY
from tests.browser.server import Server, run_server
from tests.faults.jobs import cutouts
from tests.load import client, line
from tests.load.client import Client

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    # The client of a session closes its connection itself.
    pytest.mark.filterwarnings(r"ignore:connect\(\) must be used:DeprecationWarning"),
]
PAGES = {
    "latent_map": "data=first", "grid_walk": "", "inspect_galaxy": "data=first&source=first-1",
    "similar": "source=first/first-10", "likelihood": "data=first", "table": "data=first",
    "benchmarks": "", "your_data": "",
}  # fmt: skip


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_PATIENCE", 200.0)


def ready_cache(folder: Path) -> Path:
    """A cache folder where the galaxies that ship are built and measured, which takes long."""
    first = open_data_set("first")
    complete(first)
    assert first.folder is not None
    (folder / "catalogues").mkdir(parents=True)
    (folder / "catalogues" / first.folder.name).symlink_to(first.folder)
    return folder


def health(server: Server) -> dict[str, Any]:
    with urllib.request.urlopen(server.url + "/health", timeout=20) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def log_lines(server: Server) -> list[dict[str, Any]]:
    return [json.loads(n) for n in server.log.read_text().splitlines() if n.startswith("{")]


def press(reader: Client, key: str) -> None:
    """Press a button in the background: its answer comes when the work is done, or never."""
    button = reader.widget("button", key)
    assert button is not None, reader.text()

    def act() -> None:
        with pytest.raises(Exception):  # noqa: B017 - the server ends
            reader.act(key, button)

    threading.Thread(target=act, daemon=True).start()


@pytest.mark.parametrize("work", ["generate", "explain"])
def test_the_server_is_ended_while_it_computes(work: str, tmp_path: Path) -> None:
    """Within ten seconds, with a line in the log, and nothing half written."""
    home, cache = tmp_path / "home", ready_cache(tmp_path / "cache")
    with run_server(
        RADIOVIZ_HOME=str(home), RADIOVIZ_CACHE=str(cache), RADIOVIZ_LOG="json"
    ) as server:
        reader = Client(server.url)
        reader.open()
        if work == "generate":
            line.generate(reader, "cvae-sharp", 1024, 6)
        else:
            reader.open("inspect_galaxy", "data=first&source=first-1&tab=FR%20class")
            press(reader, "explain")
        end = time.monotonic() + 120
        while not health(server)["work"].get(work):
            assert time.monotonic() < end, reader.text()
            time.sleep(0.05)
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(10)
        assert "Traceback" not in server.log.read_text()
        (entry,) = [n for n in log_lines(server) if n["work"] == work]
        assert entry["outcome"] == "server ended"
        assert entry["session"] and reader.url not in json.dumps(entry)
    scratch = [p for folder in (home, cache) for p in folder.rglob(".*") if p.is_file()]
    assert not scratch


def test_a_home_where_nothing_can_be_written(tmp_path: Path) -> None:
    """Home, data and cache folder on a read-only disk: every page works, imports are refused."""
    home = tmp_path / "home"
    home.mkdir()
    mount = f"mount --bind {home} {home} && mount -o remount,ro,bind {home}"
    prefix = ("unshare", "-m", "sh", "-c", f'{mount} && exec "$@"', "sh")
    tried = subprocess.run([*prefix, "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip("only root can mount a read-only home")
    empty = dict.fromkeys(
        ("RADIOVIZ_HOME", "RADIOVIZ_CACHE", "XDG_DATA_HOME", "XDG_CACHE_HOME"), ""
    )
    with run_server(prefix=prefix, HOME=str(home), **empty) as server:
        assert health(server)["writable"] == {"home": False, "cache": False}
        reader = Client(server.url)
        reader.open()
        for page, query in PAGES.items():
            reader.open(page, query)
            assert not reader.tree.error, (page, [e.value for e in reader.tree.error])
        refused = subprocess.run(
            [*prefix, sys.executable, "-m", "radioviz", "import", str(cutouts(tmp_path / "in", 2)),
             "--key", "mine", "--survey", "X"],
            cwd=REPOSITORY, env=os.environ | empty | {"HOME": str(home)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert refused.returncode == 1
        assert "cannot be written: Read-only file system" in refused.stderr, refused.stderr
        assert "Traceback" not in refused.stderr + server.log.read_text()
    assert list(home.iterdir()) == []


def test_two_servers_on_one_home(tmp_path: Path) -> None:
    """What one imports and removes, the other shows and forgets; both see the job."""
    home = tmp_path / "home"
    environment = os.environ | {"RADIOVIZ_HOME": str(home)}

    def command(*arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "radioviz", *arguments],
            cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    with run_server(RADIOVIZ_HOME=str(home)) as one, run_server(RADIOVIZ_HOME=str(home)) as two:
        readers = [Client(one.url), Client(two.url)]
        for reader in readers:
            reader.open()
            reader.open("your_data")
            assert "mine" not in reader.text()
        command("import", str(cutouts(tmp_path / "in", 3)), "--key", "mine", "--title", "Mine")
        for reader in readers:
            reader.open("your_data")
            assert "3 galaxies" in reader.text()
            reader.open("inspect_galaxy", "data=mine")
            assert not reader.tree.error
        command("data", "remove", "mine")
        for reader in readers:
            reader.open("inspect_galaxy", "data=mine")
            reader.open("your_data")
            assert "3 galaxies" not in reader.text()


@pytest.fixture
def cache_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 600 MB for the cache, filled with data sets by the server itself."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=600m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can be mounted by root alone")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def test_a_disk_that_fills_up_while_others_export(cache_disk: Path) -> None:
    """The export says so, the server lives, and with space again the next export is whole."""
    with run_server(RADIOVIZ_CACHE=str(cache_disk), RADIOVIZ_LOG="json") as server:
        readers = [Client(server.url), Client(server.url)]
        for reader in readers:
            reader.open()
            reader.open("latent_map", "data=first")
        filler = cache_disk / "filler"
        filler.write_bytes(bytes(max(0, shutil.disk_usage(cache_disk).free - 4096)))
        assert health_of_full(server)["status"] == "little space: cache"
        for reader in readers:
            reader.open("inspect_galaxy", "data=first&source=first-1&tab=FR%20class")
            assert not reader.tree.error
        assert server.process.poll() is None
        filler.unlink()
        assert health(server)["status"] == "ok"
        for reader in readers:
            reader.open("latent_map", "data=first")
            assert not reader.tree.error


def health_of_full(server: Server) -> dict[str, Any]:
    with pytest.raises(urllib.error.HTTPError) as refused:
        health(server)
    assert refused.value.code == 503
    found: dict[str, Any] = json.loads(refused.value.read())
    refused.value.close()
    return found
