"""Charts of the app as figures for papers, from the files that the app writes."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from radioviz.errors import ExportError
from radioviz.export.chart_figure import LARGEST, ChartLook, write_chart


def draw_chart(
    chart: str | Path | Mapping[str, Any],
    to: str | Path,
    *,
    width: str = "column",
    serif: bool = False,
    palette: str = "screen",
) -> Path:
    """Draw a chart of the app by matplotlib and write it as PDF, SVG or PNG.

    Parameters
    ----------
    chart : str, pathlib.Path or mapping
        A ``.json`` file of **Figures for a paper**, or its content; change it as you like.
    to : str or pathlib.Path
        Its ending, ``.pdf``, ``.svg`` or ``.png``, says what is written.
    width : str
        ``column`` (88 mm) or ``page`` (180 mm).
    serif : bool
        Whether text has serifs.
    palette : str
        ``screen``, ``okabe-ito`` (safe for colour-blind readers) or ``grey``.

    Returns
    -------
    pathlib.Path
        What was written.

    Raises
    ------
    ExportError
        If the file is not a chart, or a choice is not among these.

    Examples
    --------
    >>> import radioviz, tempfile, pathlib
    >>> chart = {"data": [{"type": "scatter", "x": [1, 2], "y": [3, 5]}], "layout": {}}
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "line.pdf"
    >>> radioviz.draw_chart(chart, file, serif=True).read_bytes()[:5]
    b'%PDF-'
    """
    path, look = Path(to), ChartLook(width, serif, palette)
    described: Any = chart
    if not isinstance(chart, Mapping):
        source = Path(chart)
        try:
            if source.stat().st_size > LARGEST:
                raise ExportError(f"{source} has more than {LARGEST:,} bytes, too many for a chart")
            described = json.loads(source.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise ExportError(f"{source} cannot be read as a chart: {error}") from None
    content = io.BytesIO()
    write_chart(content, described, path.suffix.lower().removeprefix("."), look)
    try:
        path.write_bytes(content.getvalue())
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror or error}") from None
    return path


def chart_json(chart: Mapping[str, Any]) -> str:
    """A chart as the text of a file that :func:`draw_chart` reads."""

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray | np.generic):
            return value.tolist()
        raise TypeError(f"a chart holds a {type(value).__name__}")

    kept = ("type", "mode", "x", "y", "z", "text", "name", "marker", "line", "error_x", "error_y",
            "orientation", "width", "base", "opacity", "fill", "fillcolor", "colorscale", "zmin",
            "zmax", "colorbar", "contours", "showscale", "showlegend", "q1", "median", "q3",
            "lowerfence", "upperfence", "visible")  # fmt: skip
    data = [{k: trace[k] for k in kept if k in trace} for trace in chart["data"]]
    return json.dumps({"data": data, "layout": chart.get("layout", {})}, default=plain)
