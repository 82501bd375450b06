"""What to cite: BibTeX and acknowledgements of data sets, models and methods."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files

from radioviz import __version__
from radioviz.data.registry import DATA_SETS, open_data_set
from radioviz.models.registry import list_models

METHODS = {
    "umap": ("UMAP", "McInnes et al. 2018"),
    "tsne": ("t-SNE", "Maaten & Hinton 2008"),
    "whitened": ("Whitened cosine", "Andrianomena & Tang 2023; Jegou & Chum 2012"),
    "cosine": ("Cosine of latent vectors", "Andrianomena & Tang 2023"),
    "neighbourhood": ("Ranking along neighbourhoods", "Zhou et al. 2004; Iscen et al. 2017"),
    "log_prob": ("Log-likelihood of latent vectors", "Andrianomena & Tang 2023"),
    "isolation": ("Isolation forest", "Liu et al. 2008"),
    "complexity": ("Complexity", "Segal et al. 2019"),
    "marks": ("Ranking by marks", "Lochner & Bassett 2021"),
    "cluster": ("Clusters by HDBSCAN", "Campello et al. 2013"),
    "hosts": ("Hosts by likelihood ratio", "Sutherland & Saunders 1992"),
    "contributions": ("Shapley values of trees", "Lundberg et al. 2020"),
    "sky_viewer": ("Aladin Lite", "Bonnarel et al. 2000; Boch & Fernique 2014"),
}
"""Methods that have a paper: their title, and the paper."""

_CITED = re.compile(r"((?:[A-Z][\w-]+(?:, | & | et al\. | ))+)(\d{4})")
_ENTRY = re.compile(r"@\w+\{(\w+),.*?\n\}\n?", re.DOTALL)


@dataclass(frozen=True)
class Citations:
    """What to cite.

    Attributes
    ----------
    bibtex : str
        Entries for BibTeX, each once; a comment line for each that is to be added by hand.
    acknowledgements : str
        A sentence for each data set, model and method, with the terms of use of the images.
    """

    bibtex: str
    acknowledgements: str


def cite(
    data_sets: str | Sequence[str] = (),
    models: str | Sequence[str] = (),
    methods: str | Sequence[str] = (),
) -> Citations:
    """BibTeX and acknowledgements of what was used.

    Parameters
    ----------
    data_sets : str or sequence of str
        Keys of :func:`list_data_sets`. What an imported survey asks for is only known to you
        unless it was given at its import; the text then says what to add.
    models : str or sequence of str
        Names of :func:`list_models`.
    methods : str or sequence of str
        Any of :data:`radioviz.api.citations.METHODS`.

    Raises
    ------
    CatalogueError, ModelError
        If a data set or a model is unknown.

    Examples
    --------
    >>> import radioviz
    >>> used = radioviz.cite("first", "vae32")
    >>> "@article{Becker1995," in used.bibtex, "copyright 1994" in used.acknowledgements
    (True, True)
    """
    entries = {match[1]: match[0].strip() for match in _ENTRY.finditer(_file())}
    software = (
        "@software{RadioViz,\n  author = {{RadioViz developers}},\n  title = {{RadioViz}},\n"
        f"  version = {{{__version__}}}\n}}"
    )
    keys: dict[str, None] = {}
    missing: list[str] = []
    lines = [f"Made with RadioViz {__version__}."]

    def add(of: str, text: str) -> None:
        found, unknown = _keys_in(text, entries)
        keys.update(dict.fromkeys(found))
        if text and not found and not unknown:  # neither authors nor a year
            unknown = [f'"{" ".join(text.split())}"']
        missing.extend(f"% {of}: add the entry of {name}" for name in unknown)

    for key in _each(data_sets):
        info = open_data_set(key).info
        add(info.title, info.reference)
        terms = f" {info.licence}" if info.licence else ""
        if key in DATA_SETS or info.reference:
            lines.append(f"Images and catalogue of {info.title}: {info.reference}.{terms}")
        else:
            missing.append(f"% {info.title}: your own survey; add its reference")
            lines.append(
                f"Images and catalogue of {info.title}: your own survey; add its reference and "
                f"its acknowledgement.{terms}"
            )
    known = list_models()
    for name in _each(models):
        info_of = known[name]
        add(info_of.title, info_of.paper)
        learned = [_title(str(key)) for key in info_of.training.get("data", ())]
        trained = f" Trained on {', '.join(learned)}." if learned else ""
        lines.append(f"Model {info_of.title} ({name}): {info_of.paper}.{trained}")
    for name in _each(methods):
        if name in METHODS:
            title, paper = METHODS[name]
            add(title, paper)
            lines.append(f"{title}: {paper}.")
    shown = [software, *(entries[key] for key in keys), *dict.fromkeys(missing)]
    return Citations("\n".join(shown) + "\n", "\n".join(lines) + "\n")


def _file() -> str:
    return files("radioviz.api").joinpath("references.bib").read_text(encoding="utf-8")


def _each(names: str | Iterable[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(dict.fromkeys(names))


def _title(key: str) -> str:
    return DATA_SETS[key].title if key in DATA_SETS else key


def _keys_in(text: str, entries: dict[str, str]) -> tuple[list[str], list[str]]:
    """Entries of the papers that a text cites by authors and year, and papers without entry."""
    found, unknown = [], []
    for match in _CITED.finditer(text):
        names = re.findall(r"[A-Z][\w-]+", match[1])
        key = next((n + match[2] for n in names if n + match[2] in entries), None)
        if key is None:
            unknown.append(match[0])
        else:
            found.append(key)
    return found, unknown
