"""Relations: the property and its predictors, as the reader chooses them, and the prediction."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import streamlit as st

from radioviz import morphology
from radioviz.api.property_prediction import property_question
from radioviz.errors import RelationError
from radioviz.relations.formula import Formula
from radioviz.relations.importance import Importance
from radioviz.relations.prediction import Prediction, first_look, predict
from radioviz.relations.question import FOLDS, PropertyQuestion
from radioviz.ui import filtering, session_workspace
from radioviz.ui.controls import View
from radioviz.ui.in_line import in_line
from radioviz.ui.state import page_state
from radioviz.workspace.table_columns import TableColumns

MOST = 100_000
"""Galaxies that are used; of more a sample."""

LATENTS, MEASURED = "latents", "measured"
_PREDICTORS = {LATENTS: "Latents of the encoder", MEASURED: "Measured morphology"}
USUALLY_LOG = {"las", "flux", "luminosity", "linear_size", "peak", "total"}


@dataclass(frozen=True)
class RelationSettings:
    """What a reader asks, as the workspace keeps it."""

    name: str = "las"
    predictors: tuple[str, ...] = (LATENTS,)
    more: tuple[str, ...] = ()
    log: bool = True
    asked: bool = False


@dataclass(frozen=True, eq=False)
class Answer:
    """A prediction, and the rows of the catalogue that it is about."""

    prediction: Prediction
    rows: np.ndarray  # row numbers of the catalogue, ``(n,)``
    key: str  # differs between questions and between data
    sampled_from: int  # rows there were before a sample was drawn


@dataclass
class RelationState:
    """The last answer of this session, and what was computed about it."""

    answer: Answer | None = None
    importances: list[Importance] = field(default_factory=list)
    formula: Formula | None = None


def relation_settings() -> RelationSettings:
    """The question of this workspace."""
    held: dict[str, Any] = session_workspace.value("relation", {})
    usual = RelationSettings()
    return RelationSettings(
        str(held.get("name", usual.name)),
        tuple(held.get("predictors", usual.predictors)),
        tuple(held.get("more", usual.more)),
        bool(held.get("log", usual.log)),
        bool(held.get("asked", usual.asked)),
    )


def choose(view: View, columns: TableColumns, held: RelationSettings) -> RelationSettings:
    """The widgets; the question as it is now. A change asks again only when Predict is pressed."""
    names = columns.names
    first, second, third, fourth = st.columns([1.4, 2.2, 1.8, 1], vertical_alignment="bottom")
    name = first.selectbox(
        "Property", names, format_func=columns.title, key="relation_property",
        index=names.index(held.name) if held.name in names else 0,
    )  # fmt: skip
    chosen = second.multiselect(
        "Predict from", list(_PREDICTORS), default=[p for p in held.predictors if p in _PREDICTORS],
        format_func=_PREDICTORS.__getitem__, key="relation_predictors",
        placeholder="Choose at least one",
    )  # fmt: skip
    others = [n for n in names if n != name]
    more = third.multiselect(
        "And columns", others, default=[c for c in held.more if c in others],
        format_func=columns.title, key="relation_more", placeholder="None",
    )  # fmt: skip
    log = fourth.toggle(
        "Logarithm", value=held.log if name == held.name else name in USUALLY_LOG,
        key=f"relation_log_{name}", help="Predict the decimal logarithm; residuals are in dex.",
    )  # fmt: skip
    now = RelationSettings(str(name), tuple(chosen), tuple(more), bool(log), held.asked)
    changed = now != held
    if st.button(
        "Predict", type="primary", icon=":material/function:", key="relation_predict",
        disabled=held.asked and not changed,
    ):  # fmt: skip
        now = RelationSettings(now.name, now.predictors, now.more, now.log, asked=True)
        session_workspace.put("relation", asdict(now), f"predict {now.name}")
        return now
    if held.asked and changed:
        st.caption("Below is the answer to the last question; press Predict for this one.")
    return held


def rows_to_learn_from(view: View, columns: TableColumns) -> tuple[np.ndarray, int]:
    """Rows that pass the filter, or a sample of them, and how many pass."""
    mask = filtering.passing(view.data_set, view.model)
    rows = np.arange(len(columns)) if mask is None else np.flatnonzero(mask)
    before = len(rows)
    if before > MOST:
        rows = np.sort(np.random.default_rng(0).choice(rows, MOST, replace=False))
    return rows, before


def asked_question(
    view: View, columns: TableColumns, settings: RelationSettings
) -> tuple[PropertyQuestion, np.ndarray, int]:
    """The question, the rows that it is about, and how many there were before sampling."""
    rows, before = rows_to_learn_from(view, columns)
    needed = [settings.name, f"{settings.name}_limit", *settings.more, "source_id", "same_as"]
    if MEASURED in settings.predictors:
        needed += morphology.MEASURED
    needed += [f"{n}_limit" for n in needed]
    galaxies = columns.frame(rows, [n for n in dict.fromkeys(needed) if n in columns])
    latents = ""
    if LATENTS in settings.predictors:
        if view.model is None:
            raise RelationError("there is no encoder in view; choose one in the sidebar")
        latents = view.model
    made = property_question(
        galaxies.assign(data_set=view.data_set), settings.name, latents=latents,
        measured=MEASURED in settings.predictors, columns=settings.more, log=settings.log,
    )  # fmt: skip
    return made, rows, before


def answer(view: View, columns: TableColumns, settings: RelationSettings) -> Answer:
    """The prediction, computed once for a question and its data.

    Raises RelationError if the question has no answer, and BusyError or CancelledError as
    :func:`radioviz.ui.in_line.in_line`.
    """
    asked, rows, before = asked_question(view, columns, settings)
    digest = hashlib.sha256()
    for part in (asked.target, asked.limit, asked.features, asked.fold):
        digest.update(np.ascontiguousarray(part).data)
    key = f"{settings} {view.data_set} {view.model} {digest.hexdigest()}"
    held = page_state(RelationState)
    said = st.container()  # also where nothing is said, so that what follows keeps its place
    if held.answer is not None and held.answer.key == key:
        return held.answer
    title = f"Predicting {asked.name} of {int(asked.known.sum()):,} galaxies"
    early = said.empty()
    early.caption("Fitting gradient-boosted trees …")
    with in_line(title, 2 * FOLDS + 2, "relation", key) as progress:
        look = first_look(asked, progress)
        early.caption(f"A first look at one fold: R² about {look:.2f}. The five folds follow.")
        found = predict(asked, progress)
    early.empty()
    held.answer, held.importances, held.formula = Answer(found, rows, key, before), [], None
    return held.answer
