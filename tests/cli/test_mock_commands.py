"""Mock fields from the command line: drawn, searched, injected, refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import Table

from radioviz.cli.commands import radioviz_app
from radioviz.cli.running import run

POINTS = ["--share", "Compact=1", "--flux", "20,80"]


def command(*words: object) -> int:
    return run(radioviz_app, [str(word) for word in words], "radioviz")


def test_a_field_from_drawing_to_recovery(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sky = tmp_path / "sky.fits"
    size = ["--width", 300, "--height", 260, "--beam", "7,6,20"]
    assert command("mock-field", sky, *size, "--number", 6, *POINTS) == 0
    said = capsys.readouterr().err
    assert said.index("300 x 260 pixels") < said.index("sky.truth.vot, sky.reg: 6 sources")
    header = fits.getheader(sky)
    assert (header["NAXIS1"], header["BPA"]) == (300, 20)
    truth = Table.read(tmp_path / "sky.truth.fits").to_pandas()
    assert truth["flux_mjy"].between(20, 80).all()
    rates = tmp_path / "rates.csv"
    assert command("recover", sky, tmp_path / "sky.truth.vot", "--output", rates) == 0
    assert pd.read_csv(rates)["completeness"].min() == 1
    mine = tmp_path / "mine.csv"
    truth[:2].to_csv(mine, index=False)
    assert command("recover", sky, tmp_path / "sky.truth.fits", mine, "-o", rates) == 0
    found = pd.read_csv(rates)
    assert (found["completeness"] * found["true"]).sum() == pytest.approx(2)
    more = tmp_path / "more.fits"
    assert command("inject", sky, more, "--number", 3, *POINTS) == 0
    assert len(pd.read_csv(tmp_path / "more.truth.csv")) == 3
    added = (fits.getdata(more) - fits.getdata(sky)).max()
    assert 0.012 < added < 0.09


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["x.fits", "--beam", "1"], "use pixels of 0.5 arcsec or less"),
        (["x.fits", "--flux", "5"], "--flux is '5'; expected 2 number"),
        (["x.txt"], "x.txt does not end in .fits"),
        (["x.fits", "--share", "FRI=none"], "--share is 'none'"),
    ],
)
def test_refused(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert command("mock-field", *words) == 1
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
