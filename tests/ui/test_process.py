"""What a fresh server process loads: no torch, little memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radioviz import morphology
from radioviz.atlas.atlas import Layout, write_atlas
from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.data.user_surveys import survey_folder
from radioviz.models.registry import list_models
from radioviz.morphology import measurements
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


ROWS, MODEL = 300_000, "vae32"
LARGEST_BYTES = 220
"""Of a galaxy of a large survey, of the server's own: about 150, and 850 without mapped files."""

_LARGE = """
import sys
from pathlib import Path
from radioviz.store.mapped import trim_memory
from radioviz.ui import cache

def opened(key):
    cache.located(key, "vae32")
    mask = cache.rows_that_pass(key, "vae32", "las > 30 and label == 'FRI' and noise >= 0")
    catalogue = cache.data_set(key)
    found = catalogue.ids_of(mask)
    assert catalogue.rows_of(found[:3]).tolist() == mask.nonzero()[0][:3].tolist(), key
    trim_memory()
    own = [s for s in Path("/proc/self/status").read_text().splitlines() if s.startswith("RssAnon")]
    return int(own[0].split()[1]) * 1024, int(mask.sum())

before, _ = opened("first")
print(*(opened("large")[i] - (before, 0)[i] for i in (0, 1)))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc")
def test_a_large_survey_is_read_from_mapped_files(
    first: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "home"))
    rng = np.random.default_rng(0)
    table = complete_columns(
        pd.DataFrame(
            {
                "source_id": [f"large-{i:07d}" for i in range(ROWS)],
                "name": [f"J{i:06d}.12-{i:06d}.3" for i in range(ROWS)],
                "ra": rng.uniform(0, 360, ROWS),
                "dec": rng.uniform(-90, 90, ROWS),
                "las": rng.uniform(5, 100, ROWS),
                "label": rng.choice(["FRI", "FRII", ""], ROWS),
                "survey": "large",
            }
        )
    )
    info = SurveyInfo("large", "Large", pixel_scale=1.8, beam=5.4)
    catalogue = Catalogue(info, table, np.zeros((ROWS, 1, 1), np.uint8)).save(
        survey_folder("large")
    )
    numbers = {
        k: np.zeros(ROWS, c.dtype) for k, c in morphology.MEASURED.items() if c.dtype != "str"
    }
    measured = pd.DataFrame({k: numbers.get(k, np.full(ROWS, "")) for k in morphology.MEASURED})
    assert catalogue.folder is not None
    measurements._write(
        catalogue.folder / measurements.FILE, measurements._key(catalogue), measured
    )
    model, positions = list_models()[MODEL], rng.standard_normal((ROWS, 2))
    latents = np.zeros((ROWS, model.latent_dim), np.float16)
    write_atlas(catalogue, model, latents, {"umap": (positions, Layout("UMAP"))})
    done = subprocess.run(
        [sys.executable, "-c", _LARGE], cwd=REPOSITORY, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    own, passing = map(int, done.stdout.split())
    assert passing == int(((table["las"] > 30) & (table["label"] == "FRI")).sum())
    assert own / ROWS < LARGEST_BYTES
