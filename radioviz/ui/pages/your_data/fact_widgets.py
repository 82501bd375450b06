"""The import form: widgets for facts instead of those in files, and about several images."""

from __future__ import annotations

from typing import Any

import streamlit as st

from radioviz.ui.pages.your_data.import_draft import begin_widget
from radioviz.ui.pages.your_data.state import your_data_state

FACTS = {
    "survey": "Survey",
    "pixel_scale": "Pixel scale [arcsec]",
    "beam": "Beam, FWHM [arcsec], or unknown",
    "frequency": "Frequency [GHz], or unknown",
    "bunit": "Unit of the pixels",
    "pixels": "Side of the stored images [pixels]",
    "extension": "Image of FITS files (name or number)",
    "plane": "Plane of cubes (I, 1.4 GHz, a number from 0, or all)",
}
SEVERAL: dict[str, tuple[str, dict[str, str]]] = {
    "group": (
        "Images of one source in several files",
        {
            "": "each file is a source",
            "name": "grouped by file name",
            "position": "grouped by position",
            "column": "grouped by columns of the table",
            "extensions": "one in each extension",
        },
    ),
    "bands": ("Names of the bands or epochs, in order (FIRST, NVSS; or e1=1.1|1.2)", {}),
    "band_column": (
        "Column with the band of each image, or columns of files: g=file_g, r=file_r",
        {},
    ),
    "source_column": ("Column with the source of each image (else: by position)", {}),
    "missing": ("Sources without one of them", {"": "kept, NaN", "refuse": "refused"}),
    "align": ("Bands of another piece of sky", {"": "refused", "resample": "moved onto the first"}),
}
"""Questions about several images of one source: label, and titles by answer."""
PRIMARY_BEAM = {"": "as found", "corrected": "corrected", "uncorrected": "not corrected"}
NOISE = {"": "as found", "yes": "in the images", "no": "removed"}


def override_facts(token: str) -> dict[str, Any]:
    """Widgets for facts that hold instead of those in the files."""
    questions = your_data_state().questions.get(token, {})
    given: dict[str, Any] = {}
    with st.expander("Override header values", icon=":material/edit:"):
        for key, label in FACTS.items():
            if key not in questions:
                text = st.text_input(label, key=begin_widget(f"fact_{key}_{token}", ""))
                given[key] = text.strip()
        if "raw" not in questions:
            given["raw"] = st.selectbox(
                "Noise",
                list(NOISE),
                format_func=NOISE.__getitem__,
                key=begin_widget(f"fact_raw_{token}", "", NOISE),
            )
        given["primary_beam"] = st.selectbox(
            "Primary beam",
            list(PRIMARY_BEAM),
            format_func=PRIMARY_BEAM.__getitem__,
            key=begin_widget(f"fact_primary_beam_{token}", "", PRIMARY_BEAM),
        )
    return {key: value for key, value in given.items() if value}


def several_images(token: str) -> dict[str, Any]:
    """Widgets about bands or epochs that are kept as images of one source."""
    asked = your_data_state().questions.get(token, {})
    given: dict[str, Any] = {}
    with st.expander("Bands or epochs of one source", icon=":material/layers:"):
        for key, (label, titles) in SEVERAL.items():
            name = f"several_{key}_{token}"
            if key in asked:
                continue
            if titles:
                given[key] = st.selectbox(
                    label, list(titles), format_func=titles.__getitem__,
                    key=begin_widget(name, "", titles),
                )  # fmt: skip
            else:
                given[key] = st.text_input(label, key=begin_widget(name, "")).strip()
    return {key: value for key, value in given.items() if value}
