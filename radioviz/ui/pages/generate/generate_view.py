"""Generate: the batch as pictures, its classes and sizes, and one image at a time."""

from __future__ import annotations

from collections import Counter

import numpy as np
import streamlit as st

from radioviz import metrics
from radioviz.metrics.resampling import wilson
from radioviz.morphology.upper_limits import limits_of
from radioviz.ui import cache, class_probabilities, controls, detail, gallery, synthetic
from radioviz.ui.charts import plotly_charts
from radioviz.ui.charts.html_bars import class_bar
from radioviz.ui.controls import View
from radioviz.ui.pages.generate.generate_controls import GENERATED, MODES
from radioviz.ui.pages.generate.state import GeneratedBatch, GeneratedCentre, generate_state
from radioviz.ui.palette import LABEL_COLOURS, MISSING_COLOUR

PAGE = 96  # pictures of a batch at a time


def pictures_panel(batch: GeneratedBatch, view: View) -> None:
    """The gallery; a click shows an image large, a plus picks it for export."""
    sizes = synthetic.size_notes(batch.measured)
    notes, colours = [], []
    for i in range(len(batch)):
        verdict = batch.verdict(i)
        notes.append(f"{verdict[0]} {verdict[1]:.0%} · {sizes[i]}" if verdict else sizes[i])
        colours.append(LABEL_COLOURS.get(verdict[0], MISSING_COLOUR) if verdict else "")
    pages = -(-len(batch) // PAGE)
    first = 0
    if pages > 1:
        first = PAGE * (int(st.number_input(f"Page of {pages}", 1, pages, key="generate_page")) - 1)
    shown = slice(first, min(first + PAGE, len(batch)))
    names = [f"{int(i)}" for i in batch.made.indices[shown]]
    cells = synthetic.synthetic_cells(
        batch.images[shown], batch.info, view.style, names, notes[shown], colours[shown]
    )
    held = generate_state()

    def row_of(pair: tuple[str, str]) -> int:
        return first + int(pair[1])

    def show(pair: tuple[str, str]) -> None:
        held.chosen = row_of(pair)

    def pick(pair: tuple[str, str]) -> None:
        held.picks.symmetric_difference_update({row_of(pair)})

    # A long gallery scrolls by itself, so that the tabs below stay near.
    with st.container(height=640 if len(cells) > 30 else "content", border=False):
        gallery.gallery(
            cells,
            key="generate_gallery",
            label="Generated galaxies",
            width=92,
            in_tray=lambda pair: row_of(pair) in held.picks,
            focus=(synthetic.DATA_SET, str(batch.chosen - first)),
            on_open=show,
            on_collect=pick,
        )
    st.caption(
        "Below each image: its number, its class by the classifier, its measured angular size. "
        "Click an image to enlarge it, **+** to pick it for export. " + batch.made.choices()
    )


def class_balance(batch: GeneratedBatch) -> None:
    """Classes of the batch by the classifier, and a warning where they are biased."""
    if not batch.probabilities:
        st.info(
            "There is no classifier here, so classes are not shown. Train one with "
            "`python -m train classifier`.",
            icon=":material/rule:",
        )
        return
    found = [
        class_probabilities.likeliest_class(batch.probabilities, i)[0] for i in range(len(batch))
    ]
    st.html(class_bar(Counter(found), "Classified as"))
    requested = batch.made.labels
    # Classes that the classifier knows: it calls none Bent or Compact.
    pairs = [(r, f) for r, f in zip(requested, found, strict=True) if r in batch.probabilities]
    if pairs:
        right = sum(r == f for r, f in pairs)
        low, high = wilson(right, len(pairs))
        known = list(dict.fromkeys(r for r, _ in pairs))
        st.caption(
            f"{right / len(pairs):.0%} of {len(pairs)} requested as {' or '.join(known)} are "
            f"classified so (95 %: {low:.0%} to {high:.0%})."
        )
        for label in known:
            mine = [f == label for r, f in pairs if r == label]
            if len(mine) >= 8 and wilson(sum(mine), len(mine))[1] < 0.8:
                st.warning(
                    f"Only {np.mean(mine):.0%} of {len(mine)} images requested as {label} are "
                    "classified so: a sample generated this way is biased."
                )
    if not any(requested) or (len(pairs) == len(batch) and len(set(requested)) > 1):
        label, count = Counter(found).most_common(1)[0]
        if wilson(count, len(batch))[0] > 0.55:
            st.warning(
                f"{count / len(batch):.0%} are classified {label}: with latent vectors "
                f"drawn {MODES[batch.made.request.mode]} the classes are not balanced. Bastien et "
                "al. 2021 (Sec. 6.4) got mostly FRII from the prior, whose centre holds compact "
                "sources, and mostly FRI by drawing uniformly. Keep this in mind before training "
                "on a sample."
            )


def batch_panel(batch: GeneratedBatch, view: View) -> None:
    """Classes and sizes of the batch against real galaxies."""
    classes, sizes = st.columns(2, gap="large")
    with classes, controls.show_errors():
        ramis_panel(batch)
    with sizes, controls.show_errors():
        sizes_panel(batch)


def ramis_panel(batch: GeneratedBatch) -> None:
    """RAMIS of the batch beside that of real held-out galaxies."""
    if not batch.probabilities or batch.classifier is None:
        return
    table = np.stack(list(batch.probabilities.values()), axis=1)
    value, low, high = metrics.ramis_interval(table, draws=500)
    lines = [("RAMIS of this batch", f"{value:.2f} (95 %: {low:.2f} to {high:.2f})")]
    with controls.show_errors():
        controls.open_with_progress("first")
        _, real = cache.held_out(batch.classifier)
        there, low, high = metrics.ramis_interval(real[np.isfinite(real).all(axis=1)], draws=500)
        lines.append(
            (
                f"RAMIS of {len(real):,} real galaxies, held out",
                f"{there:.2f} (95 %: {low:.2f} to {high:.2f})",
            )
        )
    st.html(detail.facts_html(lines))
    st.caption(
        "RAMIS, the radio morphology inception score, is 2 where every image clearly belongs to a "
        "class and both classes are equally frequent, 1 where all have the same class "
        "probabilities."
        + (" One class was requested, so it is low here." if batch.made.request.label else "")
    )


def sizes_panel(batch: GeneratedBatch) -> None:
    """Measured sizes of the batch beside those requested and those of real galaxies."""
    found = batch.measured["las_measured"].to_numpy(float)
    requested = np.asarray(batch.made.sizes, float)
    known = np.isfinite(found) & np.isfinite(requested)
    if known.any():
        off = np.abs(found[known] / requested[known] - 1)
        st.caption(
            f"Requested {_range(requested[known])}; measured {_range(found[known])}. Median "
            f"relative error {np.median(off):.0%}."
        )
    with controls.show_errors():
        table = controls.open_with_progress("first").table
        real = table.loc[table["split"] == "test"]
        label = batch.made.request.label
        if label:
            real = real.loc[real["label"] == label]
        name = f"Real {label or 'FIRST'}"
        sizes = {name: real["las"].to_numpy(float), "Generated": found}
        unresolved = ~batch.measured["resolved"].to_numpy(bool)
        chart = plotly_charts.size_histogram(
            sizes, {name: limits_of(real), "Generated": unresolved}
        )
        plotly_charts.draw(chart, "generate_sizes", "Angular sizes, real and generated")


def _range(values: np.ndarray) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:.0f}″" if high - low < 0.5 else f"{low:.0f} to {high:.0f}″"


