"""A minute of the fuzz campaign, and that its guard holds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = 60


@pytest.mark.slow
def test_a_minute_of_hostile_files() -> None:
    """Every reader, the same inputs each time as far as the time goes."""
    said = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--seconds", str(SECONDS), "--seed", "1"],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
        env=os.environ | {"RADIOVIZ_SHARED_DATA": "nowhere"},
    )
    assert said.returncode == 0, said.stdout + said.stderr


FORBIDDEN = {
    "network": "import socket; socket.create_connection(('127.0.0.1', 9))",
    "program": "import os; os.system('true')",
    "subprocess": "import subprocess; subprocess.run(['true'])",
    "code": "exec(compile('1', 'elsewhere.py', 'exec'))",
    "pickle": "import pickle, os; pickle.loads(pickle.dumps(os.path.join))",
    "write": "open(os.path.expanduser('~/radioviz-fuzz'), 'w')",
    "mkdir": "os.mkdir('/tmp/radioviz-fuzz')",
    "remove": "os.remove('/tmp/radioviz-fuzz')",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_guard_sees(what: str, tmp_path: Path) -> None:
    program = f"""
import os, pickle, socket, subprocess
from pathlib import Path
from tests.fuzz.guard import Breach, Guard
guard = Guard(Path({str(tmp_path)!r}))
guard.armed = True
try:
    {FORBIDDEN[what]}
except Breach:
    pass
open({str(tmp_path / "allowed")!r}, "w").close()
guard.armed = False
print(len(guard.breaches))
"""
    said = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert said.stdout.strip() == "1"


@pytest.mark.parametrize(
    ("body", "finding"),
    [
        ("raise ValueError('x')", "ValueError"),
        ("while True: pass", "Slow"),
        ("bytearray(2 << 30)", "MemoryError"),
        ("import ctypes; ctypes.string_at(0)", "died"),
    ],
)
def test_the_engine_finds(body: str, finding: str, tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from tests.fuzz import campaign, targets

def read(folder):
    if (folder / "a").read_bytes() == b"bad":
        {body}

targets.TARGETS["x"] = targets.Target("x", lambda: [{{"a": b"good"}}, {{"a": b"bad"}}], [], read)
really = campaign.read_one
campaign.read_one = lambda *a, armed=True: really(*a) if armed else None  # no warming up
campaign.work("x", 1, 0, 2, 1, Path({str(tmp_path)!r}) / "scratch")
"""
    (tmp_path / "scratch").mkdir()
    said = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert '[0, "ok", ""]' in said.stdout
    assert finding in said.stdout if finding != "died" else said.returncode < 0
