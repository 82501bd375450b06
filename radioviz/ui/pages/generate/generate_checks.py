"""Generate: is an image a copy of a training image; the same latent vector as each class."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import streamlit as st

from radioviz import metrics
from radioviz.encode.generation import sigma_clipped
from radioviz.errors import CatalogueError, ModelError, RadioVizError
from radioviz.models.artefact import ModelInfo
from radioviz.models.registry import decoders
from radioviz.ui import (
    cache,
    class_probabilities,
    controls,
    detail,
    edit_panel,
    galaxies,
    synthetic,
)
from radioviz.ui.charts import plotly_charts, profile_chart
from radioviz.ui.controls import View
from radioviz.ui.in_line import in_line
from radioviz.ui.pages.generate.state import GeneratedBatch, generate_state

TWINS = 6  # pairs at a time, as in Fig. 11 of Bastien et al. 2021


def memorisation_panel(batch: GeneratedBatch, view: View) -> None:
    """The training image nearest to the chosen one, and whether it is a copy."""
    i = batch.chosen
    if not batch.info.training.get("data"):
        st.caption("The card of this model does not name its training data.")
        return
    for key in batch.info.training["data"]:
        with suppress(CatalogueError):  # those that are not here are named below
            controls.open_with_progress(key)  # not in line, where others would wait for it
    with in_line("Comparing with every training image", 16, "generate_copies") as progress:
        learned = cache.training(batch.info.name, progress)
        if not len(learned.pairs):
            st.caption(
                "Its training data is not installed: "
                + controls.escape(", ".join(learned.missing))
                + ". The Overview explains how to get it."
            )
            return
        distances, rows = metrics.nearest(batch.images, learned.images, progress=progress)
    copies = int((distances < learned.threshold).sum())
    pair = learned.pairs[rows[i]]
    catalogue, row = galaxies.row_of(pair)
    left, middle, right = st.columns([1, 1, 1.6], gap="medium")
    left.html(
        synthetic.picture_html(
            batch.images[i], synthetic.decoded_field(batch.info), view.style, alt="Generated"
        )
    )
    left.caption(f"Generated, number {int(batch.made.indices[i])}")
    middle.html(
        synthetic.picture_html(
            learned.images[rows[i]],
            batch.info.preprocess.output_scale_arcsec(catalogue.info_of(row))
            * len(learned.images[0]),
            view.style,
            alt=galaxies.name_of(catalogue.table, row),
            mark="",
        )
    )
    middle.caption(controls.escape(f"Nearest: {galaxies.name_of(catalogue.table, row)}"))
    with right:
        if distances[i] < learned.threshold:
            st.markdown(
                "**Practically a copy:** 99 % of the training galaxies are farther from their "
                "nearest neighbour than this image is from one of them."
            )
        else:
            st.markdown(
                "**Not a copy:** at least 1 % of the training galaxies have a nearer neighbour "
                "than this image."
            )
        st.html(
            detail.facts_html(
                [
                    ("Distance", f"{distances[i]:.3f}"),
                    ("1st percentile among training images", f"{learned.threshold:.3f}"),
                    ("Below it in this batch", f"{copies} of {len(batch)}"),
                    ("Compared with", f"{len(learned.pairs):,} training images, eight views each"),
                ]
            )
        )
        if st.button("Inspect", icon=":material/center_focus_strong:", key="generate_inspect"):
            controls.go_inspect(pair)
        if learned.aside:
            st.caption(
                f"Without {learned.aside:,} images that were set aside for a judge of generated "
                "galaxies: this generator did not learn from them."
            )
        if learned.missing:
            st.caption("Not installed: " + controls.escape(", ".join(learned.missing)))


def change_panel(batch: GeneratedBatch, view: View) -> None:
    """The chosen image moved to another class or size, or a part of it filled in."""
    i = batch.chosen

    def image_for(info: ModelInfo) -> np.ndarray:
        if info.preprocess != batch.info.preprocess:
            raise ModelError(
                f"model '{info.name}' needs images of other preprocessing than '{batch.info.name}'"
            )
        return np.asarray(batch.images[i], np.float32)

    st.caption("The chosen image. The controls at the top chose it, and have no effect here.")
    name = f"Generated, {batch.title(i)}"
    edit_panel.edit_panel(image_for, name, batch.made.labels[i], view, mark=synthetic.MARK)


def twins_panel(batch: GeneratedBatch, view: View) -> None:
    """The same latent vector as FRI and as FRII, with the profile along the principal axis."""
    from radioviz.encode.generation import classes_of, own_guidance

    if not batch.info.can("class"):
        able = [m.title for m in decoders(cache.models()).values() if m.can("class")]
        st.info(
            f"{controls.escape(batch.info.title)} has no classes, so its images have no twins. "
            + (f"Choose {controls.escape(able[0])}." if able else "Train `python -m train cvae`."),
            icon=":material/compare:",
        )
        return
    rows = list(dict.fromkeys([batch.chosen, *sorted(generate_state().picks)]))[:TWINS]
    requested = np.asarray(batch.made.sizes, np.float32)[rows]
    size = requested if np.isfinite(requested).all() else None
    slices = len(classes_of(batch.info))
    with in_line("Decoding twins", slices, "generate_twins") as progress:
        made = cache.twins(batch.info.name, batch.made.latents[rows], size, progress)
    if batch.clipped:
        made = {c: sigma_clipped(v) for c, v in made.items()}
    verdicts = _verdicts(made)
    st.caption(
        "One latent vector decoded as each class, with the brightness along the principal axis "
        "(Bastien et al. 2021, Fig. 11). The chosen image comes first, then the picked ones. "
        + "This generator's latent vector is signal to noise and direction: its twins start from "
        "one noise, not from that of the picture, and have its own guidance. "
        * (own_guidance(batch.info) is not None)
        + controls.escape(agreement_text(verdicts))
    )
    scale, width = synthetic.pixel_scale(batch.info), synthetic.decoded_field(batch.info)
    for at, i in enumerate(rows):
        places = st.columns([*([1] * len(made)), 1.7], gap="medium")
        profiles = {}
        for place, (label, images) in zip(places, made.items(), strict=False):
            place.html(
                synthetic.picture_html(
                    images[at], width, view.style, alt=f"{batch.title(i)} as {label}"
                )
            )
            text = f"Number {batch.made.indices[i]} as {label}"
            if label in verdicts:
                found, share = verdicts[label][at]
                text += f" · classified {found}, {share:.0%}"
            place.caption(controls.escape(text))
            profiles[label] = images[at]
        with places[-1]:
            chart = profile_chart.profiles(profiles, scale, synthetic.BEAM)
            alt = f"Profile of {' and '.join(profiles)}"
            plotly_charts.draw(chart, f"generate_profile_{at}", alt, height=230)


def _verdicts(made: dict[str, np.ndarray]) -> dict[str, list[tuple[str, float]]]:
    """Class and probability of each twin, by requested class that the classifier knows."""
    name = class_probabilities.shown_classifier()
    if name is None:
        return {}
    try:
        found = class_probabilities.classify_images(name, np.concatenate(list(made.values())))
    except RadioVizError:
        return {}
    n = len(next(iter(made.values())))
    likeliest = [class_probabilities.likeliest_class(found, i) for i in range(n * len(made))]
    return {label: likeliest[i * n : (i + 1) * n] for i, label in enumerate(made) if label in found}


def agreement_text(verdicts: dict[str, list[tuple[str, float]]]) -> str:
    """How many twins have the class that they were decoded as, in a sentence; empty of none."""
    total = sum(len(each) for each in verdicts.values())
    if not total:
        return ""
    of = " or ".join(verdicts) + " image"
    right = sum(found == label for label, each in verdicts.items() for found, _ in each)
    if right == total:
        return f"The classifier gives every {of} the class that it was decoded as."
    return (
        f"The classifier gives {right} of {total} {of}s the class that they were decoded as: the "
        "others do not have the profile of their class."
    )
