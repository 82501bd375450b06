"""Generate: real galaxies of the same class and size beside the generated; a blind test."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.metrics.resampling import wilson
from radioviz.ui import cache, controls, galaxies, session_workspace, synthetic
from radioviz.ui.controls import View
from radioviz.ui.in_line import in_line
from radioviz.ui.pages.generate.state import GeneratedBatch
from radioviz.ui.state import page_state

if TYPE_CHECKING:
    from radioviz.encode import GeneratedGalaxies

REAL = "first"
"""Data set of the real galaxies; those held out, which no generator learned from."""

PAIRS = 6
SCORE = "blind_test"
"""Field of the workspace: ``right`` and ``asked`` of each model."""

_POOL = 16  # images generated at a time for the test
_NEAREST = 5
"""Real galaxies of the class and nearest in size, of which one is shown."""


@dataclass
class BlindTest:
    """The question on the page."""

    of: str = ""  # model and request that it is about
    # Images that were not shown before, of a seed that nobody chose.
    made: GeneratedGalaxies | None = None
    sizes: pd.DataFrame = field(default_factory=pd.DataFrame)  # their measurements
    next: int = 0  # the image of the next question
    # The image, the row of the real galaxy, and whether that is on the left.
    asked: tuple[int, int, bool] | None = None
    answer: str = ""  # what the reader chose: ``left``, ``right`` or nothing yet
    taken: set[int] = field(default_factory=set)  # real galaxies that were shown


def beside_real_panel(batch: GeneratedBatch, view: View) -> None:
    """Pairs of a generated and a real galaxy, or the same as a blind test."""
    if not all(len(real_rows(label)) for label in set(batch.made.labels)):
        st.caption("There is no held-out galaxy of this class to compare with.")
        return
    blind = st.toggle(
        "Blind test: which one is real?", key="generate_blind",
        help="Pairs of the same class and about the same size; your score is kept in the workspace",
    )  # fmt: skip
    if blind:
        _blind_test(batch, view)
        return
    shown = [batch.chosen, *(i for i in range(len(batch)) if i != batch.chosen)][:PAIRS]
    taken: set[int] = set()
    for start in range(0, len(shown), 3):
        for place, i in zip(st.columns(3), shown[start : start + 3], strict=False):
            left, right = place.columns(2, gap="small")
            with left:
                _draw(batch, view, i, None, f"Generated, number {int(batch.made.indices[i])}")
            row = matched(batch.made.labels[i], _size(batch.measured, i), taken)
            taken.add(row)
            with right:
                _draw(batch, view, i, row, "")
    st.caption(
        "Left of each pair a generated galaxy, right the held-out FIRST galaxy of the same class "
        "that is nearest in size and not shown yet, as the generator saw such images: clipped at "
        "3σ, brightest pixel 1."
    )


def real_rows(label: str = "") -> np.ndarray:
    """Held-out rows of FIRST with a size; of a class, where one is given."""
    table = controls.open_with_progress(REAL).table
    good = (table["split"] == "test").to_numpy() & np.isfinite(table["las"].to_numpy(float))
    if label:
        good &= (table["label"] == label).to_numpy()
    return np.flatnonzero(good)


def matched(label: str, size: float, taken: set[int]) -> int:
    """Row of a held-out galaxy of a class that is near in size, by its logarithm, and not taken."""
    rows = real_rows(label)
    sizes = cache.data_set(REAL).table["las"].to_numpy(float)[rows]
    wanted = size if np.isfinite(size) else float(np.median(sizes))
    order = rows[np.argsort(np.abs(np.log(sizes / wanted)), kind="stable")]
    free = [int(row) for row in order[:_NEAREST] if int(row) not in taken]
    return free[0] if free else int(order[0])


def _size(measured: pd.DataFrame, i: int) -> float:
    return float(measured["las_measured"].iloc[i])


def _draw(batch: GeneratedBatch, view: View, i: int, row: int | None, caption: str) -> None:
    """A generated image, or the real galaxy ``row`` as the generator sees it."""
    width = synthetic.decoded_field(batch.info)
    if row is None:
        st.html(synthetic.picture_html(batch.images[i], width, view.style, alt="Generated"))
        st.caption(caption)
        return
    catalogue = cache.data_set(REAL)
    image = batch.info.preprocess.apply(catalogue, np.array([row]))[0]
    name = galaxies.name_of(catalogue.table, row)
    st.html(synthetic.picture_html(image, width, view.style, alt=name, mark=""))
    st.caption(controls.escape(f"{name}, {float(catalogue.table['las'].iloc[row]):.0f}″"))


def _blind_test(batch: GeneratedBatch, view: View) -> None:
    held = page_state(BlindTest)
    _prepare(batch, held)
    assert held.made is not None and held.asked is not None  # just prepared
    i, row, real_left = held.asked
    catalogue = cache.data_set(REAL)
    real = batch.info.preprocess.apply(catalogue, np.array([row]))[0]
    made = held.made.sigma_clipped().images[i] if batch.clipped else held.made.images[i]
    pair = [real, made] if real_left else [made, real]
    width = synthetic.decoded_field(batch.info)
    places = st.columns([1, 1, 1.2], gap="medium")
    for side, image, place in zip(("left", "right"), pair, places, strict=False):
        with place:
            # Marked as everywhere, but only after the answer.
            mark = synthetic.MARK if held.answer and image is made else ""
            html = synthetic.picture_html(
                image, width, view.style, alt=f"The {side} one", mark=mark
            )
            st.html(html)
            st.button(
                f"The {side} one is real", key=f"generate_blind_{side}", width="stretch",
                disabled=bool(held.answer), on_click=_answered, args=(batch, side),
            )  # fmt: skip
    with places[2]:
        if held.answer:
            true = "left" if real_left else "right"
            name = galaxies.name_of(catalogue.table, row)
            right = held.answer == true
            st.markdown(
                f"**{'Right' if right else 'Wrong'}:** the {true} one is "
                f"{controls.escape(name)}, the other is generated."
            )
            st.button(
                "Next pair", key="generate_blind_next", icon=":material/arrow_forward:",
                on_click=_next, args=(held,),
            )  # fmt: skip
        score = _score(batch.info.name)
        asked, good = score["asked"], score["right"]
        if asked:
            low, high = wilson(good, asked)
            st.metric("Right", f"{good} of {asked}")
            st.caption(
                f"{good / asked:.0%} (95 %: {low:.0%} to {high:.0%}); guessing gives 50 %. Kept in "
                "this workspace for each generator."
            )
            st.button(
                "Forget the score", key="generate_blind_forget", on_click=_forget,
                args=(batch.info.name,),
            )  # fmt: skip
        else:
            st.caption("Choose the one that you hold to be observed.")


def _prepare(batch: GeneratedBatch, held: BlindTest) -> None:
    """Generate images for the questions where there are none, and ask one."""
    of = repr((batch.info.name, replace(batch.made.request, n=1, seed=0)))
    if held.of != of:
        held.of, held.made, held.asked, held.answer = of, None, None, ""
    if held.made is None or (held.asked is None and held.next >= len(held.made)):
        request = replace(batch.made.request, n=_POOL, seed=secrets.randbelow(2**31))
        with in_line("Generating images for the test", 3 + 3, "generate_blind_pool") as progress:
            held.made = cache.generated(batch.info.name, request, progress)
            held.sizes = synthetic.measure_decoded(held.made.images, batch.info, progress)
        held.next = 0
    if held.asked is None:
        i = held.next
        row = matched(held.made.labels[i], _size(held.sizes, i), held.taken)
        held.taken.add(row)
        held.next += 1
        held.asked, held.answer = (i, row, secrets.randbelow(2) == 0), ""


def _next(held: BlindTest) -> None:
    held.asked, held.answer = None, ""


def _score(model: str) -> dict[str, int]:
    found: dict[str, int] = session_workspace.value(SCORE, {}).get(model, {})
    return {"right": 0, "asked": 0, **found}


def _answered(batch: GeneratedBatch, side: str) -> None:
    held = page_state(BlindTest)
    if held.asked is None or held.answer:
        return
    held.answer = side
    score = _score(batch.info.name)
    score["asked"] += 1
    score["right"] += side == ("left" if held.asked[2] else "right")
    _keep(batch.info.name, score)


def _forget(model: str) -> None:
    _keep(model, {"right": 0, "asked": 0})


def _keep(model: str, score: dict[str, int]) -> None:
    session_workspace.put(SCORE, {**session_workspace.value(SCORE, {}), model: score}, "")
