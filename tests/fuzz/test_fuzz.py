"""A few hundred inputs of the fuzz campaign, and that its guard holds."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from radioviz.paths import REPOSITORY
from tests.fuzz import campaign, opened

COUNT = 600


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_hostile_files() -> None:
    """Every reader, the same inputs each time however fast the machine is."""
    said = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--count", str(COUNT), "--seed", "1"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=800,
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
        cwd=REPOSITORY,
    )
    assert said.stdout.strip() == "1"


@pytest.mark.parametrize(
    ("body", "finding"),
    [
        ("raise ValueError('x')", "ValueError: x"),
        ("while True: pass", "Slow"),
        ("bytearray(2 << 30)", "MemoryError"),
        ("import ctypes; ctypes.string_at(0)", "the process died (SIGSEGV)"),
        ("import time; keep = bytearray(900 << 20); time.sleep(0)", ""),
        ("import ctypes; ctypes.CDLL(None).open(b'/etc/hostname', 0)", "opens /etc/hostname"),
    ],
)
def test_the_engine_finds(body: str, finding: str) -> None:
    """One good input, one that does what no reader may, and one good one."""
    if finding.startswith("opens") and not opened.available():
        pytest.skip("strace is not installed; opened files are not recorded")
    program = f"""
import sys, time
from tests.fuzz import campaign, targets, worker

def read(folder):
    if (folder / "a").read_bytes() == b"bad":
        {body}

made = [{{"a": b"good"}}, {{"a": b"bad"}}, {{"a": b"good"}}]
targets.TARGETS["x"] = targets.Target("x", lambda: made, [], read)
if "--serve" in sys.argv:
    really = worker.read_one
    worker.read_one = lambda *a, armed=True: really(*a) if armed else None  # no warming up
    worker.serve()
else:
    campaign.SERVE = [__file__, "--serve"]
    with campaign.Engine() as engine:
        tally = engine.portion("x", 1, 0, 3, time.monotonic() + 60)
    print(dict(tally.outcomes), tally.findings, tally.megabytes[0])
"""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "engine.py"
        script.write_text(program)
        said = subprocess.run(
            [sys.executable, str(script)],
            capture_output=True,
            text=True,
            check=True,
            timeout=100,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            cwd=REPOSITORY,
        )
    if not finding:
        assert "{'ok': 3} []" in said.stdout
        assert 900 < float(said.stdout.rpartition("(")[2].split(",")[0]) < 1000
        return
    assert "'ok': 2" in said.stdout
    assert "'FINDING': 1" in said.stdout
    assert f'[(1, "{finding}' in said.stdout or f"[(1, '{finding}" in said.stdout


def test_a_campaign_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Portions that a log holds are not read again; each input is read once."""
    log = tmp_path / "log.jsonl"
    command = [sys.executable, "-m", "tests.fuzz", "--only", "npy", "--log", str(log), "--count"]
    for read in ("100 inputs", "0 inputs"):
        said = subprocess.run(
            [*command, "100"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
            timeout=100,
        )
        assert f"{read}, 0 findings" in said.stdout
    parts = list(campaign.portions(["npy", "HDF5", "tar xz"], 5000))
    for name, share in campaign.shares(["npy", "HDF5", "tar xz"], 5000):
        mine = [(start, stop) for reader, start, stop in parts if reader == name]
        assert mine[0][0] == 0
        assert mine[-1][1] == share
        assert all(a[1] == b[0] for a, b in itertools.pairwise(mine))
