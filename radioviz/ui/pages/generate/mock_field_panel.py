"""Generate: a simulated field with its truth catalogue, and what a source finder makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.api import confined
from radioviz.errors import FieldError
from radioviz.images.known_surveys import Beam
from radioviz.jobs.progress import Progress
from radioviz.store.spreadsheets import safe_csv
from radioviz.ui import cache, synthetic
from radioviz.ui.controls import View
from radioviz.ui.exports.export_job import most_bytes
from radioviz.ui.exports.export_panel import export_button, whole
from radioviz.ui.in_line import in_line
from radioviz.ui.pages.generate.batch_lines import injection_script, mock_field_script
from radioviz.ui.pages.generate.field_widgets import (
    Recovered,
    Recoveries,
    binned,
    choose_population,
    recovered,
    recovery_panel,
)
from radioviz.ui.pages.generate.injection_panel import InjectionState, injection_panel
from radioviz.ui.pages.generate.state import GeneratedBatch
from radioviz.ui.state import page_state

if TYPE_CHECKING:
    from radioviz.mock_fields.finder_catalogue import FinderCatalogue
    from radioviz.mock_fields.settings import FieldSettings
    from radioviz.ui.code.script import Script

MOST_DRAWN = 4096 * 4096
"""Pixels of a field that is drawn and searched on the page; larger ones are only written."""

MOST_WRITTEN = 32_768
"""Pixels of a side on the page; the command draws larger fields."""

SIMULATED, OWN = "a simulated sky", "an image of yours"

_PRESETS = {
    "FIRST": (1.8, 5.4, 0.15, 1.4),
    "NVSS": (15.0, 45.0, 0.45, 1.4),
    "LoTSS": (1.5, 6.0, 0.08, 0.144),
    "EMU": (2.0, 15.0, 0.025, 0.943),
    "VLASS": (1.0, 2.5, 0.12, 3.0),
}
"""Pixel [arcsec], beam [arcsec], noise [mJy/beam] and frequency [GHz] of surveys, rounded."""


@dataclass
class MockFieldState:
    """The field that a session has drawn."""

    settings: FieldSettings | None = None
    truth: pd.DataFrame = field(default_factory=pd.DataFrame)
    found: Recoveries = field(default_factory=Recoveries)  # nothing without sources
    # The field, binned, float32 Jy/beam.
    picture: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))


def mock_field_panel(batch: GeneratedBatch, view: View) -> None:
    """A simulated field, or galaxies added to an image of the reader's own."""
    if not batch.info.can("class"):
        st.info("This generator has no classes; choose one that has.", icon=":material/blur_on:")
        return
    from radioviz.encode.generation import own_guidance, selects

    used = "the generator" + ", its selection" * selects(batch.info)
    if selects(batch.info) or own_guidance(batch.info) is not None:
        used += " and guidance"
    st.caption(
        f"This tab takes {used} from the controls at the top; classes, sizes, numbers and seed are "
        "its own."
    )
    into = st.segmented_control(
        "Galaxies go into", [SIMULATED, OWN], default=SIMULATED, key="field_into", required=True
    )
    if into == OWN:
        injection_panel(batch, view)
    else:
        _simulated_panel(batch, view)


def _simulated_panel(batch: GeneratedBatch, view: View) -> None:
    """Settings, cost, the drawn field, its files, completeness and reliability."""
    st.caption(
        "Generated galaxies at random places of a simulated sky, convolved with a beam, with noise "
        "correlated by it. Fluxes and positions are known, so that a source finder can be tested."
    )
    settings = _choose(batch)
    st.markdown(f"**{settings.cost()}**")
    limit = most_bytes() / 4
    if settings.image_bytes > limit:
        raise FieldError(
            f"the image takes {settings.image_bytes / 1e9:,.1f} GB, and a download here has at "
            f"most {limit / 1e9:,.1f} GB. Choose fewer pixels, or use `radioviz mock-field`"
        )
    held = page_state(MockFieldState)
    small = settings.width * settings.height <= MOST_DRAWN
    with st.container(horizontal=True, gap="small"):
        drawn = st.button(
            "Draw the field", icon=":material/landscape:", key="field_draw", disabled=not small,
            type="primary",
        )  # fmt: skip
        _export(settings)
    if not small:
        st.caption(
            f"Fields of more than {MOST_DRAWN:,} pixels are written, but not shown here: download "
            "them, or use `radioviz mock-field` and `radioviz recover`."
        )
        return
    # A run that is ended while it draws, or cancelled, is offered again.
    if drawn or st.session_state.get("field_running") == repr(settings):
        st.session_state["field_running"] = repr(settings)
        _draw(settings, held, drawn)
        st.session_state["field_running"] = ""
    if held.settings is None:
        return
    if held.settings != settings:
        st.info("The settings have changed; this is the field drawn before.")
    _show(held, held.settings, view)


def drawn_script() -> Script | None:
    """The field, or the image with galaxies, that this session has drawn; None before."""
    if st.session_state.get("field_into") == OWN:
        held = page_state(InjectionState)
        if held.asked is None:
            return None
        return injection_script(*held.asked, searched=held.searched is not None)
    settings = page_state(MockFieldState).settings
    return None if settings is None else mock_field_script(settings)


