"""Generate: the batch as pictures, its classes and sizes, one image at a time, twins."""

from __future__ import annotations

import html
import math

import numpy as np
import streamlit as st

from radioviz import metrics
from radioviz.errors import RadioVizError
from radioviz.models.registry import decoders
from radioviz.ui import cache, controls, detail, galaxies, gallery, synthetic, verdicts
from radioviz.ui.charts import profile_chart, svg_charts
from radioviz.ui.controls import View
from radioviz.ui.pages.generate import generate_state
from radioviz.ui.pages.generate.generate_state import MODES, Batch
from radioviz.ui.palette import LABEL_COLOURS, MISSING_COLOUR

PAGE = 96  # pictures of a batch at a time
TWINS = 6  # pairs at a time, as in Fig. 11 of Bastien et al. 2021


def pictures(batch: Batch, view: View) -> None:
    """The gallery; a click shows an image large, a plus picks it."""
    sizes = synthetic.size_notes(batch.measured)
    notes, colours = [], []
    for i in range(len(batch)):
        said = batch.verdict(i)
        notes.append(f"{said[0]} {said[1]:.0%} · {sizes[i]}" if said else sizes[i])
        colours.append(LABEL_COLOURS.get(said[0], MISSING_COLOUR) if said else "")
    pages = -(-len(batch) // PAGE)
    first = 0
    if pages > 1:
        first = PAGE * (int(st.number_input(f"Page of {pages}", 1, pages, key="generate_page")) - 1)
    shown = slice(first, min(first + PAGE, len(batch)))
    names = [f"{int(i)}" for i in batch.made.indices[shown]]
    cells = synthetic.synthetic_cells(
        batch.images[shown], batch.info, view.style, names, notes[shown], colours[shown]
    )
    picked = generate_state.picks()

    def number(pair: tuple[str, str]) -> int:
        return first + int(pair[1])

    def choose(pair: tuple[str, str]) -> None:
        st.session_state["generate_chosen"] = number(pair)

    def pick(pair: tuple[str, str]) -> None:
        picked.symmetric_difference_update({number(pair)})

    # Many scroll by themselves, so that what belongs to the batch stays near.
    with st.container(height=640 if len(cells) > 30 else "content", border=False):
        gallery.gallery(
            cells,
            key="generate_gallery",
            label="Generated galaxies",
            width=92,
            in_tray=lambda pair: number(pair) in picked,
            focus=(synthetic.DATA_SET, str(generate_state.chosen(batch) - first)),
            on_open=choose,
            on_collect=pick,
        )
    st.caption(
        "Below each: its number, the classifier's verdict, its measured angular size. A click "
        "shows it large; **+** picks it for export."
    )


# -- the batch ------------------------------------------------------------------------------


def balance(batch: Batch) -> None:
    """What the classifier makes of the batch, and a warning where the classes are biased."""
    if not batch.probabilities:
        st.info(
            "No classifier is shipped here, so nothing is said of classes. Train one with "
            "`python -m train classifier`.",
            icon=":material/rule:",
        )
        return
    labels = list(batch.probabilities)
    counts = dict.fromkeys(labels, 0)
    said = [verdicts.likeliest_class(batch.probabilities, i)[0] for i in range(len(batch))]
    for label in said:
        counts[label] += 1
    st.html(_bar(counts))
    asked = batch.made.labels
    if any(asked):
        right = sum(a == s for a, s in zip(asked, said, strict=True))
        low, high = wilson(right, len(batch))
        st.caption(
            f"{right / len(batch):.0%} are classified as what they were asked to be "
            f"(95 %: {low:.0%} to {high:.0%})."
        )
        for label in dict.fromkeys(asked):
            mine = [s == label for a, s in zip(asked, said, strict=True) if a == label]
            if len(mine) >= 8 and wilson(sum(mine), len(mine))[1] < 0.8:
                st.warning(
                    f"Of {len(mine)} asked to be {label} only {np.mean(mine):.0%} look it to the "
                    "classifier: a sample made this way is biased."
                )
    wanted = set(asked) if any(asked) else set(labels)
    if len(wanted) > 1:
        label = max(counts, key=lambda c: counts[c])
        share = counts[label] / len(batch)
        if wilson(counts[label], len(batch))[0] > 0.55:
            st.warning(
                f"{share:.0%} come out as {label}: drawn {MODES[batch.made.request.mode]}, the "
                "classes are not balanced. How latent vectors are drawn decides this: Bastien et "
                "al. 2021 (Sec. 6.4) got mostly FRII from the prior, whose centre is compact "
                "sources, and mostly FRI by drawing evenly. Mind it before training on a sample."
            )


def _bar(counts: dict[str, int]) -> str:
    total = sum(counts.values()) or 1
    parts = "".join(
        f'<div style="width:{100 * n / total:.1f}%;'
        f"background:{LABEL_COLOURS.get(c, MISSING_COLOUR)}"
        f';color:#fff;padding:3px 8px;white-space:nowrap;overflow:hidden">'
        f"{html.escape(c)} {n} ({n / total:.0%})</div>"
        for c, n in counts.items()
        if n
    )
    return (
        '<div style="font-size:.8rem;opacity:.75;margin-bottom:3px">Classified as</div>'
        '<div style="display:flex;border-radius:6px;overflow:hidden;font-size:.85rem">'
        f"{parts}</div>"
    )


def wilson(right: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    z = 1.959964
    share = right / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def score(batch: Batch) -> None:
    """RAMIS of the batch beside that of real held-out galaxies."""
    if not batch.probabilities or batch.classifier is None:
        return
    table = np.stack(list(batch.probabilities.values()), axis=1)
    value, low, high = metrics.ramis_interval(table, draws=500)
    lines = [("RAMIS of this batch", f"{value:.2f} (95 %: {low:.2f} to {high:.2f})")]
    with controls.show_errors():
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
        "1: every image of one class or none plainly of any; 2: all plainly of a class, both "
        "classes as often."
        + (
            " One class was asked for, so this batch cannot score high."
            if batch.made.request.label
            else ""
        )
    )


def sizes(batch: Batch) -> None:
    """Measured sizes of the batch beside those of real galaxies, and beside what was asked."""
    found = batch.measured["las_measured"].to_numpy(float)
    asked = np.asarray(batch.made.sizes, float)
    known = np.isfinite(found) & np.isfinite(asked)
    if known.any():
        off = np.abs(found[known] / asked[known] - 1)
        st.caption(
            f"Asked for {_reach(asked[known])}; measured {_reach(found[known])}. Median relative "
            f"error {np.median(off):.0%}."
        )
    with controls.show_errors():
        table = controls.open_with_progress("first").table
        real = table.loc[table["split"] == "test"]
        label = batch.made.request.label
        if label:
            real = real.loc[real["label"] == label]
        svg_charts.draw(
            svg_charts.size_distribution(
                real["las"].to_numpy(float), found, (f"Real {label or 'FIRST'}", "Generated")
            ),
            key="generate_sizes",
        )


def _reach(values: np.ndarray) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{low:.0f}″" if high - low < 0.5 else f"{low:.0f} to {high:.0f}″"


# -- one image ------------------------------------------------------------------------------


def one(batch: Batch, view: View) -> None:
    """The chosen image: large, measured, judged; what can be done with it."""
    i = generate_state.chosen(batch)
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
    if said := batch.verdict(i):
        lines.insert(0, ("Classified as", f"{said[0]}, {said[1]:.0%}"))
    if label := batch.made.labels[i]:
        lines.insert(0, ("Asked to be", label))
    if np.isfinite(batch.made.sizes[i]):
        lines.insert(1, ("Asked size", f"{batch.made.sizes[i]:.0f} arcsec"))
    st.html(detail.facts_html(lines))
    with st.container(horizontal=True, gap="small"):
        inside = i in generate_state.picks()
        st.button(
            "Picked" if inside else "Pick",
            icon=":material/check:" if inside else ":material/add:",
            key="generate_pick",
            on_click=generate_state.picks().symmetric_difference_update,
            args=({i},),
        )
        if st.button("Similar", icon=":material/image_search:", key="generate_similar"):
            st.session_state["query_image"] = {
                "image": np.array(image, dtype=np.float32),
                "pixel_scale": synthetic.pixel_scale(batch.info),
                "title": f"Generated by {batch.info.title}, {batch.title(i)}",
                "synthetic": True,
            }
            controls.go_similar()
        st.button(
            "More like this",
            icon=":material/hub:",
            key="generate_more",
            on_click=_around,
            args=(batch, i),
        )


def _around(batch: Batch, i: int) -> None:
    st.session_state["generate_centre"] = {
        "model": batch.info.name,
        "latent": [float(v) for v in batch.made.latents[i]],
        "title": batch.title(i),
    }
    st.session_state["generate_mode"] = "around"
    st.session_state["generate_around"] = "generated"


def copy_check(batch: Batch, view: View) -> None:
    """The training image that is nearest to the chosen one: is it a copy?"""
    i = generate_state.chosen(batch)
    if not batch.info.training.get("data"):
        st.caption("The card of this model does not say what it was trained on.")
        return
    with st.spinner("Comparing with every training image …"):
        learned = cache.training(batch.info.name)
        if not len(learned.pairs):
            st.caption(
                "None of its training data is here: "
                + controls.escape(", ".join(learned.missing))
                + ". See the Overview for how to get it."
            )
            return
        distances, rows = metrics.nearest(batch.images, learned.images)
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
            batch.info.preprocess.output_scale_arcsec(catalogue.info) * len(learned.images[0]),
            view.style,
            alt=galaxies.name_of(catalogue.table, row),
            mark="",
        )
    )
    middle.caption(controls.escape(f"Nearest: {galaxies.name_of(catalogue.table, row)}"))
    with right:
        if distances[i] < learned.threshold:
            said = "**As good as a copy:** 99 % of training galaxies are farther from one another."
        else:
            said = "**Not a copy:** it is farther from each than the closest 1 % are apart."
        st.markdown(said)
        st.html(
            detail.facts_html(
                [
                    ("Distance", f"{distances[i]:.3f}"),
                    ("1st percentile, real to real", f"{learned.threshold:.3f}"),
                    (
                        "In this batch",
                        f"{copies} of {len(batch)} nearer than that ({copies / len(batch):.1%})",
                    ),
                    ("Compared with", f"{len(learned.pairs):,} training images, eight views each"),
                ]
            )
        )
        if st.button("Inspect", icon=":material/center_focus_strong:", key="generate_inspect"):
            controls.go_inspect(pair)
        if learned.missing:
            st.caption("Not here: " + controls.escape(", ".join(learned.missing)))


