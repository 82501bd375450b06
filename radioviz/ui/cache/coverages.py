"""Sky coverage of whole data sets."""

from __future__ import annotations

import numpy as np

from radioviz.export.groups import Group
from radioviz.export.sky_coverage import SkyCoverage, sky_coverage
from radioviz.ui.cache.data_sets import data_set, data_set_version
from radioviz.ui.cache.shared import shared


@shared(data_set_version, entries=16)
def coverage(key: str) -> SkyCoverage:
    """Coverage of the cutouts of a data set (:func:`radioviz.export.sky_coverage.sky_coverage`).

    Raises ExportError if none has a sky position.
    """
    catalogue = data_set(key)
    return sky_coverage([Group(catalogue, np.arange(len(catalogue)))])
