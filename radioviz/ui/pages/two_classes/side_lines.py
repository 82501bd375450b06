"""Lines that repeat the classes of the page."""

from __future__ import annotations

from radioviz.models.two_sides import side_column
from radioviz.ui.code.filter_lines import shown_call
from radioviz.ui.code.script import Expression, Script, literal
from radioviz.ui.controls import View
from radioviz.ui.pages.two_classes.side_sample import SideSample


def side_script(view: View, sample: SideSample) -> Script:
    """The galaxies that pass the filter, and those of either class."""
    script, column = Script(), literal(side_column(sample.info.name))
    script.put("shown", shown_call(script, view.data_set, view.model))
    script.put("side", Expression(f"shown[{column}]"))
    script.put("below", Expression(f"shown[side <= {sample.threshold!r}]"))
    script.put("above", Expression(f"shown[side > {sample.threshold!r}]"))
    return script
