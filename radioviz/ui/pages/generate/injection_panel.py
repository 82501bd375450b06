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
from radioviz.models.registry import encoders
from radioviz.store.spreadsheets import safe_csv
from radioviz.ui import cache, controls, synthetic
from radioviz.ui.controls import View
from radioviz.ui.exports.export_panel import export_button, whole
from radioviz.ui.in_line import in_line
from radioviz.ui.pages.generate.field_widgets import (
    MOST_MEGABYTES,
    Recovered,
    Recoveries,
    binned,
    choose_population,
    percent_column,
    recovered,
    recovery_panel,
)
from radioviz.ui.pages.generate.state import GeneratedBatch
from radioviz.ui.state import page_state

if TYPE_CHECKING:
    from radioviz.mock_fields.finder_catalogue import FinderCatalogue
    from radioviz.mock_fields.settings import FieldSettings

SURVEY = "first"
"""Data set with classes that added galaxies are searched for in."""


@dataclass
class InjectionState:
    """The image that a session has added galaxies to."""

    of: str = ""  # file, extension and settings
    asked: tuple[str, int | None, FieldSettings] | None = None  # the same, of what is shown
    settings: FieldSettings | None = None  # with those of the image
    found: Recoveries = field(default_factory=Recoveries)
    # searched, searched_of: what search and outlier scores say of them, and of which finder's
    searched: pd.DataFrame | None = None
    searched_of: str = ""
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
    settings = FieldSettings(**choose_population(batch, counted=True))
    held = page_state(InjectionState)
    held.asked = None
    if file is None:
        return
    seen = _Seen(file.getvalue(), file.name, extension, settings)
    if st.button("Add and find", icon=":material/playlist_add:", key="inject_go", type="primary"):
        found, image, held.settings = seen.found()
        held.of, held.picture = seen.of, binned(image)
        held.found, held.searched, held.searched_of = Recoveries(found), None, ""
    if held.settings is None:
        return
    if held.of != seen.of:
        st.info("File or settings have changed: add the galaxies again.")
        return
    held.asked = seen.name, seen.extension, seen.settings
    _show(held, held.settings, seen, view)


@dataclass(frozen=True)
class _Seen:
    """An upload, and what is added to it."""

    payload: bytes
    name: str
    extension: int | None
    settings: FieldSettings

    @property
    def of(self) -> str:
        digest = hashlib.sha256(self.payload).hexdigest()
        return repr((digest, self.extension, self.settings))

    def found(
        self, finder: FinderCatalogue | None = None
    ) -> tuple[Recovered, np.ndarray, FieldSettings]:
        """What a finder found of the galaxies, the image with them, settings with those of it."""
        settings = self.settings
        slices = 20 + settings.templates * (len(settings.shares) - 1) // 16 * 2
        with in_line("Adding galaxies", slices, "inject", self.of, asked=True) as progress:

            def cancelled() -> bool:
                progress(0, 1, "finding sources")
                return False

            truth, listed, image, full, notes = confined.galaxies_found(
                self.payload, self.name, self.extension, settings,
                cache.templates(settings, progress), finder, cancelled,
            )  # fmt: skip
        return recovered(truth, listed, full, finder, notes), image, full

    def image(self) -> np.ndarray:
        """The image with the galaxies, Jy/beam, float32 ``(ny, nx)``."""
        templates = cache.templates(self.settings)
        return confined.image_with_galaxies(
            self.payload, self.name, self.extension, self.settings, templates
        )

    def write(self, file: IO[bytes], progress: Progress) -> None:
        """The image with the galaxies, as FITS."""
        templates = cache.templates(self.settings, progress)
        file.write(confined.with_galaxies(
            self.payload, self.name, self.extension, self.settings, templates
        ))  # fmt: skip


