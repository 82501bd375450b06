"""What a fresh server process loads: no torch, little memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from radioviz.data.catalogue import Catalogue
from tests.ui.conftest import DECODE, PAGES, REPOSITORY

LARGEST_MB = 280
"""Without mapped files: how much of these counts depends on how the system read them."""

_SCRIPT = """
import json, sys
from pathlib import Path
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("app.py", default_timeout=120)
app.switch_page(f"pages/{sys.argv[1]}.py").run()
assert not app.exception, app.exception
# Of this program alone; getrusage would count its parent's before exec.
own = [s for s in Path("/proc/self/status").read_text().splitlines() if s.startswith("RssAnon")]
heavy = ("torch", "umap", "sklearn", "matplotlib", "skimage")
print(json.dumps({
    "heavy": [m for m in heavy if m in sys.modules],
    "errors": [e.value for e in app.error],
    "mb": int(own[0].split()[1]) / 1024,
}))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc")
@pytest.mark.parametrize("page", [p for p in PAGES if p not in DECODE])
def test_looking_needs_no_torch_and_little_memory(page: str, first: Catalogue) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, page],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["heavy"] == []
    assert found["errors"] == []
    assert found["mb"] < LARGEST_MB