def chosen_image_panel(batch: GeneratedBatch, view: View) -> None:
    """The chosen image: large, measured, classified, and actions."""
    from radioviz.encode.generation import own_guidance

    i = batch.chosen
    image = batch.images[i]
    st.markdown(f"**Number {int(batch.made.indices[i])}** of seed {batch.made.request.seed}")
    st.html(
        synthetic.picture_html(
            image,
            synthetic.decoded_field(batch.info),
            view.style,
            alt=f"Generated, {batch.title(i)}",
        )
    )
    lines = synthetic.measurement_facts(batch.measured.iloc[i])
    if verdict := batch.verdict(i):
        lines.insert(0, ("Classified as", f"{verdict[0]}, {verdict[1]:.0%}"))
    if label := batch.made.labels[i]:
        lines.insert(0, ("Requested class", label))
    if np.isfinite(batch.made.sizes[i]):
        lines.insert(1, ("Requested size", f"{batch.made.sizes[i]:.0f} arcsec"))
    st.html(detail.facts_html(lines))
    with st.container(horizontal=True, gap="small"):
        picks = generate_state().picks
        inside = i in picks
        st.button(
            "Picked" if inside else "Pick",
            icon=":material/check:" if inside else ":material/add:",
            key="generate_pick",
            on_click=picks.symmetric_difference_update,
            args=({i},),
        )
        if st.button("Similar", icon=":material/image_search:", key="generate_similar"):
            st.session_state["query_image"] = {
                "image": np.array(image, dtype=np.float32),
                "pixel_scale": synthetic.pixel_scale(batch.info),
                "title": f"Generated by {batch.info.title}, {batch.title(i)}",
                "synthetic": True,
                "made": (
                    batch.info.name,
                    batch.made.request,
                    int(batch.made.indices[i]),
                    batch.clipped,
                ),
            }
            controls.go_similar()
        # The latent vector of a flow does not say what its image looks like.
        if own_guidance(batch.info) is None:
            st.button(
                "More like this", icon=":material/hub:", key="generate_more",
                on_click=_draw_around, args=(batch, i),
            )  # fmt: skip


def _draw_around(batch: GeneratedBatch, i: int) -> None:
    latent = tuple(float(v) for v in batch.made.latents[i])
    generate_state().centre = GeneratedCentre(batch.info.name, latent, batch.title(i))
    st.session_state["generate_mode"] = "around"
    st.session_state["generate_around"] = GENERATED
