"""Generate: real galaxies of the same class and size beside the generated; a blind test."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from radioviz.metrics.resampling import wilson
from radioviz.ui import cache, controls, galaxies, session_workspace, synthetic
from radioviz.ui.controls import View
from radioviz.ui.pages.generate.state import GeneratedBatch
from radioviz.ui.state import page_state

REAL = "first"
"""Data set of the real galaxies; those held out, which no generator learned from."""

PAIRS = 6
SCORE = "blind_test"
"""Field of the workspace: ``right`` and ``asked`` of each model."""

_NEAREST = 5
"""Real galaxies of the class and nearest in size, of which one is shown."""


@dataclass
class BlindTest:
    """The question on the page.

    Attributes
    ----------
    asked : tuple or None
        Model, number of the generated image, row of the real galaxy, and whether the real one is
        on the left.
    answer : str
        What the reader chose: ``left``, ``right`` or nothing yet.
    shown : set of (int, int)
        Pairs that were asked before in this session.
    """

    asked: tuple[str, int, int, bool] | None = None
    answer: str = ""
    shown: set[tuple[int, int]] = field(default_factory=set)


def beside_real_panel(batch: GeneratedBatch, view: View) -> None:
    """Pairs of a generated and a real galaxy, or the same as a blind test."""
    rows = real_rows(batch)
    if not len(rows):
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
    for start in range(0, len(shown), 3):
        places = st.columns(6, gap="small")
        for k, i in enumerate(shown[start : start + 3]):
            with places[2 * k]:
                _draw(batch, view, i, None, f"Generated, number {int(batch.made.indices[i])}")
            with places[2 * k + 1]:
                _draw(batch, view, i, matched(batch, i, set()), "")
    st.caption(
        "Left of each pair a generated galaxy, right the held-out FIRST galaxy of the same class "
        "that is nearest in size and not shown yet, as the generator saw such images: clipped at "
        "3σ, brightest pixel 1."
    )


def real_rows(batch: GeneratedBatch, label: str = "") -> np.ndarray:
    """Held-out rows of FIRST of a class, or of those that the generator knows, with a size."""
    table = controls.open_with_progress(REAL).table
    known = {label} if label else set(batch.made.labels) - {""}
    good = (table["split"] == "test").to_numpy() & np.isfinite(table["las"].to_numpy(float))
    if known:
        good &= table["label"].isin(known).to_numpy()
    return np.flatnonzero(good)


def matched(batch: GeneratedBatch, i: int, taken: set[int]) -> int:
    """Row of a real galaxy of the class of image ``i`` and nearest to it in measured size."""
    rows = real_rows(batch, batch.made.labels[i])
    sizes = cache.data_set(REAL).table["las"].to_numpy(float)[rows]
    wanted = float(batch.measured["las_measured"].iloc[i])
    if not np.isfinite(wanted):
        wanted = float(np.median(sizes))
    order = rows[np.argsort(np.abs(np.log(sizes / wanted)), kind="stable")]
    free = [int(row) for row in order[:_NEAREST] if int(row) not in taken]
    return free[0] if free else int(order[0])


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
    if held.asked is None or held.asked[0] != batch.info.name or held.asked[1] >= len(batch):
        _ask(batch, held)
    assert held.asked is not None  # just asked
    _, i, row, real_left = held.asked
    catalogue = cache.data_set(REAL)
    real = batch.info.preprocess.apply(catalogue, np.array([row]))[0]
    pair = [real, batch.images[i]] if real_left else [batch.images[i], real]
    width = synthetic.decoded_field(batch.info)
    places = st.columns([1, 1, 1.2], gap="medium")
    for side, image, place in zip(("left", "right"), pair, places, strict=False):
        with place:
            # Neither has a mark here: it would be the answer.
            html = synthetic.picture_html(image, width, view.style, alt=f"The {side} one", mark="")
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
                on_click=_ask, args=(batch, held),
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


def _ask(batch: GeneratedBatch, held: BlindTest) -> None:
    """Another pair: a generated image, a real galaxy like it, and sides at random."""
    source = np.random.default_rng()
    taken = {row for _, row in held.shown}
    used = {i for i, _ in held.shown}
    left = [i for i in range(len(batch)) if i not in used] or list(range(len(batch)))
    i = int(source.choice(left))
    row = matched(batch, i, taken)
    held.shown.add((i, row))
    held.asked, held.answer = (batch.info.name, i, row, bool(source.random() < 0.5)), ""


def _score(model: str) -> dict[str, int]:
    kept = session_workspace.value(SCORE, {})
    found = kept.get(model) if isinstance(kept, dict) else None
    return dict(found) if isinstance(found, dict) else {"right": 0, "asked": 0}


def _answered(batch: GeneratedBatch, side: str) -> None:
    held = page_state(BlindTest)
    if held.asked is None or held.answer:
        return
    held.answer = side
    score = _score(batch.info.name)
    score["asked"] += 1
    score["right"] += side == ("left" if held.asked[3] else "right")
    _keep(batch.info.name, score)


def _forget(model: str) -> None:
    _keep(model, {"right": 0, "asked": 0})


def _keep(model: str, score: dict[str, int]) -> None:
    kept = session_workspace.value(SCORE, {})
    kept = dict(kept) if isinstance(kept, dict) else {}
    session_workspace.put(SCORE, {**kept, model: score}, "")
