"""Every JavaScript file that the app serves parses and passes the linter."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

UI = Path(__file__).resolve().parent.parent.parent / "radioviz" / "ui"
FRONTEND = UI / "map" / "frontend"
BUNDLE = UI / "map" / "map.js"  # built and minified
SCRIPTS = sorted(p for p in UI.rglob("*.js") if FRONTEND not in p.parents and p != BUNDLE)


def test_there_are_scripts() -> None:
    assert any(path.name == "plane_component.js" for path in SCRIPTS)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_script_parses(path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    checked = subprocess.run(
        [node, "--check", "--input-type=module"],
        input=path.read_bytes(), capture_output=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr.decode()


def test_scripts_pass_eslint() -> None:
    npm = shutil.which("npm")
    if npm is None or not (FRONTEND / "node_modules" / "eslint").is_dir():
        pytest.skip(f"eslint is not installed; run 'npm ci' in {FRONTEND}")
    linted = subprocess.run(
        [npm, "run", "--silent", "lint"], cwd=FRONTEND, capture_output=True, check=False
    )
    assert linted.returncode == 0, linted.stdout.decode() + linted.stderr.decode()
