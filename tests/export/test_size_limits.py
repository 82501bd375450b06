"""Upper limits of sizes in what is exported: a flag column, cards, regions, in every format."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.io.votable import parse_single_table
from astropy.table import Table

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.export import Group, ds9_regions, votable_bytes
from radioviz.morphology import complete
from tests.export.written import csv_bytes, fits_bytes, parquet_bytes
from tests.skies import BEAM, SCALE, double, sky


@pytest.fixture(scope="module")
def measured() -> Catalogue:
    """A point, a double of 40 arcsec, and a point whose size the catalogue gives."""
    images = np.stack([sky([(0, 0, 90)]), sky(double(40, 20)), sky([(0, 0, 50)], seed=3)])
    table = complete_columns(
        pd.DataFrame(
            {
                "source_id": ["point", "double", "known"],
                "ra": [150.0, 151.0, 152.0],
                "dec": [2.0, 2.0, 2.0],
                "las": [np.nan, np.nan, 4.0],
                "las_origin": ["", "", "catalogue"],
            }
        )
    )
    info = SurveyInfo("toy", "Toy", SCALE, beam=BEAM, bunit="Jy/beam", raw=True)
    return complete(Catalogue(info, table, images))


def tables(group: Group) -> dict[str, pd.DataFrame]:
    hdus = fits.open(io.BytesIO(fits_bytes(group)))
    sources = next(hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU))
    return {
        "csv": pd.read_csv(io.BytesIO(csv_bytes(group))),
        "parquet": pd.read_parquet(io.BytesIO(parquet_bytes(group))),
        "votable": parse_single_table(io.BytesIO(votable_bytes(group))).to_table().to_pandas(),
        "fits": Table(sources.data).to_pandas(),
    }


def test_every_table_has_the_flag_and_the_error(measured: Catalogue) -> None:
    for kind, table in tables(Group(measured, np.arange(3))).items():
        table.columns = [str(c).lower() for c in table.columns]
        assert table["las_limit"].astype(bool).tolist() == [True, False, False], kind
        assert table["las"].tolist() == pytest.approx([2.7, 40, 4.0], abs=2), kind
        assert table["las_error"].isna().tolist() == [True, False, True], kind
        assert table["las_error"][1] == pytest.approx(0.135 * 40, rel=0.1), kind
        assert table["resolved"].astype(bool).tolist() == [False, True, False], kind


def test_a_table_that_was_not_measured_has_the_flag_too(measured: Catalogue) -> None:
    plain = measured.table.drop(columns=["las_limit", "las_error"])
    bare = Catalogue(measured.info, plain, measured.images)
    assert not pd.read_csv(io.BytesIO(csv_bytes(Group(bare, np.arange(3)))))["las_limit"].any()


def test_cards_of_an_image_say_that_a_size_is_a_limit(measured: Catalogue) -> None:
    hdus = fits.open(io.BytesIO(fits_bytes(Group(measured, np.arange(3)))))
    headers = {h.header["SRCID"]: h.header for h in hdus if "SRCID" in h.header}
    assert headers["point"]["LASLIM"] is True and "LASERR" not in headers["point"]
    assert headers["point"]["LAS"] == pytest.approx(2.7)
    assert "upper limit" in headers["point"].comments["LAS"]
    assert headers["double"]["LASLIM"] is False
    assert headers["double"]["LASERR"] == pytest.approx(5.4, rel=0.1)
    assert headers["known"]["LASLIM"] is False and "LASERR" not in headers["known"]


def test_regions_of_limits_are_dashed(measured: Catalogue) -> None:
    lines = ds9_regions(Group(measured, np.arange(3))).splitlines()
    circles = [line for line in lines if line.startswith("circle")]
    assert ["dash=1" in line for line in circles] == [True, False, False]
