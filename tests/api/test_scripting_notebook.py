"""``docs/scripting.ipynb``: every cell runs, on the embedded galaxies, in a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from radioviz.paths import REPOSITORY

NOTEBOOK = REPOSITORY / "docs" / "scripting.ipynb"


def cells(kind: str) -> list[str]:
    """Sources of the cells of a kind."""
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    return ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == kind]


@pytest.mark.slow
def test_every_cell_runs(tmp_path: Path) -> None:
    program = tmp_path / "scripting.py"
    program.write_text("\n".join(cells("code")) + "\nassert all(sizes.values())\n", "utf-8")
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(program)], cwd=tmp_path, env=environment,
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert [path.name for path in tmp_path.iterdir()] == ["scripting.py"]


def test_no_outputs_are_stored() -> None:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_every_public_function_is_shown() -> None:
    import radioviz

    text = "\n".join(cells("code"))
    functions = {n for n in radioviz.__all__ if not n[0].isupper()}
    unseen = {n for n in functions if f"radioviz.{n}(" not in text}
    # An import writes into the user's folder, which a notebook should not do by itself; hosts are
    # asked for over the network.
    assert unseen == {"import_survey", "list_models", "nearest_galaxy", "find_hosts"}
