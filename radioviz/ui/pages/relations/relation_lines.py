"""Lines that repeat what the Relations page draws."""

from __future__ import annotations

from typing import Any

import streamlit as st

from radioviz.ui.code.filter_lines import shown_call
from radioviz.ui.code.script import Expression, Script, call, literal
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


def property_map_script(view: View) -> Script:
    """The galaxies that pass the filter, their places, and the map of the property."""
    script, held = Script(), st.session_state
    name, smoothing = held.get("property_map_name"), held.get("property_map_smoothing")
    script.put("shown", shown_call(script, view.data_set, view.model, [name] if name else []))
    if not name or smoothing is None:  # no map without an encoder, or of one latent twice
        return script
    script.put("atlas", call("radioviz.open_atlas", view.data_set, view.model))
    by_source = f'shown.set_index("source_id")[{literal(name)}].reindex(atlas.source_ids)'
    script.put("values", Expression(f"{by_source}.to_numpy(float)"))
    if held.get(f"property_map_log_{name}"):
        script.needs("import numpy as np")
        script.put("values", Expression("np.log10(np.where(values > 0, values, np.nan))"))
    script.put("places", _places(view, held, view.data_set))
    given = Expression("places"), Expression("values"), float(smoothing)
    script.put("drawn", call("radioviz.property_map", *given))
    for number, key in enumerate(held.get("property_map_others", ()), 1):
        script.put(f"projected_{number}", _places(view, held, str(key)))
    return script


def _places(view: View, held: Any, data_set: str) -> Expression:
    """Where the galaxies of a data set are on the plane, row by row of its Atlas."""
    layout = str(held["property_map_plane"])
    if layout == "latents":
        pair = [int(held["property_map_x"]), int(held["property_map_y"])]
        opened = call("radioviz.open_atlas", data_set, view.model)
        return Expression(f"{opened}.latents[:, {pair}]")
    on = "" if data_set == view.data_set else view.data_set
    return call("radioviz.map_positions", data_set, view.model, layout, on=on)


def power_script(view: View, names: list[str]) -> Script:
    """The galaxies of the diagram, with the columns ``names`` of it that the data set has."""
    script = Script()
    script.put("shown", shown_call(script, view.data_set, view.model, names))
    if {"linear_size", "luminosity"} <= {*names}:
        known = 'shown["linear_size"] > 0) & shown["luminosity"].notna('
        script.put("drawn", Expression(f"shown[({known})]"))
        script.put("size", Expression('drawn["linear_size"]'))
        script.put("power", Expression('drawn["luminosity"]'))
    return script
