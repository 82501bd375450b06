"""Catalogues that are as unkind to file formats as real surveys have been, and worse."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.data.registry import open_data_set
from radioviz.export import Group
from radioviz.sky import j2000_name

ROTATED = """WCSAXES =                    2
CTYPE1  = 'RA---SIN'
CTYPE2  = 'DEC--SIN'
CRPIX1  =                 20.5
CRPIX2  =                 10.0
CRVAL1  =          359.9999875
CRVAL2  =                -45.5
CDELT1  = -0.00055555555555556
CDELT2  =  0.00055555555555556
PC1_1   =       0.866025403784
PC1_2   =                 -0.5
PC2_1   =                  0.5
PC2_2   =       0.866025403784
CUNIT1  = 'deg'
CUNIT2  = 'deg'
RADESYS = 'ICRS'"""

HOSTILE_IDS = [
    "plain-1",
    "PLAIN-1",  # the same without case
    '=HYPERLINK("http://example.org";"x")',
    "<script>alert('x')</script>",
    "näme α\u2212Centauri 星",
    "a'b''c\nnew\tline\x00\x1b[31m",
    "../../etc/passwd",
    "x" * 200,
    "x" * 200 + "y",
    "SOURCES",
    "CON",
    "   ",
]


@pytest.fixture(scope="session")
def hostile() -> Catalogue:
    """Float images with NaN and noise, rotated WCS, poles and RA 0, names of every kind."""
    n = len(HOSTILE_IDS)
    rng = np.random.default_rng(7)
    images = rng.normal(0, 1e-4, (n, 40, 50)).astype(np.float32)
    images[:, 18:22, 23:27] += 0.01
    images[0, :5] = np.nan
    images[1] = np.nan
    ra = np.array([0.0, 359.99999, 180.0, 12.3456789012, 83.63, 10, 20, 30, 40, 50, 60, 70])
    dec = np.array([89.9999, -89.9, 0.0, -45.678901234, 22.01, 1, 2, 3, 4, 5, 6, 7])
    ra[-1] = dec[-1] = np.nan
    table = pd.DataFrame({"source_id": HOSTILE_IDS, "ra": ra, "dec": dec})
    table["name"] = j2000_name(ra, dec)
    table["label"] = ["FRI", "FRII", "", "Bent"] * (n // 4)
    table["las"] = np.where(np.arange(n) % 3 == 0, np.nan, 30.0 + np.arange(n))
    table["origin"] = HOSTILE_IDS[::-1]
    table["survey"] = "Ünïcode {survey}"
    table["wcs_header"] = ["", "", "", "", ROTATED, *[""] * (n - 5)]
    table["image_ra"] = np.where(np.arange(n) == 2, 180.0005, np.nan)
    table["image_dec"] = np.where(np.arange(n) == 2, -0.0005, np.nan)
    table["flag 1 [µJy]"] = np.arange(n)
    table["FLAG_1__UJY_"] = np.arange(n) % 2 == 0
    table["mixed"] = [1, None, "x", 2.5, *[None] * (n - 4)]
    info = SurveyInfo(
        key="hostile",
        title="A “hostile” survey — with dashes",
        pixel_scale=2.0,
        beam=6.0,
        bunit="JY/BEAM",
        raw=True,
        frequency=1.4,
        licence="Licence: © nobody; " + "long " * 40,
        reference="O'Neil & Müller 2024",
    )
    return Catalogue(info, complete_columns(table), images)


@pytest.fixture(scope="session")
def greys() -> Catalogue:
    """8-bit images without positions, beam, unit or licence."""
    images = np.random.default_rng(1).integers(0, 256, (5, 30, 30)).astype(np.uint8)
    table = pd.DataFrame({"source_id": [f"grey-{i}" for i in range(5)]})
    return Catalogue(SurveyInfo("greys", "Grey", pixel_scale=15.0), complete_columns(table), images)


@pytest.fixture(scope="session")
def first() -> Catalogue:
    return open_data_set("first")


@pytest.fixture(scope="session")
def groups(hostile: Catalogue, greys: Catalogue) -> list[Group]:
    """A selection over two data sets, with scores, latents of two models and a repeat."""
    rng = np.random.default_rng(3)
    n = len(hostile)
    scores = pd.DataFrame(
        {"log_prob": rng.normal(size=n), "las": np.arange(n), "note": ["=1+1"] * n},
        index=np.arange(n) + 100,
    )
    return [
        Group(hostile, np.arange(n)[::-1], scores, rng.normal(size=(n, 8)), "vae8", "ab" * 32),
        Group(greys, np.array([4, 0]), None, rng.normal(size=(2, 3)), "simclr", "cd" * 32),
    ]


@pytest.fixture(scope="session")
def fitsverify() -> Callable[[Path], None]:
    """Fails the test when the FITS checker of NASA's HEASARC has anything to say."""

    def check(path: Path) -> None:
        program = shutil.which("fitsverify")
        if program is None:
            pytest.skip("fitsverify is not installed (Debian package fitsverify)")
        done = subprocess.run([program, "-l", str(path)], capture_output=True, text=True)
        text = done.stdout + done.stderr
        assert "found 0 warning(s) and 0 error(s)" in text, text[-3000:]

    return check


@pytest.fixture(scope="session")
def votlint() -> Callable[[Path], None]:
    """Fails the test when the VOTable checker of STILTS has anything to say."""

    def check(path: Path) -> None:
        program = shutil.which("stilts")
        if program is None:
            pytest.skip("stilts is not installed (Debian package stilts)")
        done = subprocess.run(
            [program, "votlint", "ucd=true", "unit=true", f"votable={path}"],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == "", done.stdout[:3000]

    return check
