"""FR probability of a galaxy, and what in its image speaks for it.

The probability is read from the scores and needs no torch; the explanation opens it on demand.
"""

from __future__ import annotations

import dataclasses
import html
import io
import math
import sys

import numpy as np
import streamlit as st

from radioviz.data.catalogue import Catalogue
from radioviz.encode.attributions import Explanation, inner_share
from radioviz.ui import cache, controls, verdicts
from radioviz.ui.cache.explanations import explanation
from radioviz.ui.controls import View
from radioviz.ui.image.display import data_uri, png
from radioviz.ui.image.sky_image import STRETCHED
from radioviz.ui.palette import LABEL_COLOURS, MISSING_COLOUR

COLUMN = "p_fr2"
"""Name of the score: probability of FRII."""


def panel(catalogue: Catalogue, row: int, view: View) -> None:
    """Probability bar, and a button that explains it."""
    source_id = str(catalogue.table["source_id"].iat[row])
    scores = cache.galaxy_scores(catalogue.info.key)
    value = math.nan
    if COLUMN in scores.columns:
        value = float(scores.of([source_id])[COLUMN].to_numpy(float)[0])
    if math.isfinite(value):
        st.html(probability_bar(value))
        st.caption(controls.escape(scores.columns[COLUMN].description))
    elif COLUMN in scores.columns:
        st.info("The classifier says nothing of this galaxy: its image is blank.")
    else:
        why = scores.stale.get(COLUMN, f"{catalogue.info.title} has no FR probabilities yet.")
        st.info(controls.escape(why) + " This makes them; reload the page afterwards:")
        st.code(f"python -m train scores --what fr --data {catalogue.info.key}", language="bash")
    name = verdicts.default_classifier()
    if name is None:
        st.info("There is no classifier here. Train one with `python -m train classifier`.")
        return
    asked: set[tuple[str, str]] = st.session_state.setdefault("explained", set())
    pair = (catalogue.info.key, source_id)
    if pair not in asked:
        st.button(
            "What in the image speaks for it?",
            key="explain",
            icon=":material/psychology_alt:",
            on_click=asked.add,
            args=(pair,),
            help=None if "torch" in sys.modules else "Opens torch: the first one takes seconds.",
        )
        return
    with st.spinner("Following the classifier from an empty sky to this image …"):
        image, found = explanation(catalogue.info.key, row, name)
    show(image, found, view)


def probability_bar(value: float) -> str:
    """Probability of FRII as a bar from FRI to FRII, in HTML."""
    label = "FRII" if value >= 0.5 else "FRI"
    sure = max(value, 1 - value)
    word = "nearly certain" if sure > 0.95 else "likely" if sure > 0.75 else "undecided"
    colour = LABEL_COLOURS[label]
    return (
        '<div style="display:flex;align-items:baseline;gap:.6em">'
        f'<span style="font-size:1.35rem;font-weight:650">{label} {sure:.0%}</span>'
        f'<span style="opacity:.7">{word}</span></div>'
        '<div style="position:relative;height:12px;border-radius:6px;margin:6px 0 2px;'
        f"background:linear-gradient(90deg,{LABEL_COLOURS['FRI']},{MISSING_COLOUR} 50%,"
        f'{LABEL_COLOURS["FRII"]})">'
        f'<div style="position:absolute;left:calc({100 * value:.1f}% - 8px);top:-3px;width:18px;'
        f"height:18px;border-radius:50%;background:{colour};border:3px solid #fff;"
        'box-sizing:border-box;box-shadow:0 0 3px rgba(0,0,0,.6)"></div></div>'
        '<div style="display:flex;justify-content:space-between;font-size:.8rem;opacity:.75">'
        "<span>FRI</span><span>undecided</span><span>FRII</span></div>"
    )


def show(image: np.ndarray, found: Explanation, view: View) -> None:
    """Image and overlay side by side, and the same in words."""
    from scipy.ndimage import gaussian_filter

    # Over about a beam: neighbouring pixels of one beam that contradict each other say nothing.
    found = dataclasses.replace(found, shares=gaussian_filter(found.shares, 1.0))
    stretch = STRETCHED[view.style.stretch]
    brightness = stretch(np.clip(image, 0, 1))
    first, second = found.classes
    pictures = [
        ("As the classifier sees it", png(brightness, view.style.colour_map)),
        (f"{first} blue, {second} orange", overlay(brightness, found)),
    ]
    places = st.columns(3)
    for place, (title, picture) in zip(places, pictures, strict=False):
        place.html(
            f'<figure style="margin:0"><img src="{data_uri(picture)}" alt="{html.escape(title)}" '
            'style="width:100%;image-rendering:pixelated;border-radius:6px">'
            f'<figcaption style="font-size:.82rem;opacity:.75">{html.escape(title)}</figcaption>'
            "</figure>"
        )
    places[2].markdown(controls.escape(words(image, found)))
    places[2].caption(
        "Integrated gradients (Sundararajan et al. 2017, by captum): from an empty sky to this "
        f"image log p({second}) − log p({first}) goes from {found.of_empty_sky:+.2f} to "
        f"{found.difference:+.2f}, and each pixel is given its share of that. They say what this "
        "classifier reacts to, which need not be what makes the galaxy what it is."
    )


def words(image: np.ndarray, found: Explanation) -> str:
    """Which part of the source speaks for which class."""
    first, second = found.classes
    support = {
        first: float(np.maximum(-found.shares, 0).sum()),
        second: float(np.maximum(found.shares, 0).sum()),
    }
    total = sum(support.values())
    if total <= 0:
        return "Nothing in the image speaks for either class."
    inner = inner_share(found, image)
    chosen = second if found.probabilities[1] >= 0.5 else first
    sentences = []
    for name in (chosen, first if chosen == second else second):
        share = support[name] / total
        if share < 0.02 or not math.isfinite(inner[name]):
            sentences.append(f"Next to nothing speaks for {name}.")
            continue
        part = inner[name]
        where = (
            f"{1 - part:.0%} of it in the outer half of the source"
            if part < 0.5
            else f"{part:.0%} of it in the inner half of the source"
        )
        sentences.append(f"{share:.0%} of the evidence is for {name}, {where}.")
    edge = inner[second]
    if chosen == second and math.isfinite(edge) and edge < 0.5:
        sentences.append("So it is the ends that look like FRII: edge-brightened lobes.")
    elif chosen == first and math.isfinite(inner[first]) and inner[first] >= 0.5:
        sentences.append("So it is the middle that looks like FRI: brightest near the core.")
    return " ".join(sentences)


def overlay(brightness: np.ndarray, found: Explanation) -> bytes:
    """Shares in colour over the image in grey, as PNG; south at the bottom."""
    from PIL import Image

    limit = float(np.percentile(np.abs(found.shares), 99.7)) or 1.0
    strength = np.clip(np.abs(found.shares) / limit, 0, 1)[::-1, :, None] ** 0.6
    grey = 255 * np.clip(brightness[::-1, :, None], 0, 1) * np.ones(3)
    first, second = (
        np.array([int(LABEL_COLOURS.get(c, MISSING_COLOUR)[i : i + 2], 16) for i in (1, 3, 5)])
        for c in found.classes
    )
    tint = np.where(found.shares[::-1, :, None] > 0, second, first)
    # A tint darkens with the image, else faint emission would shine like the core.
    rgb = grey * (1 - strength) + tint * strength
    out = io.BytesIO()
    Image.fromarray(np.rint(rgb).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()
