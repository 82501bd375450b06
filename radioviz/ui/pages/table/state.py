"""What the Table page remembers: columns and order in the workspace, the page in the session."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from radioviz.ui import session_workspace
from radioviz.workspace.table_columns import TableColumns

USUAL = ("name", "label", "las", "flux", "redshift", "ra", "dec", "source_id")
ROWS = 50


@dataclass(frozen=True)
class TableSettings:
    """Columns shown, in order, and the column that sorts them (empty: the catalogue's order)."""

    columns: tuple[str, ...]
    sort: str = ""
    descending: bool = False


def table_settings(columns: TableColumns) -> TableSettings:
    """The settings of this workspace, as far as the data set has the columns."""
    held = session_workspace.value("table", {})
    shown = tuple(c for c in held.get("columns", USUAL) if c in columns)
    sort = str(held.get("sort", ""))
    return TableSettings(
        shown or tuple(c for c in USUAL if c in columns) or tuple(columns.names[:6]),
        sort if sort in columns else "",
        bool(held.get("descending", False)),
    )


def change_table(settings: TableSettings, what: str) -> None:
    """Save other settings; ``what`` names the change for undo."""
    values = asdict(settings)
    session_workspace.put("table", {**values, "columns": list(settings.columns)}, what)