def _choose(batch: GeneratedBatch) -> FieldSettings:
    """The controls; a FieldSettings."""
    from radioviz.mock_fields.settings import FieldSettings

    first = st.columns(5, vertical_alignment="bottom")
    survey = first[0].selectbox("Like", list(_PRESETS), key="field_survey")
    pixel, beam, rms, frequency = _PRESETS[survey]
    # Another survey is other widgets, so that each begins with its own numbers.
    pixel = first[1].number_input("Pixel [″]", 0.05, 120.0, pixel, key=f"field_pixel_{survey}")
    beam = first[2].number_input("Beam FWHM [″]", 0.1, 600.0, beam, key=f"field_beam_{survey}")
    rms = first[3].number_input(
        "Noise [mJy/beam]", 0.0, 1000.0, rms, format="%.4g", key=f"field_rms_{survey}"
    )
    side = first[4].number_input("Side [pixels]", 128, MOST_WRITTEN, 1024, 128, key="field_side")
    return FieldSettings(
        width=int(side), height=int(side), pixel=float(pixel), beam=Beam(float(beam), float(beam)),
        rms=float(rms), frequency=frequency, **choose_population(batch),
    )  # fmt: skip


def _slices(settings: FieldSettings) -> int:
    """Half seconds that a field takes, roughly."""
    galaxies = settings.templates * (len(settings.shares) - 1)
    return (
        2 + galaxies // 16 * 2 + settings.count // 200 + settings.width * settings.height // 2**22
    )


def _export(settings: FieldSettings) -> None:
    from radioviz.mock_fields.field import Painter, write_archive
    from radioviz.mock_fields.population import draw_sources

    def write(file: IO[bytes], progress: Progress) -> None:
        templates = cache.templates(settings, progress)
        painter = Painter.of(settings, draw_sources(settings), progress, templates)
        write_archive(file, f"mock-field-seed{settings.seed}", painter, progress)

    export_button(
        "All files (ZIP)", f"radioviz-mock-field-seed{settings.seed}.zip", write,
        key="field_zip", slices=_slices(settings),
    )  # fmt: skip


def _draw(settings: FieldSettings, held: MockFieldState, asked: bool) -> None:
    """Draw the field, find its sources again, and keep both."""
    from radioviz.mock_fields import recovery
    from radioviz.mock_fields.field import Painter, draw_field
    from radioviz.mock_fields.population import draw_sources

    slices = _slices(settings)
    with in_line("Drawing the field", slices, "field", repr(settings), asked=asked) as progress:
        templates = cache.templates(settings, progress)
        painter = Painter.of(settings, draw_sources(settings), progress, templates)
        image = np.empty((settings.height, settings.width), np.float32)

        def keep(start: int, strip: np.ndarray) -> None:
            image[start : start + len(strip)] = strip

        truth = draw_field(painter, keep, progress)
        found = recovery.find_sources(
            image, settings.beam, settings.pixel, rms=settings.rms or None, progress=progress
        )
    held.settings, held.truth, held.picture = settings, truth, binned(image)
    every = found.assign(new=True)
    held.found = Recoveries(recovered(truth, every, settings) if len(truth) else None)


def _show(held: MockFieldState, settings: FieldSettings, view: View) -> None:
    from radioviz.mock_fields.field import blurred_words

    truth = held.truth

    def match(finder: FinderCatalogue) -> Recovered:
        found, notes = confined.found_by(finder, settings, truth)
        return recovered(truth, found.assign(new=True), settings, finder, notes)

    left, right = st.columns([1, 1.1], gap="large")
    with left:
        noise = settings.rms / 1000 or float(np.abs(held.picture).max()) / 1000 or 1.0
        picture = (held.picture + noise) / (30 * noise)
        blurred = blurred_words(truth, settings.beam)
        st.html(
            synthetic.picture_html(
                picture, settings.pixel * settings.width, view.style, alt="Mock field"
            )
        )
        st.caption(
            f"Colours from −1 to 29 times {1000 * noise:.3g} mJy/beam. "
            f"{len(truth):,} sources{blurred}, seed {settings.seed}."
        )
    with right:
        if held.found.photutils is None:
            st.caption("Without sources there is nothing to find.")
            return
        shown = recovery_panel(held.found, "field", settings.beam.fwhm, match)
    with st.container(horizontal=True, gap="small"):
        export_button(
            "Truth (CSV)", f"mock-field-seed{settings.seed}.truth.csv",
            whole(lambda: safe_csv(truth)), key="field_truth",
        )  # fmt: skip
        export_button(
            "Completeness (CSV)", f"mock-field-seed{settings.seed}.completeness.csv",
            whole(lambda: safe_csv(shown.by_flux)), key="field_rates",
        )  # fmt: skip
        export_button(
            "Selection (CSV)", f"mock-field-seed{settings.seed}.selection.csv",
            whole(lambda: safe_csv(shown.selection)), key="field_selection",
        )  # fmt: skip
    st.caption(
        "The ZIP holds the image (FITS, Jy/beam, WCS), the truth catalogue (FITS, VOTable) and DS9 "
        "regions."
    )
