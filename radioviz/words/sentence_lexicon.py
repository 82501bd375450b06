"""Phrases that a sentence may use besides tags: comparisons, columns, negations, and typing errors.

Phrases are written as :func:`radioviz.words.sentence_tokens.plain` writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FILLERS = _words(
    """
    a an the and also both that which who whose with of in to for at on by as is are was were
    be been being it its there they them their this these those has have had do does did can
    could would should please show me find give get list select search want need i we us my
    all any some every each galaxy galaxies source sources object objects radio image images
    ones only but much quite rather then whole kind kinds sort type shape shaped shapes
    looking look looks seem seems appear appears having possessing see display where when so
    feature features structure structures morphology emission across long wide sized
    everything something anything other again just together plus visible obvious apparent
    what how many detected
    must may might shall will cannot evidence sign signs hint hints trace traces range ranges values
    if possible
    really truly simply kindly most prefer preferably ideally thanks hello hi
    """
)
"""Words that carry no condition by themselves."""

NOUNS = frozenset(["galaxy", "galaxies", "source", "sources", "object", "objects", "ones"])
"""Fillers that an adjective before them describes."""
NOUN_TAGS = frozenset(
    ["double", "triple", "ring", "tail", "wide_angle_tail", "head_tail", "artefact"]
)
"""Tags that name a kind of galaxy, rather than describe one."""
OF_A = ("of", "a", "an", "the")
"""Between a fraction and its unit."""
ANGLES = ("bent", "straight", "tail", "wide_angle_tail", "head_tail", "c_shaped")
"""Tags after which a number of degrees is a bending angle."""

NEGATIONS = {
    "not": 1, "no": 1, "non": 1, "never": 1, "isnt": 1, "arent": 1, "rather than": 1,
    "other than": 2, "without": 2, "lacking": 2, "lack": 2, "lacks": 2, "free of": 2, "neither": 2,
    "except": 2, "except for": 2, "excluding": 2, "exclude": 2, "minus": 2, "instead of": 2,
    "devoid of": 2, "apart from": 2, "none of": 2, "all but": 2, "everything but": 2,
    "anything but": 2, "absence of": 2, "hardly": 1, "barely": 1, "scarcely": 1, "nto": 1,
    "absent": 1, "least": 1, "nothing": 1, "none": 1, "cannot": 1,
}  # fmt: skip
"""Negation to how far it reaches: 1, the next condition and those joined to it by ``or``; 2, those
joined by ``and`` too."""

COMPARED = {
    "larger than": (">", "las"), "longer than": (">", "las"), "bigger than": (">", "las"),
    "wider than": (">", "las"), "more extended than": (">", "las"), "larger": (">", "las"),
    "longer": (">", "las"), "bigger": (">", "las"), "smaller than": ("<", "las"),
    "shorter than": ("<", "las"), "narrower than": ("<", "las"), "smaller": ("<", "las"),
    "brighter than": (">", "flux"), "stronger than": (">", "flux"), "brighter": (">", "flux"),
    "fainter than": ("<", "flux"), "weaker than": ("<", "flux"), "dimmer than": ("<", "flux"),
    "fainter": ("<", "flux"), "more luminous than": (">", "luminosity"),
    "less luminous than": ("<", "luminosity"), "nearer than": ("<", "redshift"),
    "closer than": ("<", "redshift"), "farther than": (">", "redshift"),
    "further than": (">", "redshift"), "more distant than": (">", "redshift"),
    "rounder than": (">", "axis_ratio"), "north of": (">", "dec"), "south of": ("<", "dec"),
    "above": (">", ""), "over": (">", ""), "more than": (">", ""), "greater than": (">", ""),
    "higher than": (">", ""), "exceeding": (">", ""), "exceeds": (">", ""), "beyond": (">", ""),
    "greater": (">", ""), "higher": (">", ""), "more": (">", ""),
    "below": ("<", ""), "under": ("<", ""), "less than": ("<", ""), "lower than": ("<", ""),
    "fewer than": ("<", ""), "lower": ("<", ""), "less": ("<", ""), "fewer": ("<", ""),
    "in excess of": (">", ""), "upwards of": (">=", ""), "upward of": (">=", ""),
    **{f"{word} than or equal to": (sign, column) for word, sign, column in (
        ("less", "<=", ""), ("lower", "<=", ""), ("greater", ">=", ""), ("more", ">=", ""),
        ("higher", ">=", ""), ("larger", ">=", "las"), ("bigger", ">=", "las"),
        ("smaller", "<=", "las"), ("brighter", ">=", "flux"), ("fainter", "<=", "flux"))},
    "less or equal to": ("<=", ""), "greater or equal to": (">=", ""),
    "as large as": (">=", "las"), "as big as": (">=", "las"), "as small as": ("<=", "las"),
    "as bright as": (">=", "flux"), "as faint as": ("<=", "flux"),
    "at least": (">=", ""), "no less than": (">=", ""), "minimum": (">=", ""), "from": (">=", ""),
    "at most": ("<=", ""), "up to": ("<=", ""), "no more than": ("<=", ""), "maximum": ("<=", ""),
    "exactly": ("==", ""), "equal to": ("==", ""), "equals": ("==", ""),
    "about": ("about", ""), "around": ("about", ""), "roughly": ("about", ""),
    "approximately": ("about", ""), "some": ("about", ""), "near": ("near", ""),
    "between": ("between", ""), "within": ("within", ""),
}  # fmt: skip
"""Comparison to its sign and the column that it names."""

AFTERWARDS = {
    **dict.fromkeys(("more", "larger", "longer", "bigger", "above", "greater", "higher", "up",
                     "over", "brighter", "wider", "farther"), ">="),
    **dict.fromkeys(("less", "smaller", "shorter", "below", "lower", "under", "fainter", "fewer",
                     "narrower", "closer"), "<="),
}  # fmt: skip
"""Word after ``or``, or ``and``, that makes a number before it a limit: ``80 arcsec or more``."""

CLOSE = 0.1
"""By what part ``about 60`` may be off."""

OPPOSITE = {">": "<=", "<": ">=", ">=": "<", "<=": ">", "==": "!=", "!=": "=="}

COLUMNS = {
    "las": "las", "angular size": "las", "largest angular size": "las", "angular extent": "las",
    "extent": "las", "length": "las", "size": "las", "diameter": "las",
    "redshift": "redshift", "z": "redshift",
    "flux": "flux", "flux density": "flux", "integrated flux": "flux", "total flux": "flux",
    "signal to noise": "snr", "signal to noise ratio": "snr", "s/n": "snr", "snr": "snr",
    "linear size": "linear_size", "physical size": "linear_size", "projected size": "linear_size",
    "luminosity": "luminosity", "power": "luminosity", "radio power": "luminosity",
    "component": "n_components", "components": "n_components", "islands": "n_components",
    "island": "n_components", "number of components": "n_components",
    "peaks": "n_peaks", "peak": "n_peaks", "number of peaks": "n_peaks",
    "neighbours": "n_unrelated", "axis ratio": "axis_ratio", "position angle": "position_angle",
    "right ascension": "ra", "declination": "dec", "frequency": "frequency",
    "bending angle": "bending_angle", "bend angle": "bending_angle", "opening angle":
    "opening_angle", "noise": "noise", "rms": "noise", "mark": "mark", "beam": "beam_major",
}  # fmt: skip
"""Phrase to the column that it names."""

MEASURES = {"las": "angle", "las_measured": "angle", "las_isophotal": "angle", "flux": "flux",
            "flux_mjy": "flux", "linear_size": "length", "luminosity": "luminosity",
            "frequency": "frequency", "beam_major": "angle", "beam_minor": "angle",
            "position_angle": "direction", "bending_angle": "direction",
            "opening_angle": "direction", "ra": "direction", "dec": "direction",
            "snr": "noise"}  # fmt: skip
"""What a column measures, as units name it; columns that are not here have no unit."""

OF_UNIT = {"angle": "las", "flux": "flux", "length": "linear_size", "luminosity": "luminosity",
           "frequency": "frequency", "noise": "snr"}  # fmt: skip
"""Column that a number with a unit is of, where the sentence names none."""

DEGREES = 3600.0
"""Arcsec: columns of directions are in degrees."""

TURN = {"ra": 360.0, "position_angle": 180.0}
"""Column to the degrees after which its values begin again."""
BESIDE_DEGREES = (",", "(", "-", "ra", "dec", "==")
"""What may stand beside the two numbers of a position."""

CLASSES = {
    "FRI": ("fri", "fr i", "fr1", "fr 1", "fr type i", "fanaroff riley i", "fris", "fr is"),
    "FRII": ("frii", "fr ii", "fr2", "fr 2", "fr type ii", "fanaroff riley ii", "friis", "fr iis"),
}

SURENESS = {
    **dict.fromkeys(
        ("very", "clearly", "definitely", "certainly", "surely", "obviously", "strongly"),
        0.8,
    ),
    **dict.fromkeys(("possibly", "maybe", "perhaps", "slightly", "somewhat", "weakly"), 0.3),
    **dict.fromkeys(("probably", "likely", "mostly"), 0.5),
}  # fmt: skip
"""Adverb to the least probability that the tag after it needs."""

LIKE = {
    **dict.fromkeys(
        ("like", "similar to", "resembling", "resemble", "resembles", "looks like", "look like",
         "looking like", "same as", "something like", "as in", "such as", "similar", "akin to",
         "look alikes of", "look alike of", "twins of", "twin of", "analogues of", "analogs of",
         "comparable to", "reminiscent of", "analogous to", "the same as", "more like"), 1,
    ),
    **dict.fromkeys(
        ("unlike", "dissimilar to", "different from", "differing from", "than", "not like"), -1
    ),
}  # fmt: skip
"""Before the name of a galaxy: results should, or should not, resemble it."""

RANKED = {
    "largest": "las", "biggest": "las", "longest": "las", "smallest": "-las", "shortest": "-las",
    "brightest": "flux", "faintest": "-flux", "nearest": "-redshift", "closest": "-redshift",
    "farthest": "redshift", "most distant": "redshift", "most luminous": "luminosity",
    "roundest": "axis_ratio", "most complex": "complexity", "strongest": "flux",
    "big": "las", "large": "las", "small": "-las", "tiny": "-las", "huge": "las", "faint": "-flux",
    "bright": "flux", "distant": "redshift", "nearby": "-redshift",
}  # fmt: skip
"""Word to what galaxies are ranked by, the largest first; an adjective alone sets no limit."""

SORTED = {
    **dict.fromkeys(("sorted by", "sort by", "ordered by", "order by", "ranked by", "rank by",
                     "in order of", "sorted by decreasing", "by decreasing", "high", "highest",
                     "greatest"), "+"),
    **dict.fromkeys(("sorted by increasing", "by increasing", "in order of increasing", "low",
                     "lowest"), "-"),
}  # fmt: skip
"""Before a column: galaxies are ranked by it."""

EITHER = {
    "asymmetric": ("asymmetric_length", "asymmetric_brightness"),
    "asymmetrical": ("asymmetric_length", "asymmetric_brightness"),
    "uneven": ("asymmetric_length", "asymmetric_brightness"),
}
"""Word for any of several tags."""
CONTRARY = {
    **dict.fromkeys(("resolved", "well resolved", "extended"), ("compact",)),
    **dict.fromkeys(("symmetric", "symmetrical"), EITHER["asymmetric"]),
}
"""Word for none of some tags."""

KNOWN = ("known", "measured", "any", "having", "with", "has", "have")
"""Before a column without a number: its value is not missing."""
PROBABILITY = ("probability", "chance", "confidence", "certainty", "score", "p", "sure")
NOTES = ("note", "notes", "noted", "note contains", "note says", "notes say", "note mentions")
TAGGED = ("tagged", "tagged as", "tag", "marked", "marked as", "labelled by me", "my tag")
LABELLED = ("labelled", "labeled", "classified as", "class", "label", "classified", "of class",
            "labelled as", "labeled as")  # fmt: skip

ORDINARY = _words(
    """
    best rest test west nest lest went sent tent lent cent rent dent vent gent belt felt melt
    bend bind band bean beat bell tall till toil soil mail nail fail hail jail sail rail
    bail talk task tale take lens less loss host hose hosts most must mist mast data date
    days good gold food mood wind wine wins winds kings sings thing things pure plum plumb
    place plane train brain drain trail rings rung rang string strong fort born dust
    fuse loud cloud lope robe globe house mouse horse nurse short shirt skirt smart start
    stars star step stop group comet planet field fields table drop white black green blue
    red pink colour color young old older younger new newer cold colder hotter dark light
    right night sight cluster clusters spiral quasar quasars pulsar pulsars nebula supernova
    magnetic
    """
)
"""Common words that are one letter from a phrase, and are no slip of the finger."""

FOREIGN = {
    "German": "und oder nicht ohne mit größer grösser kleiner heller schwächer als der die das den "
    "ein eine einen mehr weniger galaxien galaxie verbogene gebogene gekrümmte zeige suche finde "
    "mir alle quellen quelle radiogalaxien wie helle kern kerne zwei drei doppelte gerade aber "
    "kein keine unter über zwischen von bis flügel",
    "French": "et ou pas sans avec plus moins grand grande grands grandes petit petite petits "
    "petites que le la les une un des du de comme courbée courbées montre montrez cherche trouve "
    "galaxie radiogalaxies noyau brillant brillante lobes mais entre aux point chaud chauds coeur",
    "Spanish": "y o sin con más menos mayor menor mayores menores que el los las una un unos "
    "galaxia galaxias radiogalaxias como doblada dobladas dobles curvadas fuentes muestra busca "
    "núcleo brillante brillantes pero entre lóbulos dos",
    "Italian": "e o non senza con più meno grande grandi di il gli una un galassia galassie "
    "radiogalassie come piegata piegate sorgenti mostra cerca nucleo brillante lobi getti due "
    "ma tra",
    "Dutch": "en niet zonder met groter kleiner dan het een sterrenstelsels zoals gebogen toon "
    "zoek bronnen maar tussen kern heldere",
    "Portuguese": "e ou sem com mais menos maior menor que os as uma um galáxia galáxias como "
    "curvada curvadas fontes mostre núcleo brilhante mas entre",
}
"""Words by which other languages are recognised."""
_ABROAD = frozenset(w for words in FOREIGN.values() for w in words.split() if len(w) > 3)


@dataclass(frozen=True)
class Lexicon:
    """All phrases of one search, and what each of them does."""

    phrases: Mapping[str, tuple[str, object]]  # phrase to ``(kind, value)``

    def exact(self, words: Iterable[str]) -> tuple[str, object] | None:
        """What a phrase does; plural and singular are the same."""
        phrase = " ".join(words)
        for form in _forms(phrase):
            if form in self.phrases:
                return self.phrases[form]
        return None

    @cached_property
    def _choices(self) -> list[str]:
        return [p for p in self.phrases if len(p) >= 4]

    def nearest(self, words: Iterable[str]) -> str | None:
        """The phrase that was meant where it was mistyped; None if no phrase is that near.

        One letter wrong, missing, too many, or exchanged with the next in a phrase of up to seven
        letters; two in longer ones.
        """
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        own = list(words)
        phrase = " ".join(own)
        if len(phrase) < 4 or phrase in FILLERS or any(w in ORDINARY or w in _ABROAD for w in own):
            return None
        best: tuple[int, str] | None = None
        found = [
            one
            for form in dict.fromkeys((phrase, phrase.removesuffix("s")))
            for one in process.extract(
                form, self._choices, scorer=OSA.distance, limit=8, score_cutoff=2
            )
        ]
        for choice, distance, _ in found:
            allowed = 1 if max(len(choice), len(phrase)) < 8 else 2
            start = choice[0] == phrase[0] or sorted(choice[:2]) == sorted(phrase[:2])
            if distance <= allowed and start and (best is None or distance < best[0]):
                best = (int(distance), str(choice))
        return best[1] if best else None


def _forms(phrase: str) -> Iterable[str]:
    yield phrase
    if phrase.endswith("ies"):
        yield phrase[:-3] + "y"
    if phrase.endswith("es"):
        yield phrase[:-2]
    if phrase.endswith("s") and not phrase.endswith("ss"):
        yield phrase[:-1]


def language_of(words: Iterable[str], least: int) -> str:
    """The language, other than English, that words seem to be in; empty if none.

    ``least``: words of a language that are enough; with one, half of the words are needed, too.
    """
    own = {part for word in words for part in word.split()}
    if sum(_foreign_letters(w) for w in own) >= least:
        return "another language"
    accented = {w for w in own if any(ord(c) > 0x7F and c.isalpha() and c not in "µμσ" for c in w)}
    found = {n: len(own & (set(given.split()) | accented)) for n, given in FOREIGN.items()}
    best = max(found, key=lambda name: (found[name], len(own & set(FOREIGN[name].split()))))
    if found[best] < max(least, len(own) / 2 if least == 1 else 0):
        return ""
    return best if own & set(FOREIGN[best].split()) else "another language"


def _foreign_letters(word: str) -> bool:
    return any(ord(c) > 0x24F and c.isalpha() and c not in "µμσ″′" for c in word)
