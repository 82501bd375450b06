"""Reports that spreadsheets open as text."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pandas as pd

import radioviz.ui
from radioviz.store.spreadsheets import as_written, safe_csv


def test_the_report_is_safe_for_spreadsheets() -> None:
    report = pd.DataFrame({"file": ["=1+1.fits", "a.fits"], "status": ["read", "refused"]})
    assert "\n=1" not in safe_csv(report)


def test_text_comes_back_and_numbers_stay() -> None:
    cells = ["-J0712", " =1", "＝1", "'quoted", "plain", ""]
    table = pd.DataFrame({"@name": cells, "flux": [-1.5, 2, 3, 4, 5, 6]})
    found = pd.read_csv(io.StringIO(safe_csv(table)), keep_default_na=False)
    assert found["'@name"].str.startswith("'").tolist() == [True, True, True, True, False, False]
    assert as_written(found["'@name"]).tolist() == cells
    assert found["flux"].tolist() == table["flux"].tolist()


def test_no_page_writes_text_that_a_spreadsheet_runs() -> None:
    """Names and classes are those of whoever imported a survey."""
    folder = Path(radioviz.ui.__file__).parent
    found = {p.name for p in folder.rglob("*.py") if re.search(r"\.to_csv\(", p.read_text("utf-8"))}
    assert found == {"filter_lines.py"}  # read by a script beside it, which needs it as it is
