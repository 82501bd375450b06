"""Start the real server and a real Chromium; shared by browser tests and benchmarks."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]

# Software WebGL, so that maps draw on a machine without a GPU; no background requests of
# the browser's own, which would slow the tests down where there is no network.
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    # Without a GPU, one more layer between page and picture: half of the processor for nothing.
    "--disable-gpu-rasterization",
    "--disable-gpu-compositing",
)

PATIENCE = 150_000
"""Milliseconds that a browser of the tests waits for anything."""


def chromium() -> str | None:
    """Path of the system's Chromium, None when there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def patient(opens: Callable[..., Any]) -> Callable[..., Any]:
    """Let every context or page wait as long as another one, and know the runs it asked for."""

    def opened(**how: Any) -> Any:
        made = opens(**how)
        made.set_default_timeout(PATIENCE)
        made.add_init_script(path=Path(__file__).with_name("runs.js"))
        return made

    return opened


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on at this moment."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@dataclass
class Server:
    """A running Streamlit server."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    started: float

    def resident_bytes(self) -> int:
        """Resident memory of the server process (anonymous and file pages)."""
        return self._status("VmRSS")

    def anonymous_bytes(self) -> int:
        """Resident memory that is the process's own: without mapped files."""
        return self._status("RssAnon")

    def _status(self, field: str) -> int:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        raise RuntimeError(f"{field} is not in /proc/{self.process.pid}/status")

    def maps(self, word: str) -> bool:
        """Whether a file whose path holds ``word`` is mapped into the server (a library, say)."""
        return word in Path(f"/proc/{self.process.pid}/maps").read_text()


@contextlib.contextmanager
def run_server(
    *arguments: str,
    app: str | Path = "app.py",
    wait: float = PATIENCE / 1000,
    base: str = "",
    prefix: tuple[str, ...] = (),
    command: tuple[str, ...] = (),
    folder: Path = REPOSITORY,
    **environment: str,
) -> Iterator[Server]:
    """Run ``streamlit run APP`` until the block ends.

    Parameters
    ----------
    base : str
        Path below which the app is served, as in ``--server.baseUrlPath``.
    prefix : tuple of str
        A command that starts the server, such as one that takes rights away.
    command : tuple of str
        What starts the app, instead of ``streamlit run`` with ``app``.
    folder : pathlib.Path
        Where it starts.

    Raises
    ------
    RuntimeError
        If the server does not answer within ``wait`` seconds; its log is in the message.
    """
    port = free_port()
    log = Path(tempfile.mkstemp(prefix="radioviz-server-", suffix=".log")[1])
    started = time.monotonic()
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [*prefix, *(command or (sys.executable, "-m", "streamlit", "run", str(app))),
             "--server.port", str(port),
             "--server.headless", "true", "--browser.gatherUsageStats", "false", *arguments],
            cwd=folder, stdout=sink, stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
        )  # fmt: skip
    url = f"http://localhost:{port}{base}"
    try:
        while True:
            if process.poll() is not None or time.monotonic() - started > wait:
                raise RuntimeError(f"the server did not start:\n{log.read_text()}")
            with contextlib.suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(url + "/_stcore/health", timeout=2).read()
                break
            time.sleep(0.05)
        yield Server(url, process, log, started)
    except BaseException:
        print(f"log of {url}:\n{log.read_text(errors='replace')[-4000:]}")
        raise
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.unlink(missing_ok=True)
