"""Completion in the filter's box: columns with units and meaning, functions, words, tags."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from radioviz.ui.browser_component import register_component
from radioviz.ui.image import media
from radioviz.ui.state import page_state
from radioviz.ui.workspace_columns import columns_in_view, columns_version
from radioviz.workspace.evaluation import FUNCTIONS
from radioviz.workspace.expression import quoted
from radioviz.workspace.table_columns import TableColumns

_KEYWORDS = ("and", "or", "not", "in (", "between", "is missing", "is not missing", "contains",
             "starts with", "ends with", "like", "matches")  # fmt: skip
MOST_ROWS = 100_000
"""Rows of a table whose words are listed; in larger ones, of columns that are in use already."""
MOST_WORDS = 100


@dataclass
class _Names:
    """What the browser knows, as JSON, and the columns that it was made from."""

    source: tuple[object, ...] = ()
    payload: bytes = b""
    digest: str = ""


def draw_completion(data_set: str, model: str | None) -> None:
    """Complete what is typed into the filter's box, which is drawn before."""
    held = page_state(_Names)
    source = columns_version(data_set, model)
    if held.source != source:
        held.source = source
        held.payload = json.dumps(known_names(columns_in_view(data_set, model))).encode()
        held.digest = hashlib.sha256(held.payload).hexdigest()
    url = media.serve(held.payload, "application/json", held.digest, "filter-names")
    register_component("radioviz_filter_completion", __file__)(
        key="filter_completion", data={"names": url}
    )


def known_names(columns: TableColumns) -> dict[str, Any]:
    """Columns, functions, words of the language and tags, as the browser lists them."""
    return {
        "columns": [
            {
                "name": name,
                "insert": quoted(name),
                "about": columns.about(name),
                "words": columns.words(name, MOST_WORDS, len(columns) <= MOST_ROWS),
            }
            for name in columns.names
        ],
        "functions": [{"name": name, "about": text} for name, text in FUNCTIONS.items()],
        "words": list(_KEYWORDS),
        "tags": list(columns.tags),
    }
