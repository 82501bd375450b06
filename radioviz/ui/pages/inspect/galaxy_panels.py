"""Inspect: image, facts, neighbours, place on the map, and header of one galaxy."""

from __future__ import annotations

import numpy as np
import streamlit as st

from radioviz.data.catalogue import Catalogue, SurveyInfo
from radioviz.data.source_planes import RESPONSE
from radioviz.errors import ImageError
from radioviz.morphology.measuring import Extent, extent_of, noise_of, stated_noise
from radioviz.morphology.noise import CLIP_SIGMA, Noise
from radioviz.morphology.size_scale import is_extrapolated
from radioviz.ui import cache, controls, detail, galaxies, gallery, gallery_tools, state, tray
from radioviz.ui.charts.figure_panel import offer_figure
from radioviz.ui.controls import View
from radioviz.ui.image.contours import DEFAULT, contours_text, parse_levels
from radioviz.ui.image.sky_image import LIMITS, beam_text, colour_limits, sky_image
from radioviz.ui.label_editor import draw_labels
from radioviz.ui.map import layers
from radioviz.ui.map.component import new_event, scatter_map
from radioviz.ui.map.layer_colours import map_colours
from radioviz.ui.pages.inspect.state import Pair


def galaxy_image_panel(catalogue: Catalogue, row: int, view: View) -> None:
    """The image with contours, and facts about it."""
    image, info = catalogue.image(row), catalogue.info_of(row)
    if not np.isfinite(image).any() or np.nanmax(image) == np.nanmin(image):
        st.warning("This image is empty: every pixel is blank or has the same value.")
    noise = noise_of(catalogue, row)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        levels = _chosen_contours(image, noise)
        extent = _chosen_mask(catalogue, row)
        limits = _chosen_limits(image, info, view)
    unit = info.bunit or "grey levels"
    if extent is not None:
        st.caption(_mask_text(extent))
    if levels:
        st.caption(controls.escape(contours_text(image, noise, levels, unit)))
    shown = f"Colours from {limits[0]:.3g} to {limits[1]:.3g} {unit}, of the field in view"
    whole = float(np.nanmax(image)) if np.isfinite(image).any() else limits[1]
    if whole > limits[1]:
        shown += f"; the brightest pixel of the image has {whole:.3g}"
    st.caption(controls.escape(shown))
    figure = sky_image(
        image, info, view.style, contours=levels, noise=noise, extent=extent,
        limits=limits, beam_shape=catalogue.beam_shape(row),
    )  # fmt: skip
    alt = f"Image of {galaxies.name_of(catalogue.table, row)}, offsets in arcsec"
    offer_figure("inspect_image", alt, figure)
    st.plotly_chart(
        figure,
        key="inspect_image",
        alt=alt,
        config={"displaylogo": False, "modeBarButtonsToRemove": ["autoScale2d"]},
    )
    ny, nx = catalogue.images.shape[1:]
    st.html(
        detail.facts_html(
            [
                ("Data set", info.title),
                *_plane_fact(catalogue),
                ("Identifier", str(catalogue.table["source_id"].iat[row])),
                ("Image", f"{nx} × {ny} pixels of {info.pixel_scale:g} arcsec"),
                ("Beam", beam_text(catalogue.beam_shape(row))),
                ("Frequency", f"{info.frequency:g} GHz" if info.frequency else "unknown"),
                ("Pixel values", info.bunit or "uncalibrated grey levels"),
                ("Noise", noise_text(catalogue, row, noise)),
                *_beam_fact(catalogue, row),
                ("Terms", info.licence or "not stated"),
            ]
        )
    )


def _plane_fact(catalogue: Catalogue) -> list[tuple[str, str]]:
    """Which of several images of the source this is."""
    return [("Band or epoch", catalogue.planes[catalogue.plane])] if catalogue.planes else []


def noise_text(catalogue: Catalogue, row: int, noise: Noise) -> str:
    """The noise that an image is measured with, and where it is from."""
    unit = catalogue.info.bunit or "grey levels"
    if not noise.sigma > 0:
        return "unknown"
    text = f"{noise.sigma:.3g} {unit}"
    if not stated_noise(catalogue)[row] > 0:
        return f"{text}, measured in the image"
    if noise.clipped:
        return f"{text}, as stated with the image"
    own = noise.sigma / noise.ratio
    warn = "; they differ by more than a factor of 2" if not 0.5 <= noise.ratio <= 2 else ""
    return f"{text}, as stated with the image, where {own:.3g} is measured{warn}"


def _beam_fact(catalogue: Catalogue, row: int) -> list[tuple[str, str]]:
    """Whether the pixels are corrected for the primary beam, where it is known."""
    table = catalogue.table
    state = str(table["primary_beam"].iat[row])
    response = table[RESPONSE].to_numpy(float)[row] if RESPONSE in table else np.nan
    if not state and not np.isfinite(response):
        return []
    text = f"pixels {state}" if state else "unknown whether pixels are corrected"
    if np.isfinite(response):
        text += f"; response {response:.3g} at the source"
    return [("Primary beam", text)]


def _chosen_contours(image: np.ndarray, noise: Noise) -> tuple[float, ...]:
    """Contour levels in sigma, none while they are switched off; a wrong text is an error."""
    if not st.toggle("Contours", key="contours", persist_state="session"):
        return ()
    text = st.text_input(
        "Levels [σ]", DEFAULT, key="contour_levels", persist_state="session", width=190,
        help="Multiples of the noise of this image; three dots continue by the last ratio.",
    )  # fmt: skip
    finite = image[np.isfinite(image)]
    highest = float(finite.max()) / noise.sigma if len(finite) and noise.sigma > 0 else 0.0
    try:
        return parse_levels(text, highest + CLIP_SIGMA)
    except ImageError as error:
        st.error(controls.escape(str(error)))
        return ()