# -- twins ----------------------------------------------------------------------------------


def twins(batch: Batch, view: View) -> None:
    """The same latent vector as FRI and as FRII, with the profile along the principal axis."""
    if not batch.info.can("class"):
        able = [m.title for m in decoders(cache.models()).values() if m.can("class")]
        st.info(
            f"{controls.escape(batch.info.title)} takes no class, so its images have no twins. "
            + (f"Choose {controls.escape(able[0])}." if able else "Train `python -m train cvae`."),
            icon=":material/compare:",
        )
        return
    first = generate_state.chosen(batch)
    rows = list(dict.fromkeys([first, *sorted(generate_state.picks())]))[:TWINS]
    asked = np.asarray(batch.made.sizes, np.float32)[rows]
    size = asked if np.isfinite(asked).all() else None
    made = cache.generator(batch.info.name).twins(batch.made.latents[rows], size)
    if batch.clipped:
        made = {c: synthetic.sigma_clipped(v) for c, v in made.items()}
    st.caption(
        "One latent vector decoded as each class, and the brightness along the principal axis "
        "(Bastien et al. 2021, Fig. 11): lobes outshine the core in an FRII, and fade outwards in "
        "an FRI. The chosen image, then those picked."
    )
    scale, width = synthetic.pixel_scale(batch.info), synthetic.decoded_field(batch.info)
    for at, i in enumerate(rows):
        places = st.columns([*([1] * len(made)), 1.7], gap="medium", vertical_alignment="center")
        profiles = {}
        for place, (label, images) in zip(places, made.items(), strict=False):
            said = _verdict(images[at])
            place.html(
                synthetic.picture_html(
                    images[at], width, view.style, alt=f"{batch.title(i)} as {label}"
                )
            )
            place.caption(controls.escape(f"Number {batch.made.indices[i]} as {label}{said}"))
            profiles[label] = images[at]
        with places[-1]:
            chart = profile_chart.profiles(profiles, scale, synthetic.BEAM)
            svg_charts.draw(chart, key=f"generate_profile_{at}")


def _verdict(image: np.ndarray) -> str:
    name = verdicts.default_classifier()
    if name is None:
        return ""
    try:
        label, share = verdicts.likeliest_class(verdicts.probabilities(name, image[None]), 0)
    except RadioVizError:
        return ""
    return f" · classified {label}, {share:.0%}"
