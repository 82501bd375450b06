"""Colours that keep their meaning across the app, distinct for colour-blind readers.

From the set of Okabe & Ito 2008 (jfly.uni-koeln.de/color), the blue lightened so that it
stands out from a dark page as well as from a white one.
"""

from __future__ import annotations

from collections.abc import Sequence

LABEL_COLOURS = {
    "FRI": "#1F88D2",
    "FRII": "#D55E00",
    "Compact": "#009E73",
    "Bent": "#CC79A7",
    "Hybrid": "#C9A000",
}
MISSING_COLOUR = "#9AA0A6"
SELECTION_COLOUR = "#E11D74"
OTHERS = (
    *("#1F88D2", "#D55E00", "#009E73", "#CC79A7", "#C9A000", "#56B4E9", "#8C6BB1", "#7F5539"),
    *("#B00058", "#84A900", "#00718F", "#F28E7C"),
)
DATA_SET_COLOURS = ("#7C7CF0", "#C2410C", "#0F8B8D", "#A3268F", "#B8860B", "#4B7F52")

# Viridis without its darkest sixth and its last light step: perceptually uniform still, and
# both ends stand out from a dark page as well as from a white one.
CONTINUOUS = (
    *("#44377f", "#3f4788", "#38568b", "#32658e", "#2d738e", "#277f8e", "#238d8c", "#209b8a"),
    *("#27a783", "#32b47b", "#4abf6d", "#66cb5d", "#86d449", "#a9db32", "#cde129", "#f0e526"),
)


# Round the hues of OKLCH at a lightness of 0.68 and a chroma of 0.11: both ends are the same
# colour, for angles, and no place is brighter than another.
CYCLIC = (
    *("#CF7A95", "#D37F68", "#C28C45", "#9F9D46", "#6DAA6C", "#32AE9B", "#2DA9C3", "#649CDA"),
    *("#958DD8", "#BA80BF", "#CF7A95"),
)


# For scales of colour on a map; each differs from a dark page and from a white one.
PALETTES = {
    "viridis": CONTINUOUS,
    "cividis": (
        *("#2b446e", "#44516c", "#575d6d", "#6a6a70", "#7c7877", "#8f8578", "#a59475", "#bba46e"),
        *("#d2b464", "#e9c653", "#fdd83a"),
    ),
    "plasma": (
        *("#4c02a1", "#6a00a8", "#8606a6", "#a01a9c", "#b7318a", "#cc4778", "#dc5e66", "#ea7655"),
        *("#f58f43", "#fca934", "#fbc727"),
    ),
    "grey": ("#3d3d3d", "#c4c4c4"),
    # From blue to orange by way of a grey as light as neither page.
    "diverging": ("#1F88D2", "#6fa3c8", "#a9a9a9", "#cf8a55", "#D55E00"),
    "cyclic": CYCLIC,
}
PALETTE_TITLES = {
    "viridis": "Viridis",
    "cividis": "Cividis",
    "plasma": "Plasma",
    "grey": "Grey",
    "diverging": "Blue to orange",
    "cyclic": "Cyclic",
}


def category_colours(names: Sequence[str]) -> list[str]:
    """A colour a name: fixed for classes, in order for other names, grey for the empty one."""
    fixed = all(name in LABEL_COLOURS or not name for name in names)
    colours = []
    for i, name in enumerate(names):
        if not name:
            colours.append(MISSING_COLOUR)
        else:
            colours.append(LABEL_COLOURS[name] if fixed else OTHERS[i % len(OTHERS)])
    return colours
