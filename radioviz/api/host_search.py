"""Hosts of radio sources: candidates of a service or a file, with their likelihood ratios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from radioviz.api.crossmatching import CLASSES, LIMITS, address_of, match_file
from radioviz.data.catalogue import Column
from radioviz.errors import RelationError
from radioviz.importing import tap
from radioviz.importing.catalogue_match import MatchedCatalogue
from radioviz.importing.survey_facts import Answers
from radioviz.jobs.reader_process import read_confined
from radioviz.relations.hosts import (
    FieldDensity,
    HostPrior,
    RadioPosition,
    likelihood_ratios,
    offsets,
)

AROUND = 120.0
"""Arcsec within which the catalogue is asked, so that its own density is known."""
TIMEOUT = 30.0
"""Seconds that a service may take for one position."""
_SIGMAS = 5.0  # of the position, within which objects are candidates
_LEAST = 10.0  # arcsec
_GALAXY = frozenset(
    {"G", "GPair", "GTrpl", "GGroup", "GClstr", "QSO", "Q_Lens"}  # NED
    | {"AGN", "Sy1", "Sy2", "SyG", "rG", "EmG", "SBG", "LIN", "BLL", "Bla", "BiC", "GiG", "GiC"}
    | {"GiP", "bCG", "IG", "PaG", "LSB", "H2G", "LeG", "LeQ", "G?", "AG?", "Q?"}
)  # fmt: skip
"""Types of NED and SIMBAD that can be hosts: no radio source, star or cluster of stars."""


@dataclass(frozen=True)
class HostCatalogue:
    """A catalogue to look for hosts in, and which of its columns say what."""

    title: str
    # service, table: TAP service (a name of :data:`radioviz.importing.tap.SERVICES` or an address)
    # and table; empty for a file
    service: str = ""
    table: str = ""
    # ra, dec: columns of the position; found by their names where empty, in a file
    ra: str = ""
    dec: str = ""
    # name, magnitude, redshift, kind: Columns; empty where there is none. Of a ``kind`` only
    # galaxies and active nuclei count.
    name: str = ""
    magnitude: str = ""
    redshift: str = ""
    kind: str = ""
    frame: str = "ICRS"  # as the service writes it in queries
    uneven: bool = False  # collected from many surveys, so that its density says little


_VIZIER = next(iter(tap.SERVICES))
CATALOGUES = (
    HostCatalogue("Pan-STARRS1 DR1 (VizieR)", _VIZIER, "II/349/ps1", "RAJ2000", "DEJ2000",
                  "objID", "imag"),
    HostCatalogue("SDSS DR16 (VizieR)", _VIZIER, "V/154/sdss16", "RA_ICRS", "DE_ICRS", "objID",
                  "imag", "zsp"),
    HostCatalogue("AllWISE (VizieR)", _VIZIER, "II/328/allwise", "RAJ2000", "DEJ2000", "AllWISE",
                  "W1mag"),
    HostCatalogue("NED", "https://ned.ipac.caltech.edu/tap", "objdir", "ra", "dec", "prefname", "",
                  "z", "pretype", "J2000", True),
    HostCatalogue("SIMBAD", "https://simbad.cds.unistra.fr/simbad/sim-tap", "basic", "ra", "dec",
                  "main_id", "", "rvz_redshift", "otype", uneven=True),
)  # fmt: skip
"""Catalogues that are asked by name."""


@dataclass(frozen=True, eq=False)
class HostSearch:
    """Candidates for the host of one source."""

    # The most likely first: ``name``, ``ra``, ``dec`` [deg], ``separation`` [arcsec],
    # ``magnitude``, ``redshift``, ``kind``, ``likelihood_ratio``, ``reliability``.
    candidates: pd.DataFrame
    catalogue: HostCatalogue
    position: RadioPosition
    prior: HostPrior
    reach: float  # arcsec within which objects are candidates
    around: int  # objects from there to :data:`AROUND`, which give the density
    density: float  # of all magnitudes, objects a square arcmin
    columns: tuple[str, ...] = field(default=())  # of the catalogue

    def sentence(self) -> str:
        """What was searched, and on which assumptions."""
        magnitudes, n = bool(self.catalogue.magnitude), len(self.candidates)
        text = (
            f"{n:,} {'candidate' if n == 1 else 'candidates'} of {self.catalogue.title} within "
            f"{self.reach:.3g}″ of the {self.position.sentence()}. Prior: "
            f"{self.prior.sentence(magnitudes)}. Density from {self.around:,} objects out to "
            f"{AROUND:g}″: {self.density:.3g} a square arcminute"
        )
        if self.catalogue.uneven:
            text += (
                f". {self.catalogue.title} collects many surveys unevenly, so that the reliability "
                "is a rough guide"
            )
        elif not magnitudes:
            text += "; without magnitudes, so by place alone"
        return text + "."


def search_hosts(
    position: RadioPosition,
    catalogue: HostCatalogue,
    *,
    file: Path | None = None,
    answers: Answers | None = None,
    prior: HostPrior | None = None,
) -> HostSearch:
    """Candidates around a radio position, and how likely each is the host.

    Parameters
    ----------
    catalogue : HostCatalogue
    file : Path, optional
        A catalogue of any form that can be imported, instead of a service.
    answers : mapping, optional
        How its positions are read.

    Raises
    ------
    FetchError
        If the service cannot be reached or does not answer within 30 s.
    CatalogueError
        If it reports an error, or its answer or the file has no usable rows.
    RelationError
        If a column that was named is not there.
    """
    if file is not None:
        found = match_file(
            file, np.array([position.ra]), np.array([position.dec]), AROUND, "all", None, answers
        )
    else:
        found = _asked(position, catalogue)
    return rank(position, catalogue, found, prior)


def _asked(position: RadioPosition, catalogue: HostCatalogue) -> MatchedCatalogue:
    address = address_of(catalogue.service)
    host = urlsplit(address).hostname or catalogue.service
    query = tap.cone_query(
        catalogue.table, (catalogue.ra, catalogue.dec), position.ra, position.dec, AROUND,
        catalogue.frame,
    )  # fmt: skip
    answer = tap.request(address, query, timeout=TIMEOUT)
    return read_confined(
        __name__ + ":_read_answer", answer, host, [catalogue.ra, catalogue.dec], position.ra,
        position.dec, name=host, classes=CLASSES, limits=LIMITS,
    )  # fmt: skip


def _read_answer(
    answer: bytes, host: str, columns: list[str], ra: float, dec: float
) -> MatchedCatalogue:
    """Read the answer of a service; called in the confined process."""
    from radioviz.importing.catalogue_match import MOST_COLUMNS, match_catalogue

    table = tap.read_rows([answer], host)
    answers = {"columns": dict(zip(("ra", "dec"), columns, strict=True)), "ra_unit": "deg",
               "dec_unit": "deg", "frame": "ICRS"}  # fmt: skip
    names = [str(n) for n in table.frame.columns][:MOST_COLUMNS]
    return match_catalogue(
        table, np.array([ra]), np.array([dec]), AROUND, "all", names, answers, ()
    )


def rank(
    position: RadioPosition,
    catalogue: HostCatalogue,
    found: MatchedCatalogue,
    prior: HostPrior | None = None,
) -> HostSearch:
    """Likelihood ratios of rows that lie around a position; see :func:`search_hosts`."""
    prior, n = prior or HostPrior(), len(found.row)
    kind = _cells(found, catalogue.kind, text=True)
    magnitude = _cells(found, catalogue.magnitude)
    place = np.stack([found.ra, found.dec], axis=1).reshape(n, 2)
    apart, along, across = offsets(position, place[:, 0], place[:, 1])
    reach = min(max(_SIGMAS * position.along, _LEAST), AROUND / 2)
    usable = np.isin(kind, list(_GALAXY)) if catalogue.kind else np.ones(n, bool)
    near, far = usable & (apart <= reach), usable & (apart > reach) & (apart <= AROUND)
    density = FieldDensity(magnitude[far], np.pi * (AROUND**2 - reach**2))
    ratio, reliability = likelihood_ratios(
        position, along[near], across[near], density,
        magnitude[near] if catalogue.magnitude else None, prior,
    )  # fmt: skip
    table = pd.DataFrame(
        {
            "name": _cells(found, catalogue.name, text=True)[near],
            "ra": place[near, 0],
            "dec": place[near, 1],
            "separation": apart[near],
            "magnitude": magnitude[near],
            "redshift": _cells(found, catalogue.redshift)[near],
            "kind": kind[near],
            "likelihood_ratio": ratio,
            "reliability": reliability,
        }
    )
    order = np.lexsort((table["separation"], -table["likelihood_ratio"]))
    return HostSearch(
        table.iloc[order].reset_index(drop=True), catalogue, position, prior, reach,
        int(far.sum()), 3600 * density.total, tuple(map(str, found.frame.columns)),
    )  # fmt: skip


def _cells(found: MatchedCatalogue, name: str, text: bool = False) -> np.ndarray:
    """A column of the rows: text, or numbers with NaN where there is none."""
    n = len(found.row)
    if not name:
        return np.full(n, "", object) if text else np.full(n, np.nan)
    at = {str(c).lower(): c for c in found.frame.columns}.get(name.lower())
    if at is None:
        raise RelationError(
            f"the catalogue has no column '{name}'; it has "
            f"{', '.join(map(str, found.frame.columns[:20]))}"
        )
    column = found.frame[at]
    if text:
        return np.array([f"{v:.0f}" if isinstance(v, float) else str(v).strip() for v in column],
                        object)  # fmt: skip
    if column.dtype.kind != "f":
        raise RelationError(f"the column '{name}' is text; expected numbers")
    return column.to_numpy(float)


def usual_columns(columns: Sequence[str], described: Mapping[str, Column]) -> dict[str, str]:
    """Columns of a file that are probably name, magnitude and redshift, by UCD and by name."""
    wanted = {
        "name": ("meta.id;meta.main", {"name", "id", "objid", "source_id", "main_id"}),
        "magnitude": ("phot.mag", {"imag", "rmag", "mag_i", "mag_r", "i_mag", "mag", "magnitude",
                                   "w1mag"}),
        "redshift": ("src.redshift", {"z", "redshift", "zsp", "z_best", "zspec"}),
    }  # fmt: skip
    out = {}
    for role, (ucd, names) in wanted.items():
        by_name = [c for c in columns if c.lower() in names]
        by_ucd = [c for c in columns if c in described and described[c].ucd.startswith(ucd)]
        out[role] = next(iter([*by_name, *by_ucd]), "")
    return out