def _show(held: InjectionState, settings: FieldSettings, seen: _Seen, view: View) -> None:
    from radioviz.mock_fields.field import blurred_words

    name = seen.name
    left, right = st.columns([1, 1.1], gap="large")
    with right:
        shown = recovery_panel(
            held.found, "inject", settings.beam.fwhm, lambda finder: seen.found(finder)[0]
        )
        st.caption(
            "Sources that the image had before, and that are not brighter by half now, are left "
            "out of both."
        )
    truth = shown.truth
    blurred = blurred_words(truth, settings.beam)
    with left:
        noise = settings.rms / 1000 or 1.0
        picture = np.nan_to_num((held.picture + noise) / (30 * noise))
        width = settings.pixel * settings.width
        st.html(
            synthetic.picture_html(picture, width, view.style, alt=f"{name} with added galaxies")
        )
        st.caption(
            f"{controls.escape(name)}: {len(truth):,} galaxies added{blurred}; "
            f"{int(truth['found'].sum()):,} found. Noise {settings.rms:.3g} mJy/beam, beam "
            f"{settings.beam.major:.3g}″ by {settings.beam.minor:.3g}″. Colours from −1 to 29 "
            "times the noise."
        )

    with st.expander("Search by likeness, and outlier scores"), controls.show_errors():
        _search(held, settings, seen, shown)
    stem = name.removesuffix(".gz").rpartition(".")[0] or name
    with st.container(horizontal=True, gap="small"):
        export_button("Image (FITS)", f"{stem}-with-galaxies.fits", seen.write, key="inject_fits",
                      slices=20)  # fmt: skip
        tables = {"Truth": truth, "Completeness": shown.by_flux, "Selection": shown.selection}
        if held.searched is not None and held.searched_of == shown.of:
            tables["Search"] = held.searched
        for title, table in tables.items():
            export_button(
                f"{title} (CSV)", f"{stem}-{title.lower()}.csv",
                whole(partial(safe_csv, table)), key=f"inject_{title}",
            )  # fmt: skip
    st.caption(
        "The image is marked as simulated. Larger images: `radioviz inject`, then `radioviz "
        "recover`."
    )


def _search(held: InjectionState, settings: FieldSettings, seen: _Seen, shown: Recovered) -> None:
    """A table of how search and outlier scores see the galaxies that were found."""
    models = cache.models()
    model = next((n for n in encoders(models) if n in cache.atlas_names(SURVEY)), "")
    if not model:
        st.caption("No encoder here has a map of FIRST to search in.")
        return
    title = models[model].title
    if st.button("Encode and search", key="inject_search", icon=":material/image_search:"):
        from radioviz.mock_fields.seen_by_search import recognised

        controls.open_with_progress(SURVEY, asked=True)
        encoder = cache.encoder(model)
        first = cache.located(SURVEY, model)
        slices = len(shown.truth) // 50 + 20
        with in_line(
            f"Encoding with {title}", slices, "inject_search", seen.of, asked=True
        ) as done:
            held.searched = recognised(
                seen.image(), shown.truth, shown.listed, settings.beam, settings.pixel, encoder,
                first.atlas.latents, first.table["label"].to_numpy(str), done,
            )  # fmt: skip
        held.searched_of = shown.of
    st.caption(
        f"Each galaxy that was found is cut out there, encoded by {title}, and searched for in "
        "FIRST. Outlier scores rank it among the other sources that the finder lists."
    )
    if held.searched is None or held.searched_of != shown.of:
        return
    table = held.searched.dropna(axis=1, how="all")
    if "stranger_than_neighbours" not in table:
        st.caption(
            "No outlier scores: they need 20 or more sources in the list of the finder that lie "
            "away from all added galaxies."
        )
    shares = table.columns.difference(["class", "n"])
    titles = {"class": "Class", "n": "Found"} | {n: percent_column(*t) for n, t in _SHARES.items()}
    st.dataframe(table.assign(**100 * table[shares]), hide_index=True, column_config=titles)


_SHARES = {
    "same_class": ("Same class", "Among the first ten results"),
    "low": ("from (95 %)",),
    "high": ("to",),
    "real": ("Real ones", "The same by galaxies of FIRST itself"),
    "by_chance": ("By chance", "Share of the class in FIRST"),
    "stranger_than_neighbours": (
        "Stranger: neighbours",
        "Median share of the image's own sources that are less strange, by the distance to the 20 "
        "nearest of them",
    ),
    "stranger_than_isolation": ("Stranger: isolation", "The same by isolation forest"),
}