def _chosen_mask(catalogue: Catalogue, row: int) -> Extent | None:
    """Which pixels belong to the source, where the reader wants to see it."""
    shown = st.toggle(
        "Mask", key="inspect_mask", persist_state="session",
        help="Outlines the pixels above 3 sigma that are measured as this source.",
    )  # fmt: skip
    return extent_of(catalogue, row) if shown else None


def _mask_text(extent: Extent) -> str:
    if not extent.mask.any():
        return "No mask: nothing above 3σ is held to be this source."
    text = f"Outlined: {int(extent.mask.sum()):,} pixels of the source"
    others = int(extent.others.sum())
    return text + (f"; dotted: {others:,} pixels held to be of other sources." if others else ".")


def _chosen_limits(image: np.ndarray, info: SurveyInfo, view: View) -> tuple[float, float]:
    """Pixel values drawn darkest and brightest."""
    how = st.selectbox(
        "Colour limits", list(LIMITS), format_func=LIMITS.__getitem__, key="colour_limits",
        persist_state="session", width=130,
        help="Of the pixels in the field of view; a percentage leaves out the brightest.",
    )  # fmt: skip
    found = colour_limits(image, info, view.style, str(how))
    if how != "values":
        return found
    ends = []
    for word, value in zip(("Lowest", "Highest"), found, strict=True):
        ends.append(
            st.number_input(
                word,
                value=value,
                format="%.3g",
                step=max(abs(found[1] - found[0]) / 20, 1e-12),
                key=f"colour_{word.lower()}",
                width=130,
            )
        )
    if ends[0] >= ends[1]:
        st.error(
            f"The lowest colour value is {ends[0]:.3g} and the highest {ends[1]:.3g}; "
            "the highest must be larger."
        )
        return found
    return ends[0], ends[1]


def facts_panel(catalogue: Catalogue, row: int, pair: Pair, view: View) -> None:
    """Actions, position, catalogued and measured properties."""
    with st.container(horizontal=True, gap="small"):
        detail.tray_button(pair, key="inspect_tray")
        if st.button("Show on the map", icon=":material/scatter_plot:", key="inspect_map"):
            state.set_focus(*pair)
            st.switch_page(controls.LATENT_MAP)
        detail.page_buttons(pair, key="inspect")
        with st.popover("Export", icon=":material/download:", key="inspect_export"):
            selection = state.Selection([pair])
            tray.export_buttons(selection, view.model, key="inspect", note="one galaxy")
    detail.show_position(catalogue, row)
    draw_labels(pair, key="inspect")
    st.html(detail.facts_html(galaxies.galaxy_facts(catalogue, row, measured=False)))
    if disagreement := galaxies.size_disagreement(catalogue, row):
        st.warning(controls.escape(disagreement), icon=":material/straighten:")
    if joined := galaxies.joined_facts(catalogue, row):
        st.caption("In matched catalogues")
        st.html(detail.facts_html(joined))
    if measured := galaxies.galaxy_facts(catalogue, row, measured=True):
        st.caption("Measured in the image")
        st.html(detail.facts_html(measured))
        if any(name.startswith("Complexity") for name, _ in measured):
            beam = catalogue.info_of(row).beam
            if is_extrapolated(beam):
                st.caption(
                    "Sizes are on the scale of catalogues of FIRST, which was found at a beam of "
                    f"5.4 arcsec. This beam is {f'{beam:.3g} arcsec' if beam else 'unknown'}, so "
                    "that here the scale is an extrapolation."
                )
            st.caption(
                "Complexity: bytes of the coarse-grained image after compression; more for "
                "irregular structure (Segal et al. 2019)"
            )


def neighbours_panel(pair: Pair, view: View) -> None:
    """The nearest galaxies in latent space."""
    if not controls.has_map(view) or view.model is None:
        return
    located = cache.located(pair[0], view.model)
    ids, distances = layers.nearest_in_latents(located, pair[1], 12)
    st.caption("Nearest in the latent space of the current encoder (Euclidean distance)")
    cells = galaxies.galaxy_cells([(pair[0], s) for s in ids], view.style)
    gallery_tools.galaxy_gallery(
        [gallery.with_note(c, f"d = {d:.3g}") for c, d in zip(cells, distances, strict=True)],
        view.style,
        key="neighbours",
        label="Nearest galaxies in latent space",
        in_tray=state.tray().__contains__,
        on_open=lambda neighbour: state.set_focus(*neighbour),
        on_collect=detail.toggle_tray,
    )


def map_place_panel(pair: Pair, view: View) -> None:
    """The galaxy on the latent map of its data set."""
    if not controls.has_map(view) or view.model is None:
        return
    layouts = layers.layouts_of(cache.located(pair[0], view.model))
    layout = st.session_state.get("layout")
    layout = layout if layout in layouts else next(iter(layouts))
    shown = layers.map_view([pair[0]], view.model, layout)
    if event := new_event("place_map"):
        layers.apply_event(event, shown, "place_map")
        if event.kind == "click":
            st.rerun()
    scatter_map(
        layers.map_points(shown, map_colours(shown)[0], view.style, model_title=view.model),
        key="place_map",
        height="420px",
    )


def header_panel(catalogue: Catalogue, row: int) -> None:
    """The FITS header that the image came with."""
    header = galaxies.header_of(catalogue, row)
    if header:
        st.code(header, language=None, height=360)
        return
    st.caption(
        f"{controls.escape(catalogue.info.title)} has no FITS headers. An exported file has a WCS "
        "computed from the position and the pixel size."
    )
