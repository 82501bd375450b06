"""Classes of radio galaxies in the spellings of catalogues."""

from __future__ import annotations

import re

_LABELS = {
    "fri": "FRI", "fr1": "FRI", "i": "FRI", "fanaroffrileyi": "FRI", "fanaroffriley1": "FRI",
    "friclassi": "FRI", "frii": "FRII", "fr2": "FRII", "ii": "FRII", "fanaroffrileyii": "FRII",
    "fanaroffriley2": "FRII", "compact": "Compact", "fr0": "Compact", "point": "Compact",
    "pointlike": "Compact", "pointsource": "Compact", "unresolved": "Compact",
    "bent": "Bent", "wat": "Bent", "nat": "Bent", "benttail": "Bent", "bentt": "Bent",
    "wideangletail": "Bent", "narrowangletail": "Bent", "headtail": "Bent", "ht": "Bent",
    "bt": "Bent", "hybrid": "Hybrid", "hymors": "Hybrid", "hymorrs": "Hybrid", "frifrii": "Hybrid",
    "fr1fr2": "Hybrid",
}  # fmt: skip
# Labels that are more specific than their class.
MORPHOLOGIES = {
    "wat": "wide-angle tail", "wideangletail": "wide-angle tail", "nat": "narrow-angle tail",
    "narrowangletail": "narrow-angle tail", "ht": "head-tail", "headtail": "head-tail",
}  # fmt: skip


def label_of(text: str) -> str:
    """Class of a label in its common spellings; '' where unknown."""
    letters = letters_of(text)
    if re.fullmatch(r"[12]\d\d|3\d\d", letters):  # MiraBest: first digit FRI, FRII, hybrid
        return {"1": "FRI", "2": "FRII", "3": "Hybrid"}[letters[0]]
    return _LABELS.get(letters, "")


def letters_of(text: str) -> str:
    """Letters and digits of a label, in small letters."""
    return re.sub(r"[\W_]+", "", text.lower())
