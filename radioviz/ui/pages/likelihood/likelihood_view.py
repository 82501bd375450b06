"""The Likelihood page: histogram, threshold, ranked gallery, agreement of scores."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from radioviz.errors import AtlasError, CatalogueError, RadioVizError
from radioviz.outliers.thresholds import (
    SCORES,
    OutlierScore,
    agreement,
    false_alarms,
    strangeness,
    threshold_at,
)
from radioviz.outliers.thresholds import histogram as counted
from radioviz.ui import cache, controls, galaxies, gallery, state, url_state
from radioviz.ui.cache import outliers as scores
from radioviz.ui.cache.outliers import Outliers
from radioviz.ui.charts import histogram as drawing
from radioviz.ui.controls import View
from radioviz.ui.marks import marks
from radioviz.ui.marks import text as mark_text
from radioviz.ui.pages.likelihood.ranking import reranked

Pair = tuple[str, str]

BINS = 60
TAIL = 0.002  # of values at either end that may lie outside of the picture
LISTS = {
    "strangest": "Strangest first",
    "range": "In the chosen range",
    "marks": "Ranked by your marks",
    "marked": "Marked",
}


@dataclass(frozen=True)
class Settings:
    """What the widgets above the histogram say."""

    score: OutlierScore
    data_sets: tuple[str, ...]
    log: bool
    rate: float


def available(view: View, data_sets: list[str]) -> dict[str, Outliers]:
    """Scores of the data sets that are here; the others are left out."""
    found = {}
    for key in data_sets:
        try:
            found[key] = scores.outliers(key, view.model)
        except (AtlasError, CatalogueError):
            if key == view.data_set:
                raise
    return found


def choose(view: View, here: Outliers) -> Settings:
    """The widgets: which score, which data sets, how counts are drawn, how many false alarms."""
    names = list(here.values)
    first = "log_prob" if "log_prob" in names else names[0]
    url_state.linked_choice("likelihood_score", "score", names, first)
    options = [
        k
        for k in cache.known_data_sets()
        if k == view.data_set or cache.is_open(k) or view.model in cache.atlas_names(k)
    ]
    if st.session_state.get("likelihood_of") != view.data_set:
        shown = st.session_state.get("likelihood_in", [])
        if view.data_set not in shown:
            st.session_state["likelihood_in"] = [view.data_set]
        st.session_state["likelihood_of"] = view.data_set
    url_state.linked_choices("likelihood_in", "in", options, [view.data_set])
    url_state.linked_toggle("likelihood_linear", "linear")
    url_state.linked_number("likelihood_rate", "alarms", 0.0, 20.0, 5.0)
    columns = st.columns([1.5, 2.4, 0.9, 1.6], vertical_alignment="bottom")
    score = columns[0].selectbox(
        "Score", names, format_func=lambda k: SCORES[k].title, key="likelihood_score"
    )
    chosen = columns[1].multiselect(
        "Data sets", options, format_func=controls.data_set_title, key="likelihood_in",
        placeholder="Choose a data set",
    )  # fmt: skip
    linear = columns[2].toggle("Linear counts", key="likelihood_linear")
    rate = columns[3].slider(
        "False alarms allowed [%]", 0.0, 20.0, step=0.5, key="likelihood_rate",
        help="The threshold is set so that this share of held-out galaxies of the reference "
        "survey would be called strange.",
    )  # fmt: skip
    return Settings(SCORES[str(score)], tuple(str(k) for k in chosen), not linear, rate / 100)


@dataclass(frozen=True, eq=False)
class Shown:
    """Everything that the lists below the histogram draw from: one row a galaxy."""

    settings: Settings
    tables: dict[str, Outliers]
    reference: Outliers
    threshold: float

    def pooled(self) -> tuple[list[Pair], np.ndarray]:
        """Galaxies of all chosen data sets and their values, higher is stranger."""
        pairs: list[Pair] = []
        parts = []
        for key, table in self.tables.items():
            pairs += [(key, str(s)) for s in table.source_ids]
            parts.append(table.oriented(self.settings.score.key))
        return pairs, np.concatenate(parts) if parts else np.array([])


def gather(view: View, settings: Settings, tables: dict[str, Outliers]) -> Shown:
    """Chosen data sets, and the threshold from the held-out galaxies of the reference."""
    base = scores.reference(view.model, view.data_set)
    if settings.score.key not in base.values:
        base = tables[view.data_set] if view.data_set in tables else next(iter(tables.values()))
    held_out = base.oriented(settings.score.key)[base.held_out()]
    return Shown(settings, tables, base, threshold_at(held_out, settings.rate))


# -- histogram --------------------------------------------------------------------------------


def _set_range(chosen: tuple[float, float] | None) -> None:
    st.session_state["likelihood_range"] = chosen
    if chosen is not None:
        st.session_state["likelihood_list"] = "range"
        st.session_state.pop("likelihood_page", None)  # its first page


def picture(shown: Shown, key: str = "likelihood_histogram", focus: Pair | None = None) -> None:
    """Histogram: a data set a colour, generated images as a line, threshold and focus marked."""
    focus = focus or state.focus()
    score, colours = shown.settings.score, drawing.colours(cache.known_data_sets())
    samples = {k: t.values[score.key] for k, t in shown.tables.items() if score.key in t.values}
    made = scores.generated_scores(shown.reference.flow)
    line = made[score.key].to_numpy(float) if score.key in made else np.array([])
    counts = counted({**samples, scores.GENERATED: line}, BINS, TAIL)
    series = [
        drawing.Series(controls.data_set_title(k), counts.counts[k], colours.get(k, "#888888"))
        for k in samples
    ]
    if len(line):
        title = f"{len(line):,} generated images"
        series.append(drawing.Series(title, counts.counts[scores.GENERATED], line=True))
    sign = -1.0 if score.low else 1.0
    found = [drawing.Mark(sign * shown.threshold, "threshold", dashed=True)]
    if focus is not None and focus[0] in shown.tables:
        value = value_of(shown.tables[focus[0]], score.key, focus[1])
        if math.isfinite(value):
            found.append(drawing.Mark(value, "in focus", "#e11d74"))
    unit = f" [{score.unit}]" if score.unit else ""
    drawing.histogram(
        drawing.Picture(
            counts.edges,
            series,
            f"{score.title}{unit}",
            f"Histogram of {score.title}. Arrow keys move, Shift extends, Enter shows the galaxies",
            shown.settings.log,
            found,
            st.session_state.get("likelihood_range"),
        ),
        key=key,
        on_range=_set_range,
    )
    beyond = {k: counts.below[k] + counts.above[k] for k in samples}
    if sum(beyond.values()):
        text = ", ".join(f"{n} of {controls.data_set_title(k)}" for k, n in beyond.items() if n)
        st.caption(controls.escape(f"Outside of the picture: {text}."))


def value_of(table: Outliers, score: str, source_id: str) -> float:
    """Value of one galaxy; NaN where there is none."""
    at = np.flatnonzero(table.source_ids == source_id)
    return float(table.values[score][at[0]]) if len(at) and score in table.values else math.nan


def threshold_facts(shown: Shown) -> None:
    """How many lie beyond the threshold in each data set, and what it costs on held-out ones."""
    score = shown.settings.score
    base = shown.reference
    alarm = false_alarms(base.oriented(score.key)[base.held_out()], shown.threshold)
    title = controls.data_set_title(base.data_set)
    sign = -1.0 if score.low else 1.0
    st.markdown(
        f"**Threshold {sign * shown.threshold:.4g}** calls {alarm.flagged:,} of {alarm.n:,} "
        f"held-out galaxies of {controls.escape(title)} strange: {alarm.rate:.1%} "
        f"({alarm.low:.1%}–{alarm.high:.1%})."
    )
    lines = []
    for key, one in shown.tables.items():
        values = one.oriented(score.key)
        known = values[~np.isnan(values)]
        if len(known):
            beyond = int((known >= shown.threshold).sum())
            lines.append((controls.data_set_title(key), beyond, beyond / len(known)))
    made = scores.generated_scores(base.flow)
    if score.key in made:
        values = score.oriented(made[score.key].to_numpy(float))
        lines.append(
            (
                "Generated",
                int((values >= shown.threshold).sum()),
                float((values >= shown.threshold).mean()),
            )
        )
    table = pd.DataFrame(lines, columns=["Beyond it", "Galaxies", "Share"])
    st.dataframe(
        table, hide_index=True, key="likelihood_beyond",
        column_config={"Share": st.column_config.NumberColumn(format="percent")},
    )  # fmt: skip


# -- lists ------------------------------------------------------------------------------------


def listed(shown: Shown, view: View) -> tuple[str, list[Pair]]:
    """The list that is asked for and its galaxies in order."""
    if st.session_state.get("likelihood_list") not in LISTS:
        st.session_state["likelihood_list"] = "strangest"
    chosen = st.segmented_control(
        "List", list(LISTS), format_func=LISTS.__getitem__, key="likelihood_list",
        required=True, label_visibility="collapsed",
    )  # fmt: skip
    which = str(chosen)
    pairs, values = shown.pooled()
    if which == "range":
        return which, in_range(shown, pairs, values)
    if which == "marked":
        return which, [(m.data_set, m.source_id) for m in reversed(list(marks()))]
    if which == "marks" and len(marks()):
        return which, reranked(view, pairs, values, shown)
    order = np.argsort(-values, kind="stable")
    order = order[~np.isnan(values[order])]
    return which, [pairs[i] for i in order]


def in_range(shown: Shown, pairs: list[Pair], values: np.ndarray) -> list[Pair]:
    """Galaxies within the brushed range, strangest first; all beyond the threshold without one."""
    chosen = st.session_state.get("likelihood_range")
    if chosen is None:
        inside = values >= shown.threshold
    else:
        low, high = sorted((-chosen[0], -chosen[1]) if shown.settings.score.low else chosen)
        inside = (values >= low) & (values <= high)
    rows = np.flatnonzero(inside)
    return [pairs[i] for i in rows[np.argsort(-values[rows], kind="stable")]]


def notes(shown: Shown, pairs: list[Pair]) -> dict[Pair, str]:
    """Value, percentile and mark of each galaxy, in words."""
    score, base = shown.settings.score, shown.reference
    known = base.oriented(score.key)[base.learned()]
    out = {}
    for pair in pairs:
        table = shown.tables.get(pair[0])
        value = value_of(table, score.key, pair[1]) if table is not None else math.nan
        parts = []
        if math.isfinite(value):
            place = strangeness(score.oriented(np.array([value])), known)[0]
            parts += [f"{value:.4g}", f"{place:.1%}"]
        if (mark := marks().get(pair)) is not None:
            parts.append(mark_text(mark))
        out[pair] = " · ".join(parts)
    return out


def cells(shown: Shown, view: View, pairs: list[Pair]) -> list[gallery.Cell]:
    """Pictures with value and percentile first, then name, class and size."""
    said = notes(shown, pairs)
    made = []
    for cell in galaxies.galaxy_cells(pairs, view.style):
        note = " · ".join(p for p in (cell.note, cell.name) if p)
        made.append(dataclasses.replace(cell, name=said[cell.pair] or cell.name, note=note))
    return made


# -- scores among themselves ------------------------------------------------------------------


def agreement_table(here: Outliers) -> None:
    """Rank correlation of every pair of scores, and of each with angular size."""
    oriented = {SCORES[k].title: here.oriented(k) for k in here.values}
    table = agreement({**oriented, "Angular size": here.size})
    st.caption(
        "Spearman's rank correlation between scores, each taken as the higher the stranger: 1 is "
        "the same order, 0 none, -1 the reverse. The last column is the known trap: a score that "
        "goes with angular size finds large galaxies strange and small ones ordinary, whatever "
        "their shape. Log-likelihood for its size is log p less what galaxies of that size have."
    )
    st.dataframe(
        table.style.format("{:.2f}", na_rep="–").background_gradient("RdBu_r", vmin=-1, vmax=1)
        if _has_matplotlib()
        else table.round(2),
        key="likelihood_agreement",
    )


def _has_matplotlib() -> bool:
    from importlib.util import find_spec

    return find_spec("matplotlib") is not None


def no_scores(view: View, error: RadioVizError | None = None) -> None:
    """What to do where nothing tells how strange a galaxy is."""
    if error is not None:
        st.warning(controls.escape(str(error)))
    st.info("No outlier score is here yet. This makes them; reload the page afterwards:")
    st.code(f"python -m train scores --what outliers --data {view.data_set}", language="bash")


def heading(shown: Shown, which: str, pairs: list[Pair]) -> None:
    """How many galaxies the list holds and how it came about, with what can be done with it."""
    score = shown.settings.score
    chosen = st.session_state.get("likelihood_range")
    if which == "range":
        text = (
            f"beyond the threshold of {-shown.threshold if score.low else shown.threshold:.4g}"
            if chosen is None
            else f"with {score.title.lower()} {chosen[0]:.4g} to {chosen[1]:.4g}"
        )
    elif which == "marks":
        text = (
            "not marked yet, by what you marked"
            if len(marks())
            else "as the score ranks them: mark some, and they rank the rest"
        )
    elif which == "marked":
        text = "marked, the last first"
    else:
        text = f"by {score.title.lower()}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{controls.galaxies_text(len(pairs))}** {controls.escape(text)}")
        if pairs and which != "strangest":
            st.button(
                "On the map", icon=":material/scatter_plot:", key="likelihood_to_map",
                on_click=_to_map, args=(pairs,),
            )  # fmt: skip
        if which == "range" and chosen is not None:
            st.button(
                "Clear range", icon=":material/close:", key="likelihood_clear",
                on_click=_set_range, args=(None,),
            )  # fmt: skip


def _to_map(pairs: list[Pair]) -> None:
    state.set_brush(pairs, "likelihood")
    st.session_state["likelihood_leave"] = True
