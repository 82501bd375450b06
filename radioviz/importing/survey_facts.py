"""Facts of a survey: answered by the user, read from the files, implied by its name, or asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from radioviz.errors import CatalogueError
from radioviz.images.known_surveys import known_survey
from radioviz.images.observation import brightness_unit

Answers = Mapping[str, Any]
UNKNOWN = "unknown"
"""The answer that leaves a fact open, where it may stay open."""


@dataclass(frozen=True)
class Question:
    """One fact that the files do not give."""

    key: str  # key of the answer
    text: str  # the question, with what was found
    choices: tuple[str, ...] = ()  # accepted answers; empty where any text or number will do
    default: str | None = None  # used without an answer; None where an answer is required

    @property
    def required(self) -> bool:
        """True where an import cannot run without an answer."""
        return self.default is None


def choice_answer(answers: Answers, key: str, choices: tuple[str, ...]) -> str | None:
    """An answer that must be one of ``choices``; None where it was not given.

    Raises CatalogueError if it is another one.
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

    Raises CatalogueError if it is neither.
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

    Raises CatalogueError if it is not a whole number from 8 to 4096.
    """
    value = positive_answer(answers, "pixels", "pixels")
    if value is None:
        return None
    if value != int(value) or not 8 <= value <= 4096:
        raise CatalogueError(f"pixels is {answers['pixels']!r}; expected a number from 8 to 4096")
    return int(value)


@dataclass(frozen=True)
class SurveyFacts:
    """What holds for the images of a survey, as far as it is known."""

    pixel_scale: float | None = None  # arcsec; of most images where each has its own
    beam: float | None = None  # FWHM in arcsec; None where unknown, or where each image has its own
    # bunit, survey: empty where unknown
    bunit: str = ""
    survey: str = ""
    raw: bool = True  # True where the images still contain noise
    frequency: float | None = None  # GHz; None where unknown, or where each image has its own
    licence: str = ""
    reference: str = ""
    primary_beam: str = ""  # ``corrected`` or ``uncorrected`` where the user says so
    # The facts that the user answered: they hold for every image, whatever the files say.
    given: frozenset[str] = frozenset()
    # Least and largest value in the files, by fact, where they differ.
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    factor: float = 1.0  # from the pixels of the files to ``bunit``
    implied: frozenset[str] = frozenset()  # facts that no file says, but the name of its survey


def resolve_facts(
    answers: Answers, in_files: SurveyFacts, ask_scale: str = "", *, ask_noise: bool = False
) -> tuple[SurveyFacts, dict[str, str], list[Question]]:
    """Facts of a survey from the answers, then the files, then what its name implies.

    Parameters
    ----------
    answers : mapping
    in_files : SurveyFacts
        What the files say.
    ask_scale : str
        Question for a missing pixel scale; empty where none is needed.
    ask_noise : bool
        True to ask whether noise is in the images, with what the files show as default.

    Returns
    -------
    facts : SurveyFacts
    found : dict of str to str
        Each fact in words, with where it comes from.
    needed : list of Question
    """
    found: dict[str, str] = {}
    needed: list[Question] = []
    answered = frozenset(k for k in _OVERRIDES if str(answers.get(k) or "").strip())
    survey = _text_answer(answers, "survey")
    name = survey if "survey" in answered else in_files.survey
    if name:
        found["survey"] = f"{name} ({'given' if 'survey' in answered else 'files'})"
    elif "survey" not in answered:
        needed.append(Question("survey", "Which survey are the images of?", default=UNKNOWN))
    known = known_survey(name)
    implied = known.beam_at() if known else None
    values: dict[str, float | None] = {}
    for fact, unit, by_name in (
        ("pixel_scale", "arcsec", None),
        ("beam", "arcsec", implied.fwhm if implied else None),
        ("frequency", "GHz", known.frequency if known else None),
    ):
        given = positive_answer(answers, fact, unit, unknown=fact != "pixel_scale")
        in_file = getattr(in_files, fact)
        said = _range_text(in_files.ranges.get(fact), in_file, unit)
        if fact in answered:
            values[fact] = given
            found[fact] = _override_text(f"{given:.5g} {unit}" if given else UNKNOWN, said)
        elif said:
            values[fact] = in_file
            own = ", each image its own" if fact in in_files.ranges else ""
            of = f"that of {name}; no header has it" if fact in in_files.implied else "files"
            found[fact] = f"{said} ({of}{own})"
        elif by_name is not None:
            values[fact] = by_name
            found[fact] = f"{by_name:.4g} {unit} (that of {name})"
        else:
            values[fact] = None
    if values["pixel_scale"] is None and ask_scale:
        needed.append(Question("pixel_scale", ask_scale))
    if values["beam"] is None and not {"beam"} & (answered | set(in_files.ranges)):
        text = "What is the FWHM of the beam in arcsec? Without it no flux density is measured."
        needed.append(Question("beam", text, default=UNKNOWN))
    bunit = _text_answer(answers, "bunit")
    factor, unit, _ = brightness_unit(bunit if "bunit" in answered else in_files.bunit)
    if "bunit" in answered:
        found["bunit"] = _override_text(bunit or "none", in_files.bunit)
    elif unit:
        found["bunit"] = f"{in_files.bunit} (files)"
    else:
        text = "What is the unit of the pixels, such as Jy/beam? Unknown: grey levels."
        needed.append(Question("bunit", text, default=UNKNOWN))
    states = ("corrected", "uncorrected", UNKNOWN)
    primary_beam = choice_answer(answers, "primary_beam", states)
    if primary_beam:
        found["primary_beam"] = f"{primary_beam} (given)"
    raw = choice_answer(answers, "raw", ("yes", "no"))
    is_raw = in_files.raw if raw is None else raw == "yes"
    how = "files" if raw is None else "given"
    found["raw"] = f"{'noise in the images' if is_raw else 'noise removed'} ({how})"
    if ask_noise and raw is None:
        text = "Is the noise still in the images (not set to zero)?"
        needed.append(Question("raw", text, ("yes", "no"), "yes" if is_raw else "no"))
    facts = dataclasses.replace(
        in_files,
        pixel_scale=values["pixel_scale"],
        beam=values["beam"],
        frequency=values["frequency"],
        bunit=unit,
        survey=name,
        raw=is_raw,
        licence=str(answers.get("licence") or in_files.licence),
        reference=str(answers.get("reference") or in_files.reference),
        primary_beam="" if primary_beam in (None, UNKNOWN) else primary_beam,
        given=answered,
        ranges={k: v for k, v in in_files.ranges.items() if k not in answered},
        factor=factor,
    )
    return facts, found, needed


_OVERRIDES = ("survey", "pixel_scale", "beam", "bunit", "frequency", "primary_beam")


def _text_answer(answers: Answers, key: str) -> str:
    """An answer as text; empty where it was not given, or is ``unknown``."""
    text = str(answers.get(key) or "").strip()
    return "" if text.lower() == UNKNOWN else text


def unit_answer(answers: Answers) -> str | None:
    """The unit of the pixels that the user gave; empty for ``unknown``, None without an answer."""
    return _text_answer(answers, "bunit") if str(answers.get("bunit") or "").strip() else None


def _range_text(limits: tuple[float, float] | None, value: float | None, unit: str) -> str:
    if limits:
        return f"{limits[0]:.4g} to {limits[1]:.4g} {unit}"
    return "" if value is None else f"{value:.5g} {unit}"


def _override_text(given: str, said: str) -> str:
    """A fact that the user gave, and what it replaces."""
    differs = said and said.partition(" ")[0] != given.partition(" ")[0]
    return f"{given} (given{f'; the files say {said}' if differs else ''})"
