"""The Table page as lines of the Python API."""

from __future__ import annotations

from radioviz.ui.code.filter_lines import put_selection, shown_call
from radioviz.ui.code.script import Expression, Script, literal
from radioviz.ui.controls import View
from radioviz.ui.pages.table.column_charts import Chart
from radioviz.ui.pages.table.state import TableSettings


def table_script(
    view: View, settings: TableSettings, charts: list[Chart], *, selected_only: bool
) -> Script:
    """Rows and columns listed, and the numbers behind each chart."""
    script = Script()
    shown = shown_call(
        script,
        view.data_set,
        view.model,
        [*settings.columns, settings.sort, *(name for c in charts for name in (c.x, c.y))],
        sort=settings.sort,
        descending=settings.descending and bool(settings.sort),
    )
    script.put("shown", shown)
    listed = "shown"
    if put_selection(script, view.data_set) and selected_only:
        listed = 'shown[shown["source_id"].isin(selected)]'
    elif selected_only:
        listed = "shown.iloc[:0]"
    script.put("table", Expression(f"{listed}[{literal(list(settings.columns))}]"))
    for number, chart in enumerate(charts, start=1):
        axes = ("ra", "dec") if chart.kind == "sky" else (chart.x, chart.y)
        names = dict.fromkeys(("source_id", *(name for name in axes if name)))
        script.put(f"chart_{number}", Expression(f"shown[{literal(list(names))}]"))
    return script
