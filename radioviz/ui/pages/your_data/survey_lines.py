"""The page Your data as lines of the Python API."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from radioviz.importing import Source
from radioviz.ui import controls
from radioviz.ui.code.script import Expression, Script, call


def surveys_script(keys: list[str], draft: Mapping[str, Any]) -> Script:
    """The imported surveys, and the import that the form describes.

    ``keys``: of the imported surveys; ``draft``: empty, or keywords of
    :func:`radioviz.import_survey`, with ``path``.
    """
    script = Script()
    script.put("surveys", list(keys))
    script.put("samples", Expression("{key: radioviz.open_data_set(key) for key in surveys}"))
    if draft:
        named = dict(draft)
        path = named.pop("path")
        script.note("The import that the form describes.")
        script.put("imported", call("radioviz.import_survey", path, **named))
    return script


def draft_of(
    source: Source,
    answers: Mapping[str, Any],
    key: str,
    title: str,
    models: list[str],
    *,
    replace: bool,
) -> dict[str, Any]:
    """What the form would import; paths only for who started the server, else names of files."""

    def shown(path: Path) -> str:
        return str(path.resolve()) if controls.is_local() else path.name

    return {
        "path": shown(source.path),
        "table": shown(source.table) if source.table else None,
        "key": key,
        "title": title,
        "models": list(models),
        "replace": replace or None,
        **answers,
    }
