"""Lines that repeat the filter and the selection of a workspace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from radioviz.ui import cache, filtering, state
from radioviz.ui.code.script import Expression, Script, call, literal
from radioviz.ui.crossmatches import crossmatches, joined_names, opened
from radioviz.ui.subsets import subsets
from radioviz.workspace.expression import parse_filter

MOST_IDS = 5000
"""Galaxies that a script lists one by one; a longer list belongs into a file."""


def shown_call(
    script: Script,
    data_set: str,
    model: str | None,
    names: Iterable[str] = (),
    **more: str | bool,
) -> Expression:
    """The galaxies of a data set that pass the filter of the workspace.

    Parameters
    ----------
    names : iterable of str
        Columns that the table must have besides those of the filter.
    """
    condition = filtering.condition_of(data_set, model) or ""
    used = {*names, *(parse_filter(condition).columns() if condition else ())}
    named = {
        subset.name: subset.members.groups().get(data_set, [])
        for subset in subsets()
        if subset.name in used
    }
    joined = sorted(used & joined_names(data_set))
    more = {key: value for key, value in more.items() if value}
    given = [data_set, condition] if condition else [data_set]
    return call(
        "radioviz.select_galaxies",
        *given,
        model=model or "",
        subsets=named,
        columns=_joined_file(script, data_set, joined) if joined else None,
        **more,
    )


def _joined_file(script: Script, data_set: str, names: list[str]) -> Expression:
    """Columns of crossmatches, which travel as a file beside the script."""
    script.needs("import pandas as pd")
    name = f"radioviz-{data_set}-joined.csv"

    def content() -> bytes:
        ids = cache.data_set(data_set).table["source_id"].to_numpy(object)
        tables = [opened(match) for match in crossmatches(data_set)]
        cells = {n: next(t for t in tables if n in t.columns)[n].to_numpy() for n in names}
        return pd.DataFrame({"source_id": ids, **cells}).to_csv(index=False).encode()

    script.files[name] = content
    return Expression(f'pd.read_csv({literal(name)}, dtype={{"source_id": str}})')


def among(script: Script, data_sets: Sequence[str], model: str | None) -> Expression | None:
    """A variable with the galaxies of several data sets that pass the filter; None for all."""
    conditions = {key: filtering.condition_of(key, model) for key in data_sets}
    if all(text == "" for text in conditions.values()):
        return None
    calls = [shown_call(script, key, model) for key, text in conditions.items() if text is not None]
    if len(calls) == 1:
        script.put("shown", calls[0])
    else:
        script.needs("import pandas as pd")
        names = [f"shown_{i + 1}" for i in range(len(calls))]
        for name, one in zip(names, calls, strict=True):
            script.put(name, one)
        script.put("shown", Expression(f"pd.concat([{', '.join(names)}])"))
    return Expression("shown")


def put_selection(script: Script, data_set: str) -> bool:
    """``selected``: the selected galaxies of a data set, by identifier; whether there are any."""
    ids = state.brush().groups().get(data_set, [])
    if not ids:
        return False
    if len(ids) > MOST_IDS:
        script.note(
            f"{len(ids):,} galaxies are selected, too many to list: export them as CSV, and read "
            "the column source_id of that file."
        )
        return False
    script.note("The selection.")
    script.put("selected", list(ids))
    return True
