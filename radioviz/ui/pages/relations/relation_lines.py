"""Lines that repeat the prediction of the Relations page."""

from __future__ import annotations

from radioviz.ui.code.filter_lines import shown_call
from radioviz.ui.code.script import Expression, Script, call
from radioviz.ui.controls import View
from radioviz.ui.pages.relations.relation_question import LATENTS, MEASURED, RelationSettings


def relation_script(view: View, settings: RelationSettings) -> Script:
    """The galaxies that pass the filter, and the prediction of the property of each."""
    script = Script()
    script.put("shown", shown_call(
        script, view.data_set, view.model, [settings.name, *settings.more]
    ))  # fmt: skip
    if settings.asked:
        script.put("predicted", call(
            "radioviz.predict_property", Expression("shown"), settings.name,
            latents=(view.model or "") if LATENTS in settings.predictors else "",
            measured=MEASURED in settings.predictors or None,
            columns=list(settings.more), log=settings.log or None,
        ))  # fmt: skip
        script.put("r2", Expression('predicted.attrs["r2"]'))
    return script
