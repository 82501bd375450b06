"""Reports that spreadsheets open as text."""

from __future__ import annotations

import pandas as pd

from radioviz.store.spreadsheets import safe_csv


def test_the_report_is_safe_for_spreadsheets() -> None:
    report = pd.DataFrame({"file": ["=1+1.fits", "a.fits"], "status": ["read", "refused"]})
    assert "\n=1" not in safe_csv(report)
