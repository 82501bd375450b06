"""Facts of a survey: as answered, as the files tell, as its name implies, or asked for."""

from __future__ import annotations

import dataclasses

from radioviz.errors import CatalogueError
from radioviz.images.headers import known_survey
from radioviz.importing.questions import UNKNOWN, Answers, Question, chosen, positive
from radioviz.importing.reader import SurveyFacts

_YES = ("yes", "no")


def resolve(
    answers: Answers, told: SurveyFacts, ask_scale: str = ""
) -> tuple[SurveyFacts, dict[str, str], list[Question]]:
    """Facts of the survey from the answers, then the files, then what its name implies.

    Parameters
    ----------
    answers : mapping
    told : SurveyFacts
        What the files say.
    ask_scale : str
        Question for a missing pixel scale.
    """
    found: dict[str, str] = {}
    needed: list[Question] = []

    def keep(name: str, value: object, given: bool, unit: str = "", how: str = "files") -> None:
        found[name] = f"{value}{unit} ({'given' if given else how})"

    survey = str(answers.get("survey") or "").strip()
    survey = "" if survey.lower() == UNKNOWN else survey
    name = survey or told.survey
    if name:
        keep("survey", name, bool(survey))
    elif not answers.get("survey"):
        needed.append(Question("survey", "Which survey are the images of?", default=UNKNOWN))
    known = known_survey(name)
    scale = positive(answers, "pixel_scale", "arcsec") or told.pixel_scale
    if scale is not None:
        keep("pixel_scale", f"{scale:.5g}", "pixel_scale" in answers, " arcsec")
    elif ask_scale:
        needed.append(Question("pixel_scale", ask_scale))
    beam = positive(answers, "beam", "arcsec", unknown=True)
    if beam is not None:
        keep("beam", f"{beam:.4g}", True, " arcsec")
    elif told.beam is not None:
        beam = told.beam
        keep("beam", f"{told.beam:.4g}", False, " arcsec")
    elif known:
        beam = known[0]
        keep("beam", f"{beam:.4g}", False, " arcsec", f"that of {name}")
    elif not answers.get("beam"):
        text = "What is the FWHM of the beam in arcsec? Without it no flux density is measured."
        needed.append(Question("beam", text, default=UNKNOWN))
    bunit = str(answers.get("bunit") or "").strip()
    if told.bunit or bunit:
        unit = told.bunit or ("" if bunit.lower() == UNKNOWN else bunit)
        keep("bunit", unit or "none", not told.bunit)
    else:
        unit = ""
        text = "What is the unit of the pixels, such as Jy/beam? Unknown: grey levels."
        needed.append(Question("bunit", text, default=UNKNOWN))
    raw = chosen(answers, "raw", _YES)
    is_raw = told.raw if raw is None else raw == "yes"
    keep("raw", "noise in the images" if is_raw else "noise removed", raw is not None)
    frequency = positive(answers, "frequency", "GHz", unknown=True) or told.frequency
    frequency = frequency or (known[1] if known else None)
    if frequency:
        keep("frequency", f"{frequency:.4g}", "frequency" in answers, " GHz")
    facts = dataclasses.replace(
        told,
        pixel_scale=scale,
        beam=beam,
        bunit=unit,
        survey=name,
        raw=is_raw,
        frequency=frequency,
        licence=str(answers.get("licence") or told.licence),
        reference=str(answers.get("reference") or told.reference),
    )
    return facts, found, needed


def pixels_of(answers: Answers) -> int | None:
    """The answer ``pixels``: along an edge of the stored images.

    Raises
    ------
    CatalogueError
        If it is no whole number from 8 to 4096.
    """
    value = positive(answers, "pixels", "pixels")
    if value is None:
        return None
    if value != int(value) or not 8 <= value <= 4096:
        raise CatalogueError(f"pixels is {answers['pixels']!r}; expected a number from 8 to 4096")
    return int(value)
