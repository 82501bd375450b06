"""A home of each test's own, and small surveys to import."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """User's data folder of this test."""
    folder = tmp_path / "home"
    monkeypatch.setenv("RADIOVIZ_HOME", str(folder))
    return folder


def write_fits(
    path: Path,
    data: np.ndarray,
    ra: float | None = 150.0,
    dec: float = 2.0,
    scale: float = 2.0,
    **cards: object,
) -> Path:
    """A FITS cutout with a TAN WCS; without one where ``ra`` is None."""
    header = fits.Header()
    if ra is not None:
        ny, nx = data.shape
        header.update(
            {
                "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": ra, "CRVAL2": dec,
                "CRPIX1": (nx + 1) / 2, "CRPIX2": (ny + 1) / 2,
                "CDELT1": -scale / 3600, "CDELT2": scale / 3600,
                "RADESYS": "FK5", "EQUINOX": 2000.0,
            }
        )  # fmt: skip
    header.update({"BUNIT": "JY/BEAM", **cards})
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.PrimaryHDU(data.astype(np.float32), header).writeto(path)
    return path


@pytest.fixture
def cutouts(tmp_path: Path) -> Path:
    """Twelve cutouts of 24 x 24 pixels in two folders, and what does not belong there."""
    rng = np.random.default_rng(5)
    folder = tmp_path / "my survey"
    for i in range(12):
        data = rng.normal(0, 1e-4, (24, 24))
        data[11:13, 11:13] += 0.01
        where = folder / ("a" if i % 2 else "b")
        write_fits(
            where / f"J{i:04d}.fits", data, 100.0 + i, -5.0 + i, BMAJ=6 / 3600, BMIN=6 / 3600
        )
    (folder / "README.txt").write_text("notes")
    (folder / "a" / "broken.fits").write_bytes(b"SIMPLE  =                    T")
    (folder / ".hidden.fits").write_bytes(b"x")
    return folder


@pytest.fixture
def cube(tmp_path: Path) -> tuple[Path, Path, np.ndarray]:
    """A cube of 200 grey-level images and its table."""
    rng = np.random.default_rng(6)
    stack = rng.integers(0, 255, (200, 16, 16)).astype(np.uint8)
    np.save(tmp_path / "stack.npy", stack)
    frame = pd.DataFrame(
        {
            "name": [f"galaxy {i}" for i in range(200)],
            "ra": np.linspace(30, 330, 200),
            "dec": np.linspace(-80, 80, 200),
            "las_arcsec": np.linspace(5, 100, 200),
        }
    )
    frame.to_csv(tmp_path / "stack.csv", index=False)
    return tmp_path / "stack.npy", tmp_path / "stack.csv", stack
