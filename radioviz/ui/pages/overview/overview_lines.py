"""The Overview as lines of the Python API."""

from __future__ import annotations

from radioviz.ui.code.script import Expression, Script, call


def overview_script(data_set: str) -> Script:
    """What is installed, and the classes of the data set in view."""
    script = Script()
    script.put("data_sets", call("radioviz.list_data_sets"))
    script.put("models", call("radioviz.list_models"))
    script.put("sample", call("radioviz.open_data_set", data_set))
    script.put("classes", Expression('sample.table["label"].value_counts()'))
    return script
