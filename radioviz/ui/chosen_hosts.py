"""Hosts that the reader chose: kept in the workspace, and columns of their data set."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa

from radioviz.api.host_search import HostSearch
from radioviz.data.catalogue import Column
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
    row = search.candidates.iloc[number]
    names = {"host": "name", **{n: n.removeprefix("host_") for n in COLUMNS if n != "host"}}
    del names["host_origin"]
    host: Host = {}
    for column, source in names.items():
        value = row[source]
        if isinstance(value, str):
            host[column] = value or f"object at {row['ra']:.6f} {row['dec']:+.6f}"
        elif np.isfinite(value):
            host[column] = float(value)
    when = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    where = " ".join(t for t in (search.catalogue.title, search.catalogue.table) if t)
    prior = search.prior.sentence(bool(search.catalogue.magnitude))
    host["host_origin"] = f"{where}; {search.position.sentence()}; prior: {prior}; {when}"
    _put(pair, host, f"choose the host of {pair[1]}")


def remove_host(pair: Pair) -> None:
    """Forget the host of a galaxy; it returns with undo."""
    _put(pair, None, f"remove the host of {pair[1]}")


def _put(pair: Pair, host: Host | None, what: str) -> None:
    held = {key: dict(found) for key, found in session_workspace.value(FIELD, {}).items()}
    own = held.setdefault(pair[0], {})
    own.pop(pair[1], None)
    if host is not None:
        own[pair[1]] = host
    session_workspace.put(FIELD, {key: found for key, found in held.items() if found}, what)


def host_columns(held: dict[str, Host], rows: np.ndarray, ids: list[str], n: int
                 ) -> dict[str, Values]:  # fmt: skip
    """Columns of the chosen hosts of a data set of ``n`` rows.

    ``rows``, ``ids``: rows of the galaxies with a host, and their identifiers.
    """
    out: dict[str, Values] = {}
    for name, about in COLUMNS.items():
        cells = [held[s].get(name) for s in ids]
        if about.dtype == "str":
            words = sorted({str(c) for c in cells if c})
            codes = np.full(n, -1, np.int32)
            codes[rows] = [words.index(str(c)) if c else -1 for c in cells]
            out[name] = sorted_text(codes, pa.array(words, pa.large_string()))
        else:
            values = np.full(n, np.nan)
            values[rows] = [np.nan if c is None else float(c) for c in cells]
            out[name] = Numbers(values)
    return out
