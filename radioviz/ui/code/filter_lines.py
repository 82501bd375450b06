"""Lines that repeat the filter and the selection of a workspace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from radioviz.ui import cache, filtering, state
from radioviz.ui.code.script import Expression, Script, call, literal
from radioviz.ui.subsets import subsets
from radioviz.ui.workspace_columns import columns_in_view, own_columns, workspace_columns
from radioviz.workspace.expression import parse_filter
from radioviz.workspace.table_columns import Numbers, TableColumns, Text

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

    ``names``: columns that the table must have besides those of the filter.
    """
    condition = filtering.condition_of(data_set, model) or ""
    used = {*names, *(parse_filter(condition).columns() if condition else ())}
    used &= own_columns(data_set)
    members = {s.name: s.members.groups().get(data_set, []) for s in subsets()}
    tags = workspace_columns(data_set).tags if "tag(" in condition else {}
    ids_of = cache.data_set(data_set).ids_of
    filed = sorted(used - members.keys())
    return call(
        "radioviz.select_galaxies",
        *([data_set, condition] if condition else [data_set]),
        model=model or "",
        subsets={name: members[name] for name in sorted(used & members.keys())},
        tags={
            tag: ids_of(mask).tolist() for tag, mask in tags.items() if literal(tag) in condition
        },
        columns=_own_file(script, data_set, model, filed) if filed else None,
        **{key: value for key, value in more.items() if value},
    )


def _own_file(script: Script, data_set: str, model: str | None, names: list[str]) -> Expression:
    """Columns of this workspace, such as those of crossmatches, as a file beside the script."""
    script.needs("import pandas as pd")
    name = f"radioviz-{data_set}-columns.csv"
    columns = columns_in_view(data_set, model)
    script.files[name] = lambda: _csv(columns, names)
    reading = f'{literal(name)}, dtype={{"source_id": str}}, keep_default_na=False, na_values=[""]'
    return Expression(f"pd.read_csv({reading})")


def _csv(columns: TableColumns, names: list[str]) -> bytes:
    rows = np.arange(len(columns))
    table: dict[str, Any] = {}
    for name in ("source_id", *names):
        values = columns.values(name)
        if isinstance(values, Text):
            table[name] = values.texts(rows)
        else:
            table[name] = values.floats() if isinstance(values, Numbers) else values.values
    return pd.DataFrame(table).to_csv(index=False).encode()


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
