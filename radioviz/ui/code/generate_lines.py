"""A request for generated galaxies as a line of the Python API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from radioviz.ui.code.script import Expression, call

if TYPE_CHECKING:
    from radioviz.encode import GenerationRequest


def generate_call(
    model: str, request: GenerationRequest, *, number: int, centre: Expression | None = None
) -> Expression:
    """``radioviz.generate_galaxies(...)``; ``centre`` stands for the vector to draw around."""
    given = [] if request.label is None and request.size is None else [request.label]
    around = request.mode == "around"
    return call(
        "radioviz.generate_galaxies",
        *given,
        size=request.size,
        number=number,
        seed=request.seed,
        model=model,
        mode=None if request.mode == "prior" else request.mode,
        centre=(centre or request.centre) if around else None,
        spread=request.spread if around else None,
        temperature=None if request.temperature == 1 else request.temperature,
        candidates=request.candidates,
        certainty=request.certainty,
        guidance=request.guidance,
        corrections=request.corrections,
    )
