"""What the reader lays over the sky: a survey, contours of radio images, coverages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from radioviz.api.sky_cutouts import SURVEYS, sky_footprint
from radioviz.data.catalogue import Catalogue
from radioviz.errors import ExportError, FetchError, ImageError
from radioviz.export.groups import Group
from radioviz.export.sky_coverage import SkyCoverage, moc_bytes, sky_coverage
from radioviz.sky import separation_arcsec
from radioviz.ui import cache, controls, state
from radioviz.ui.image.contours import DEFAULT, sky_contours
from radioviz.ui.palette import OTHERS
from radioviz.ui.sky_view import SkyCoverageLayer, SkyLines

OWN = "The radio image (works offline)"
NOTHING = "No background (works offline)"
THIS, SELECTION = "This image", "The selection"
MOST_RANGES = 40_000
"""Of a coverage that is drawn."""


@dataclass
class CoverageState:
    """The coverage of the selection that was drawn last, and footprints that could not be had."""

    selection: list[tuple[str, str]] = field(default_factory=list)
    coverage: SkyCoverage | None = None
    failed: dict[str, str] = field(default_factory=dict)


def choose_background(key: str, own: bool) -> str:
    """The HiPS below: the identifier of a survey, or empty for the radio image or nothing."""
    backgrounds = {OWN if own else NOTHING: ""} | {s.title: s.key for s in SURVEYS}
    kept = f"{key}_background"
    if st.session_state.get(kept) not in backgrounds:
        st.session_state.pop(kept, None)
    return backgrounds[str(st.selectbox("Background", list(backgrounds), key=kept,
                                        help="Surveys are loaded from the CDS."))]  # fmt: skip


def choose_contours(catalogue: Catalogue, row: int, place: tuple[float, float]) -> list[SkyLines]:
    """Contours of this image, and of those of other data sets that show the place."""
    others = {
        controls.data_set_title(k): k
        for k in cache.available_data_sets()
        if k != str(catalogue.info.key)
    }
    chosen = st.multiselect(
        "Contours of", [THIS, *others], default=[THIS], key="sky_contours", placeholder="None",
        help="In multiples of the noise, at the levels above the image. Of another data set: its "
        "nearest image that shows this place.",
    )  # fmt: skip
    out = []
    for number, title in enumerate(chosen):
        shown, at, name = catalogue, row, title
        if title != THIS:
            shown = controls.open_with_progress(others[title])
            found = nearest_image(shown, place)
            if found is None:
                st.caption(f"{controls.escape(title)} has no image of this place.")
                continue
            at = found
            name = f"{title} {shown.table['source_id'].iat[at]}"
        colour = "#FFFFFF" if title == THIS else OTHERS[(number - 1) % len(OTHERS)]
        out += image_contours(shown, at, name, colour)
    return out


def image_contours(catalogue: Catalogue, row: int, name: str, colour: str) -> list[SkyLines]:
    """Contours of one image on the sky, at the levels of Inspect; negative ones dashed.

    Levels that cannot be read are named, and give no contours.
    """
    levels = str(st.session_state.get("contour_levels") or DEFAULT)
    try:
        drawn = sky_contours(catalogue, row, levels)
    except ImageError as error:
        st.caption(f"No contours: {controls.escape(str(error))}. The levels are set on Inspect.")
        return []
    out = []
    for sign, dashed in ((1, False), (-1, True)):
        if lines := [line for level, line in drawn if sign * level > 0]:
            out.append(SkyLines(f"{name}{' (negative)' * dashed}", colour, lines, dashed))
    return out


def nearest_image(catalogue: Catalogue, place: tuple[float, float]) -> int | None:
    """Row of the image whose centre is nearest to a place that it shows; None without one."""
    table = catalogue.table
    ra, dec, scale = (table[c].to_numpy(float) for c in ("ra", "dec", "pixel_scale"))
    reach = min(catalogue.images.shape[1:]) / 2 * scale
    near = np.flatnonzero(np.abs(dec - place[1]) * 3600 <= reach)
    apart = separation_arcsec(*place, ra[near], dec[near])
    shows = apart <= reach[near]
    return int(near[shows][np.argmin(apart[shows])]) if shows.any() else None


def choose_coverages(key: str, data_sets: Sequence[str]) -> list[SkyCoverageLayer]:
    """Coverage of the selection, of data sets by their cutouts, and of surveys by the CDS."""
    brush = list(state.brush())
    own = {f"{controls.data_set_title(k)}: cutouts": k for k in data_sets}
    public = {s.title: s for s in SURVEYS}
    options = [*([SELECTION] if brush else []), *own, *public]
    kept = f"{key}_coverages"
    held = st.session_state.get(kept)
    if held and not set(held) <= set(options):
        st.session_state[kept] = [name for name in held if name in options]
    chosen = st.multiselect(
        "Coverage", options, key=kept, placeholder="None",
        help="Sky area of the selection or of a data set, by its cutouts, as a MOC; footprints of "
        "surveys are loaded from the CDS and kept.",
    )  # fmt: skip
    failed = state.page_state(CoverageState).failed
    out = []
    for number, name in enumerate(chosen):
        colour = "#F59E0B" if name == SELECTION else OTHERS[number % len(OTHERS)]
        try:
            if name in public:
                if name not in failed:
                    with st.spinner(f"Footprint of {name} …"):
                        moc = sky_footprint(public[name])
                    out.append(SkyCoverageLayer(name, colour, moc))
                continue
            with st.spinner(f"Coverage of {name} …"):
                found = _selected(brush) if name == SELECTION else cache.coverage(own[name])
            st.caption(f"{controls.escape(name)}: {found.sentence()}")
            out.append(SkyCoverageLayer(name, colour, moc_bytes(found, MOST_RANGES)))
        except FetchError as error:
            failed[name] = str(error)
        except ExportError as error:
            st.info(controls.escape(str(error)), icon=":material/public:")
    lost = [name for name in chosen if name in failed]
    for name in lost:
        st.info(controls.escape(failed[name]), icon=":material/cloud_off:")
    if lost and st.button("Ask again", icon=":material/refresh:", key=f"{key}_footprints_again"):
        failed.clear()
        st.rerun()
    return out


def _selected(brush: list[tuple[str, str]]) -> SkyCoverage:
    """Coverage of the selection; made again when it changes."""
    held = state.page_state(CoverageState)
    if held.coverage is None or held.selection != brush:
        groups = [
            Group(c := cache.data_set(key), c.known_rows_of(ids))
            for key, ids in state.brush().groups().items()
        ]
        held.selection, held.coverage = brush, sky_coverage(groups)
    return held.coverage
