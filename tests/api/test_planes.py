"""The images of a galaxy by the Python API."""

from __future__ import annotations

import numpy as np

from radioviz.api.samples import GalaxySample
from radioviz.morphology import complete
from tests.ui.test_planes import PLANES, catalogue


def test_a_sample_in_another_plane_is_measured_there() -> None:
    plain, measured = GalaxySample(catalogue()), GalaxySample(complete(catalogue()))
    assert plain.planes == PLANES
    other = measured.of_plane("C")
    assert np.shares_memory(other.images, measured.catalogue.cube)
    assert measured.table["las_limit"].all() and not other.table["las_limit"].any()
    assert other.table["frequency"].tolist() == [5.0, 5.0]
    assert "las_measured" not in plain.of_plane("C").table
