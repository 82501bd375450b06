"""A search of the Similar page as lines of the Python API."""

from __future__ import annotations

from radioviz.ui.code.filter_lines import among
from radioviz.ui.code.generate_lines import generate_call
from radioviz.ui.code.script import Expression, Script, call
from radioviz.ui.pages.similar.similar_search import DEFAULT, NO_CLASS, SearchSettings
from radioviz.ui.pages.similar.state import Pair, QueryPicture, SimilarityQuery


def similar_script(
    model: str, query: SimilarityQuery, picture: QueryPicture | None, settings: SearchSettings
) -> Script:
    """The results of a search, as a table."""
    script = Script()
    shown = among(script, settings.targets, model)
    if settings.labels:
        shown = _of_classes(script, settings, shown)
    example: dict[str, object] = {}
    if picture is not None and "made" in picture.example:
        name, request, index, clipped = picture.example["made"]
        script.put("made", generate_call(name, request, number=index + 1))
        script.put("one", Expression(f"made.take([{index}])" + ".sigma_clipped()" * bool(clipped)))
        example["image"] = Expression("one")
    elif picture is not None:
        script.note("The uploaded file, in the current folder.")
        example = dict(picture.example)
    targets = settings.targets
    found = call(
        "radioviz.find_similar",
        targets[0] if len(targets) == 1 else list(targets),
        galaxy=_examples(query.like, targets[0]),
        unlike=_examples(query.unlike, targets[0]),
        model=model,
        measure=None if settings.measure == DEFAULT else settings.measure,
        number=settings.number,
        separation=settings.separation,
        rotated=settings.rotated or None,
        alone=settings.alone or None,
        among=shown,
        **example,
    )
    script.put("found", found)
    return script


def _examples(pairs: tuple[Pair, ...], data_set: str) -> str | list[str | tuple[str, str]]:
    named: list[str | tuple[str, str]] = [s if d == data_set else (d, s) for d, s in pairs]
    return named[0] if len(named) == 1 and isinstance(named[0], str) else named


def _of_classes(script: Script, settings: SearchSettings, shown: Expression | None) -> Expression:
    """Narrow the galaxies to classes."""
    if shown is None:
        calls = [call("radioviz.select_galaxies", key) for key in settings.targets]
        if len(calls) > 1:
            script.needs("import pandas as pd")
            calls = [Expression(f"pd.concat([{', '.join(calls)}])")]
        script.put("shown", calls[0])
    labels = ["" if name == NO_CLASS else name for name in settings.labels]
    script.put("shown", Expression(f'shown[shown["label"].isin({labels!r})]'))
    return Expression("shown")
