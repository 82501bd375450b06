"""The latent map as lines of the Python API."""

from __future__ import annotations

from collections.abc import Sequence

from radioviz.ui.code.filter_lines import put_selection, shown_call
from radioviz.ui.code.script import Expression, Script, call, literal
from radioviz.ui.controls import View
from radioviz.ui.map import colouring
from radioviz.ui.pages.latent_map.latent_map_controls import MapChoice


def map_script(view: View, choice: MapChoice) -> Script:
    """Positions and colours of the galaxies shown, and the selection."""
    script = Script()
    for number, (model, shown) in enumerate(choice.maps.items()):
        suffix = "" if number == 0 else f"_{number + 1}"
        if number:
            script.note("The map beside it, by the other encoder.")
        _put_map(script, view, choice, model, shown.layout, suffix)
        for layer in shown.layers[1:]:
            script.note(f"Overlaid: {layer.title}.")
            _put_layer(script, layer.data_set, model, shown.layout, f"{suffix}_overlay",
                       on=view.data_set)  # fmt: skip
    put_selection(script, view.data_set)
    return script


def _put_map(
    script: Script, view: View, choice: MapChoice, model: str, layout: str, suffix: str
) -> None:
    _put_layer(script, view.data_set, model, layout, suffix, [choice.colour.key])
    if choice.colour.key == colouring.LATENT:
        values = f"atlas{suffix}.latents[rows{suffix}, {choice.component}]"
    else:
        values = f"shown{suffix}[{literal(choice.colour.key)}]"
    script.put(f"colour{suffix}", Expression(values))


def _put_layer(
    script: Script,
    data_set: str,
    model: str,
    layout: str,
    suffix: str,
    names: Sequence[str] = (),
    on: str = "",
) -> None:
    """``shown`` and ``places`` of a data set, row by row."""
    script.put(f"atlas{suffix}", call("radioviz.open_atlas", data_set, model))
    script.put(f"shown{suffix}", shown_call(script, data_set, model, names))
    ids = f'shown{suffix}["source_id"].tolist()'
    script.put(f"rows{suffix}", Expression(f"atlas{suffix}.rows_of({ids})"))
    positions = call("radioviz.map_positions", data_set, model, layout, on=on)
    script.put(f"places{suffix}", Expression(f"{positions}[rows{suffix}]"))
