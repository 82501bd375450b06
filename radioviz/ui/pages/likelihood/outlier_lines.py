"""A list of the Likelihood page as lines of the Python API."""

from __future__ import annotations

from radioviz.ui.code.filter_lines import among
from radioviz.ui.code.script import Expression, Script, call
from radioviz.ui.controls import View
from radioviz.ui.pages.likelihood.likelihood_view import OutlierSettings
from radioviz.ui.pages.likelihood.scored_sample import ScoredSample
from radioviz.ui.pages.likelihood.state import LikelihoodState
from radioviz.ui.session_labels import labels, marks
from radioviz.ui.state import page_state
from radioviz.words.examples import FEWEST


def outlier_script(
    view: View, settings: OutlierSettings, sample: ScoredSample, which: str
) -> Script:
    """The galaxies of the list, ``which`` of the lists of the page, strangest first."""
    script, keys = Script(), list(sample.tables)
    shown = among(script, keys, view.model)
    sides = [[p for p in side if p[0] in keys] for side in labels().examples("interesting")]
    by_marks = which == "marks" and min(map(len, sides)) >= FEWEST
    if by_marks or which == "marked":
        # No reader looks for artefacts, whatever number they were given.
        held = {(m.data_set, m.source_id): 0 if m.kind == "artefact" else m.mark for m in marks()}
        if by_marks:
            held |= {p: 0 for p in sides[1] if p not in held}  # tagged "not interesting"
        script.note("Marks, 0 (of no interest) to 5; artefacts count as 0.")
        script.put("marks", held)
    if which == "marked":
        script.put("listed", Expression("list(reversed(marks))"))
        return script
    ranked = call(
        "radioviz.rank_outliers",
        keys[0] if len(keys) == 1 else keys,
        settings.score.key,
        model=view.model or "",
        flagged=None if settings.flagged == 0.05 else settings.flagged,
        among=shown,
        marks=Expression("marks") if by_marks else None,
    )
    script.put("ranked", ranked)
    listed = "ranked"
    chosen = page_state(LikelihoodState).range
    if which == "range" and chosen is not None:
        low, high = sorted(float(v) for v in chosen)
        listed = f'ranked[ranked["value"].between({low!r}, {high!r})]'
    elif which == "range":
        listed = 'ranked[ranked["flagged"]]'
    script.put("listed", Expression(listed))
    return script
