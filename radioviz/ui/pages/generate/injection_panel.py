"""Generate: galaxies added to an image of the reader's own, and which of them are found again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import partial
from typing import IO, TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.api import confined
from radioviz.jobs.progress import Progress
from radioviz.store.spreadsheets import safe_csv
from radioviz.ui import cache, controls, synthetic
from radioviz.ui.controls import View
from radioviz.ui.exports.export_panel import export_button, whole
from radioviz.ui.in_line import in_line
from radioviz.ui.pages.generate.field_widgets import binned, choose_population, draw_recovery
from radioviz.ui.pages.generate.state import GeneratedBatch
from radioviz.ui.state import page_state

if TYPE_CHECKING:
    from radioviz.mock_fields.settings import FieldSettings
    from radioviz.mock_fields.templates import Templates

MOST_MEGABYTES = 128


@dataclass
class InjectionState:
    """The image that a session has added galaxies to."""

    of: str = ""  # file, extension and settings
    settings: FieldSettings | None = None  # with those of the image
    truth: pd.DataFrame = field(default_factory=pd.DataFrame)
    recovery: pd.DataFrame = field(default_factory=pd.DataFrame)
    selection: pd.DataFrame = field(default_factory=pd.DataFrame)
    # The image with the galaxies, binned, float32 Jy/beam.
    picture: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))


def injection_panel(batch: GeneratedBatch, view: View) -> None:
    """The image, what is added, which of it photutils finds, and the files."""
    from radioviz.mock_fields.settings import FieldSettings

    st.caption(
        "Generated galaxies at random places of an observed image, convolved with its beam: its "
        "noise and artefacts stay. Which of them a finder finds is its selection function."
    )
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    file = left.file_uploader(
        "FITS image in Jy/beam with WCS and beam", type=["fits", "fit", "gz"], key="inject_file",
        max_upload_size=MOST_MEGABYTES, help="Kept in this session only",
    )  # fmt: skip
    extension = right.number_input(
        "Extension", 0, 999, None, key="inject_extension", placeholder="the only image",
        help="Number of the image in a file that holds several",
    )  # fmt: skip
    settings = FieldSettings(
        model=batch.info.name, candidates=batch.made.request.candidates,
        **choose_population(batch, counted=True),
    )  # fmt: skip
    if file is None:
        return
    payload, name = file.getvalue(), file.name
    of = repr((hashlib.sha256(payload).hexdigest(), extension, settings))
    held = page_state(InjectionState)
    if st.button("Add and find", icon=":material/playlist_add:", key="inject_go", type="primary"):
        _add(payload, name, extension, settings, held, of)
    if held.settings is None:
        return
    if held.of != of:
        st.info("File or settings have changed: add the galaxies again.")
        return
    _show(held, held.settings, payload, name, extension, view)


def _templates(settings: FieldSettings, progress: Progress) -> Templates:
    from radioviz.mock_fields.templates import make_templates

    labels = [label for label, share in settings.shares.items() if share > 0]
    return make_templates(settings, labels, progress, cache.generator(settings.model))


def _add(
    payload: bytes, name: str, extension: int | None, settings: FieldSettings,
    held: InjectionState, of: str,
) -> None:  # fmt: skip
    from radioviz.mock_fields import recovery

    slices = 20 + settings.templates * (len(settings.shares) - 1) // 16 * 2
    with in_line("Adding galaxies", slices, "inject", of, asked=True) as progress:

        def cancelled() -> bool:
            progress(0, 1, "finding sources")
            return False

        templates = _templates(settings, progress)
        truth, found, image, full = confined.galaxies_found(
            payload, name, extension, settings, templates, cancelled
        )
    held.of, held.settings, held.truth, held.picture = of, full, truth, binned(image)
    held.recovery = recovery.by_flux(truth, found, full.beam, full.pixel)
    held.selection = recovery.selection_function(truth, truth["found"].to_numpy(bool))


def _show(
    held: InjectionState, settings: FieldSettings, payload: bytes, name: str,
    extension: int | None, view: View,
) -> None:  # fmt: skip
    truth = held.truth
    left, right = st.columns([1, 1.1], gap="large")
    with left:
        noise = settings.rms / 1000 or 1.0
        shown = np.nan_to_num((held.picture + noise) / (30 * noise))
        width = settings.pixel * settings.width
        st.html(synthetic.picture_html(shown, width, view.style, alt=f"{name} with added galaxies"))
        st.caption(
            f"{controls.escape(name)}: {len(truth):,} galaxies added, "
            f"{int(truth['found'].sum()):,} found. Noise {settings.rms:.3g} mJy/beam, beam "
            f"{settings.beam.major:.3g}″ by {settings.beam.minor:.3g}″. Colours from −1 to 29 "
            "times the noise."
        )
    with right:
        draw_recovery(held.recovery, held.selection, "inject_recovery")
        st.caption(
            "Islands that the image had before, and that are not brighter by half now, are left "
            "out of both."
        )

    def write(file: IO[bytes], progress: Progress) -> None:
        templates = _templates(settings, progress)
        file.write(confined.with_galaxies(payload, name, extension, settings, templates))

    stem = name.removesuffix(".gz").rpartition(".")[0] or name
    with st.container(horizontal=True, gap="small"):
        export_button("Image (FITS)", f"{stem}-with-galaxies.fits", write, key="inject_fits",
                      slices=20)  # fmt: skip
        tables = {"Truth": truth, "Completeness": held.recovery, "Selection": held.selection}
        for title, table in tables.items():
            export_button(
                f"{title} (CSV)", f"{stem}-{title.lower()}.csv",
                whole(partial(_csv, table)), key=f"inject_{title}",
            )  # fmt: skip
    st.caption(
        "The image is marked as simulated. For another finder: run it on the FITS file, then "
        "`radioviz recover IMAGE TRUTH FOUND`. Larger images: `radioviz inject`."
    )


def _csv(table: pd.DataFrame) -> str:
    return safe_csv(table)
