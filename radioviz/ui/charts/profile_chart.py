"""Brightness along the principal axis: the third column of Fig. 11 of Bastien et al. 2021."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from radioviz.ui.charts.plotly_charts import Figure, LineSeries, lines
from radioviz.ui.palette import LABEL_COLOURS, MISSING_COLOUR


def profiles(images: Mapping[str, np.ndarray], pixel_scale: float, beam: float) -> Figure:
    """Profiles of several images along the principal axis of the FRII, which has the clearest.

    Without one that has an axis, along that of the last image that has.

    ``images``: class to image ``(ny, nx)``, 0..1; ``pixel_scale``, ``beam``: arcsec.
    """
    from radioviz import morphology

    stack = np.stack(list(images.values()))
    measured = morphology.measure(stack, pixel_scale, beam)["position_angle"]
    angles = measured.set_axis(list(images)).dropna()
    angle = float(angles.get("FRII", angles.iloc[-1])) if len(angles) else None
    found, reach = [], 20.0
    for label, image in images.items():
        x, y = morphology.axis_profile(image, angle, pixel_scale=pixel_scale, beam=beam)
        found.append(LineSeries(label, x, y, colour=LABEL_COLOURS.get(label, MISSING_COLOUR)))
    top = max((float(line.y.max()) for line in found), default=0.0)
    for line in found:  # beyond this all are fainter than 2 % of the brightest
        reach = max(reach, 1.15 * float(np.abs(line.x[line.y > 0.02 * top]).max(initial=0.0)))
    where = "north-south" if angle is None else f"position angle {angle:.0f}°"
    title = f"Offset [arcsec], {where}"
    return lines(found, x_title=title, y_title="brightness", reach=reach)
