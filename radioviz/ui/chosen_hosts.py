"""Hosts that the reader chose: kept in the workspace, and columns of their data set."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from radioviz.api.host_search import HostCatalogue, HostSearch
from radioviz.data.catalogue import Column
from radioviz.export.session_hosts import sound_host
from radioviz.relations.hosts import HostPrior
from radioviz.ui import session_workspace
from radioviz.workspace.table_columns import Numbers, Values, sorted_text

FIELD = "hosts"
COLUMNS = {
    "host": Column("str", "", "meta.id", "Host chosen by the reader"),
    "host_ra": Column("float64", "deg", "pos.eq.ra", "Right ascension of the host, ICRS"),
    "host_dec": Column("float64", "deg", "pos.eq.dec", "Declination of the host, ICRS"),
    "host_separation": Column(
        "float64", "arcsec", "pos.angDistance", "Host from the radio position that was searched"
    ),
    "host_magnitude": Column("float64", "mag", "phot.mag", "Magnitude of the host"),
    "host_redshift": Column("float64", "", "src.redshift", "Redshift of the host"),
    "host_reliability": Column(
        "float64", "", "stat.probability", "Reliability of the host under the stated prior"
    ),
    "host_origin": Column("str", "", "meta.ref", "Catalogue of the host, position and prior, when"),
}
"""Columns of chosen hosts, by name."""

Pair = tuple[str, str]
Host = dict[str, Any]


def hosts(data_set: str) -> dict[str, Host]:
    """Chosen hosts by ``source_id``."""
    return session_workspace.value(FIELD, {}).get(data_set, {})


def choose_host(pair: Pair, search: HostSearch, number: int) -> None:
    """Keep a candidate as the host of a galaxy, with where it is from."""
    origin = search_origin(search.catalogue, search.position.sentence(), search.prior)
    host = host_of(search.candidates.iloc[number].to_dict(), origin)
    _put({pair[0]: {pair[1]: host}}, f"choose the host of {pair[1]}")


def choose_hosts(found: Mapping[str, Mapping[str, Host]]) -> None:
    """Keep hosts by data set and ``source_id``, in one step of undo."""
    number = sum(map(len, found.values()))
    _put(found, f"choose the hosts of {number:,} {'galaxy' if number == 1 else 'galaxies'}")


def search_origin(catalogue: HostCatalogue, position: str, prior: HostPrior, when: str = "") -> str:
    """Where a host is from: catalogue, position that was searched, prior, and when (now)."""
    where = " ".join(t for t in (catalogue.title, catalogue.table) if t)
    when = when or dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    return f"{where}; {position}; prior: {prior.sentence(bool(catalogue.magnitude))}; {when}"


def host_of(row: Mapping[Any, Any], origin: str) -> Host:
    """A candidate of :class:`~radioviz.api.host_search.HostSearch` as it is kept."""
    name = str(row["name"]) or f"object at {row['ra']:.6f} {row['dec']:+.6f}"
    host: Host = {"host_origin": origin, "host": name}
    host |= {c: float(row[c.removeprefix("host_")]) for c in COLUMNS.keys() - host.keys()}
    return sound_host(host)


def remove_host(pair: Pair) -> None:
    """Forget the host of a galaxy; it returns with undo."""
    _put({pair[0]: {pair[1]: None}}, f"remove the host of {pair[1]}")


def _put(found: Mapping[str, Mapping[str, Host | None]], what: str) -> None:
    held = {key: dict(own) for key, own in session_workspace.value(FIELD, {}).items()}
    for key, own in found.items():
        kept = {**held.get(key, {}), **own}
        held[key] = {source: host for source, host in kept.items() if host is not None}
    session_workspace.put(FIELD, {key: own for key, own in held.items() if own}, what)


def host_columns(held: dict[str, Host], rows: np.ndarray, ids: list[str], n: int
                 ) -> dict[str, Values]:  # fmt: skip
    """Columns of the chosen hosts of a data set of ``n`` rows.

    ``rows``, ``ids``: rows of the galaxies with a host, and their identifiers.
    """
    out: dict[str, Values] = {}
    for name, about in COLUMNS.items():
        cells = [held[s].get(name) for s in ids]
        if about.dtype == "str":
            words = {word: i for i, word in enumerate(dict.fromkeys(str(c) for c in cells if c))}
            codes = np.full(n, -1, np.int32)
            codes[rows] = [words[str(c)] if c else -1 for c in cells]
            out[name] = sorted_text(codes, pa.array(list(words), pa.large_string()))
        else:
            values = np.full(n, np.nan)
            values[rows] = [np.nan if c is None else float(c) for c in cells]
            out[name] = Numbers(values)
    return out
