"""FR probability of a galaxy, and the pixels that the classification rests on.

The probability comes from the scores without torch; the explanation loads torch on demand.
"""

from __future__ import annotations

import dataclasses
import math
import sys

import numpy as np
import streamlit as st

from radioviz.data.catalogue import Catalogue
from radioviz.encode.attributions import Explanation, inner_share
from radioviz.models.registry import galaxy_classifier, surveys_of
from radioviz.similarity.familiarity import UNUSUAL
from radioviz.ui import cache, controls, detail
from radioviz.ui.cache.decoding import explanation
from radioviz.ui.controls import View
from radioviz.ui.image.display import png, rgb_png, rgb_stops
from radioviz.ui.image.sky_image import STRETCHED
from radioviz.ui.pages.inspect import encoder_panel
from radioviz.ui.pages.inspect.state import inspect_state
from radioviz.ui.palette import LABEL_COLOURS, MISSING_COLOUR

COLUMN, IN_A_WORD = "p_fr2", "fr_class"
"""Names of the scores: probability of FRII, and the class that follows from it."""


def explanation_panel(catalogue: Catalogue, row: int, view: View) -> None:
    """Probability bar, and a button that explains it."""
    source_id = str(catalogue.table["source_id"].iat[row])
    pair, name = (catalogue.info.key, source_id), galaxy_classifier(cache.models())
    scores = cache.galaxy_scores(catalogue.info.key)
    value = math.nan
    if COLUMN in scores.columns:
        value = float(scores.of([source_id])[COLUMN].to_numpy(float)[0])
    if math.isfinite(value):
        if IN_A_WORD in scores.columns:
            far = scores.of([source_id])[IN_A_WORD].iat[0] == "unknown"
        else:  # scores of an earlier version
            far = view.model and encoder_panel.familiarity_text(pair, view.model)[1] > UNUSUAL
        info = cache.models()[scores.columns[COLUMN].model]
        survey = str(catalogue.table["survey"].iat[row])
        known = surveys_of(info)
        calibrated = survey in known if known else pair[0] in info.training.get("data", ())
        st.html(probability_bar(value, calibrated, bool(far)))
        st.caption(probability_text(survey or catalogue.info.title, calibrated, bool(far)))
    elif COLUMN in scores.columns:
        st.info("This galaxy has no FR probability because its image is blank.")
    else:
        why = scores.stale.get(COLUMN, f"{catalogue.info.title} has no FR probabilities yet.")
        st.info(controls.escape(why) + " Compute them, then reload the page:")
        st.code(
            f"python -m train scores --what fr --data {catalogue.info.key}",
            language="bash",
            wrap_lines=True,
        )
    if name is None:
        st.info("There is no classifier here. Train one with `python -m train classifier`.")
        return
    explained = inspect_state().explained
    if pair not in explained:
        st.button(
            "Explain this classification",
            key="explain",
            icon=":material/psychology_alt:",
            on_click=explained.add,
            args=(pair,),
            help=None if "torch" in sys.modules else "The first one needs seconds to load torch.",
        )
        return
    with st.spinner("Integrating the gradients of the classifier …"):
        image, found = explanation(catalogue.info.key, row, name, view.style.plane)
    _show_explanation(image, found, view)


def probability_text(survey: str, calibrated: bool, far: bool) -> str:
    """What a probability of FRII means for a galaxy of a survey."""
    text = "P(FRII): 0 = FRI, 1 = FRII"
    text += f" (calibrated on {survey})" if calibrated else f"; not calibrated for {survey}"
    if far:
        text += (
            ". No source is found here, or the classifier has seen nothing like it, so that no "
            "class is given; the mark shows what it would say"
        )
    return text if calibrated and not far else text + "."


def probability_bar(value: float, calibrated: bool, far: bool) -> str:
    """Probability of FRII as a bar from FRI to FRII, in HTML; without a class where ``far``."""
    label = "FRII" if value >= 0.5 else "FRI"
    sure = max(value, 1 - value)
    word = "nearly certain" if sure > 0.95 else "likely" if sure > 0.75 else "undecided"
    head = f"{label} {sure:.0%}"
    if not calibrated:
        word = "not calibrated for this survey"
    if far:
        head, word = "I do not know", "unlike what was learned from"
    colour = LABEL_COLOURS[label]
    return (
        '<div style="display:flex;align-items:baseline;gap:.6em">'
        f'<span style="font-size:1.35rem;font-weight:650">{head}</span>'
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


def _show_explanation(image: np.ndarray, found: Explanation, view: View) -> None:
    """Image and overlay side by side, and a summary in words."""
    from scipy.ndimage import gaussian_filter

    # Smoothed over about a beam, within which differences between pixels mean nothing.
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
        place.html(detail.figure_html(picture, title))
    places[2].markdown(controls.escape(evidence_text(image, found)))
    places[2].caption(
        "Integrated gradients (Sundararajan et al. 2017, with captum): from an empty sky to this "
        f"image, log p({second}) − log p({first}) changes from {found.of_empty_sky:+.2f} to "
        f"{found.difference:+.2f}, and each pixel gets its share of the change. This shows what "
        "the classifier reacts to, which need not be what defines the class."
    )


def evidence_text(image: np.ndarray, found: Explanation) -> str:
    """The share of the evidence for each class, and where in the source it lies."""
    first, second = found.classes
    support = {
        first: float(np.maximum(-found.shares, 0).sum()),
        second: float(np.maximum(found.shares, 0).sum()),
    }
    total = sum(support.values())
    if total <= 0:
        return "The image holds no evidence for either class."
    inner = inner_share(found, image)
    chosen = second if found.probabilities[1] >= 0.5 else first
    sentences = []
    for name in (chosen, first if chosen == second else second):
        share, part = support[name] / total, inner[name]
        if share < 0.02 or not math.isfinite(part):
            sentences.append(f"There is almost no evidence for {name}.")
            continue
        half, part = ("outer", 1 - part) if part < 0.5 else ("inner", part)
        sentences.append(
            f"{share:.0%} of the evidence is for {name}, {part:.0%} of it in the {half} half of "
            "the source."
        )
    if chosen == second and inner[second] < 0.5:
        sentences.append("The outer parts look like FRII: edge-brightened lobes.")
    elif chosen == first and inner[first] >= 0.5:
        sentences.append("The centre looks like FRI: brightest near the core.")
    return " ".join(sentences)


def overlay(brightness: np.ndarray, found: Explanation) -> bytes:
    """PNG of the shares in colour over the image in grey; south at the bottom."""
    limit = float(np.percentile(np.abs(found.shares), 99.7)) or 1.0
    strength = np.clip(np.abs(found.shares) / limit, 0, 1)[..., None] ** 0.6
    grey = 255 * np.clip(brightness[..., None], 0, 1) * np.ones(3)
    first, second = rgb_stops([LABEL_COLOURS.get(c, MISSING_COLOUR) for c in found.classes])
    tint = np.where(found.shares[..., None] > 0, second, first)
    # Mixed with the grey image, so that faint emission stays darker than the core.
    return rgb_png(grey * (1 - strength) + tint * strength)
