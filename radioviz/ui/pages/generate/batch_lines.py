"""A batch of the Generate page as lines of the Python API."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from radioviz.ui.code.generate_lines import generate_call
from radioviz.ui.code.script import Expression, Script, call
from radioviz.ui.pages.generate.state import GeneratedBatch

if TYPE_CHECKING:
    from radioviz.mock_fields.settings import FieldSettings


def batch_script(batch: GeneratedBatch, around: str) -> Script:
    """The images of a batch, and the one shown large.

    ``around``: ``data set/source_id`` of the galaxy that the batch is drawn around; empty for none.
    """
    script, request, name = Script(), batch.made.request, batch.info.name
    centre = None
    if request.mode == "around" and around:
        data_set, _, source_id = around.partition("/")
        script.put("atlas", call("radioviz.open_atlas", data_set, name))
        script.put("row", Expression(f"int({call('atlas.rows_of', [source_id])}[0])"))
        centre = Expression("atlas.latents[row]")
    script.put("made", generate_call(name, request, number=request.n, centre=centre))
    made = "made.sigma_clipped()" if batch.clipped else "made"
    script.put("images", Expression(f"{made}.images"))
    script.note("The image shown large.")
    script.put("chosen", Expression(f"images[{batch.chosen}]"))
    return script


def mock_field_script(settings: FieldSettings) -> Script:
    """A mock field, and what photutils recovers of it."""
    script = Script()
    script.put("truth", call("radioviz.mock_field", "field.fits", **_given(settings)))
    script.put("found", call("radioviz.find_sources", "field.fits"))
    script.put("rates", call("radioviz.field_recovery", *_FOUND, "field.fits"))
    return script


def injection_script(
    name: str, extension: int | None, settings: FieldSettings, searched: bool
) -> Script:
    """Galaxies in the image ``name``, what photutils recovers, and what a search says of them."""
    script, given = Script(), _given(settings)
    given |= {} if extension is None else {"extension": extension}
    script.put("truth", call("radioviz.inject_galaxies", name, "more.fits", **given))
    script.put("found", call("radioviz.find_sources", "more.fits"))
    before = {} if extension is not None else {"before": name}
    if extension is not None:
        script.note(
            "The page leaves out the image's own sources; give before= a file of this image alone."
        )
    tables = {"rates": "field_recovery", "selection": "selection_function"}
    tables |= {"seen": "search_recovery"} if searched else {}
    for table, function in tables.items():
        script.put(table, call(f"radioviz.{function}", *_FOUND, "more.fits", **before))
    return script


_FOUND = Expression("truth"), Expression("found")


def _given(settings: FieldSettings) -> dict[str, Any]:
    """Options that differ from the usual ones, and the model."""
    usual = type(settings)()
    given = {
        f.name: getattr(settings, f.name)
        for f in dataclasses.fields(settings)
        if getattr(settings, f.name) != getattr(usual, f.name) or f.name == "model"
    }
    if "beam" in given:
        beam = settings.beam
        given["beam"] = (beam.major, beam.minor, beam.pa)
    return given
