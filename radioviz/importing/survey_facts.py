"""Facts of a survey: answered by the user, read from the files, implied by its name, or asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from radioviz.errors import CatalogueError
from radioviz.images.headers import known_survey

Answers = Mapping[str, Any]
UNKNOWN = "unknown"
"""The answer that leaves a fact open, where it may stay open."""


@dataclass(frozen=True)
class Question:
    """One fact that the files do not give.

    Attributes
    ----------
    key : str
        Key of the answer.
    text : str
        The question, with what was found.
    choices : tuple of str
        Accepted answers; empty where any text or number will do.
    default : str or None
        Used without an answer; None where an answer is required.
    """

    key: str
    text: str
    choices: tuple[str, ...] = ()
    default: str | None = None

    @property
    def required(self) -> bool:
        """True where an import cannot run without an answer."""
        return self.default is None


def choice_answer(answers: Answers, key: str, choices: tuple[str, ...]) -> str | None:
    """An answer that must be one of ``choices``; None where it was not given.

    Raises
    ------
    CatalogueError
        If it is another one.
    """
    value = answers.get(key)
    if value in (None, ""):
        return None
    for choice in choices:
        if str(value).strip().lower() == choice.lower():
            return choice
    raise CatalogueError(f"{key} is {value!r}; expected one of {', '.join(choices)}")


def positive_answer(
    answers: Answers, key: str, unit: str, *, unknown: bool = False
) -> float | None:
    """An answer that must be a positive number; None where not given or ``unknown``.

    Raises
    ------
    CatalogueError
        If it is neither.
    """
    value = answers.get(key)
    if value in (None, "") or (unknown and str(value).strip().lower() == UNKNOWN):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not 0 < number < float("inf") or isinstance(value, bool):
        either = f" or '{UNKNOWN}'" if unknown else ""
        raise CatalogueError(f"{key} is {value!r}; expected a positive number of {unit}{either}")
    return number


def pixels_answer(answers: Answers) -> int | None:
    """The answer ``pixels``: the edge of the stored images in pixels.

    Raises
    ------
    CatalogueError
        If it is not a whole number from 8 to 4096.
    """
    value = positive_answer(answers, "pixels", "pixels")
    if value is None:
        return None
    if value != int(value) or not 8 <= value <= 4096:
        raise CatalogueError(f"pixels is {answers['pixels']!r}; expected a number from 8 to 4096")
    return int(value)


@dataclass(frozen=True)
class SurveyFacts:
    """What holds for all images of a survey, as far as it is known.

    Attributes
    ----------
    pixel_scale : float or None
        Arcsec.
    beam : float or None
        FWHM in arcsec; None where unknown, or read from each file.
    bunit, survey : str
        Empty where unknown.
    raw : bool
        True where the images still contain noise.
    frequency : float or None
        GHz.
    """

    pixel_scale: float | None = None
    beam: float | None = None
    bunit: str = ""
    survey: str = ""
    raw: bool = True
    frequency: float | None = None
    licence: str = ""
    reference: str = ""


def resolve_facts(
    answers: Answers, in_files: SurveyFacts, ask_scale: str = ""
) -> tuple[SurveyFacts, dict[str, str], list[Question]]:
    """Facts of a survey from the answers, then the files, then what its name implies.

    Parameters
    ----------
    answers : mapping
    in_files : SurveyFacts
        What the files say.
    ask_scale : str
        Question for a missing pixel scale; empty where none is needed.

    Returns
    -------
    facts : SurveyFacts
    found : dict of str to str
        Each fact in words, with where it comes from.
    needed : list of Question
    """
    found: dict[str, str] = {}
    needed: list[Question] = []

    def note(name: str, value: str, given: bool, how: str = "files") -> None:
        found[name] = f"{value} ({'given' if given else how})"

    survey = str(answers.get("survey") or "").strip()
    survey = "" if survey.lower() == UNKNOWN else survey
    name = survey or in_files.survey
    if name:
        note("survey", name, bool(survey))
    elif not answers.get("survey"):
        needed.append(Question("survey", "Which survey are the images of?", default=UNKNOWN))
    known = known_survey(name)
    scale = positive_answer(answers, "pixel_scale", "arcsec") or in_files.pixel_scale
    if scale is not None:
        note("pixel_scale", f"{scale:.5g} arcsec", "pixel_scale" in answers)
    elif ask_scale:
        needed.append(Question("pixel_scale", ask_scale))
    given_beam = positive_answer(answers, "beam", "arcsec", unknown=True)
    beam = given_beam or in_files.beam or (known[0] if known else None)
    if beam is not None:
        how = "files" if in_files.beam is not None else f"that of {name}"
        note("beam", f"{beam:.4g} arcsec", given_beam is not None, how)
    elif not answers.get("beam"):
        text = "What is the FWHM of the beam in arcsec? Without it no flux density is measured."
        needed.append(Question("beam", text, default=UNKNOWN))
    bunit = str(answers.get("bunit") or "").strip()
    unit = in_files.bunit or ("" if bunit.lower() == UNKNOWN else bunit)
    if in_files.bunit or bunit:
        note("bunit", unit or "none", not in_files.bunit)
    else:
        text = "What is the unit of the pixels, such as Jy/beam? Unknown: grey levels."
        needed.append(Question("bunit", text, default=UNKNOWN))
    raw = choice_answer(answers, "raw", ("yes", "no"))
    is_raw = in_files.raw if raw is None else raw == "yes"
    note("raw", "noise in the images" if is_raw else "noise removed", raw is not None)
    frequency = positive_answer(answers, "frequency", "GHz", unknown=True) or in_files.frequency
    frequency = frequency or (known[1] if known else None)
    if frequency:
        note("frequency", f"{frequency:.4g} GHz", "frequency" in answers)
    facts = dataclasses.replace(
        in_files,
        pixel_scale=scale,
        beam=beam,
        bunit=unit,
        survey=name,
        raw=is_raw,
        frequency=frequency,
        licence=str(answers.get("licence") or in_files.licence),
        reference=str(answers.get("reference") or in_files.reference),
    )
    return facts, found, needed
