"""Catalogues of TAP services, such as VizieR's: the rows near our galaxies.

The `Table Access Protocol <https://www.ivoa.net/documents/TAP/>`_ by pyvo, with the galaxies'
positions as an uploaded table. Only requests are made here; answers are strangers' bytes, which
:func:`read_columns` and :func:`read_rows` read in a confined process.
"""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from radioviz.errors import CatalogueError, FetchError, NoRowsError
from radioviz.importing.readers.table_builder import UserTable, reading
from radioviz.importing.readers.table_formats import check_xml
from radioviz.importing.readers.user_tables import read_table_bytes

SERVICES = {
    "VizieR (CDS)": "https://tapvizier.cds.unistra.fr/TAPVizieR/tap",
    "GAVO Data Center": "https://dc.g-vo.org/tap",
    "NASA HEASARC": "https://heasarc.gsfc.nasa.gov/xamin/vo/tap",
    "IRSA": "https://irsa.ipac.caltech.edu/TAP",
    "CADC": "https://ws.cadc-ccda.hia-iha.nrc-cnrc.gc.ca/argus",
}
"""Services by name; ``RADIOVIZ_TAP`` names another one."""
MOST_GALAXIES = 20_000
PER_QUERY = 1_000
MOST_ROWS = 200_000
"""Rows of one answer."""
_MOST_BYTES = 300_000_000
_TIMEOUT = 120.0
_ROW = "radioviz_galaxy"
_REGULAR = re.compile(r'[A-Za-z][A-Za-z0-9_]*|".*"')


@dataclass(frozen=True)
class ServiceColumns:
    """Columns of a table of a service."""

    names: tuple[str, ...]
    # ra, dec: those of its positions, as a query writes them
    ra: str
    dec: str


def request(
    service: str,
    query: str,
    upload: bytes | None = None,
    timeout: float = _TIMEOUT,
) -> bytes:
    """The answer of a service to a query, as it was sent.

    ``service``: address of the TAP service. ``query``: ADQL; a table ``upload`` is called
    ``TAP_UPLOAD.galaxies`` in it. Raises FetchError if the service cannot be reached, does not
    answer in time, or sends too much.
    """
    import requests
    from pyvo.dal import TAPQuery
    from pyvo.utils.http import create_session

    host = urlsplit(service).hostname or service
    session = create_session()
    # pyvo sets no limit of time on its requests.
    session.request = _with_timeout(session.request, timeout)
    uploads = None if upload is None else {"galaxies": io.BytesIO(upload)}
    payload = bytearray()
    try:
        asked = TAPQuery(service, query, maxrec=MOST_ROWS, uploads=uploads, session=session)
        with asked.submit() as answer:
            for block in answer.iter_content(1 << 20):
                payload += block
                if len(payload) > _MOST_BYTES:
                    raise FetchError(
                        f"{host} sends more than {_MOST_BYTES:,} bytes; filter the galaxies first"
                    )
            if answer.status_code >= 400 and b"VOTABLE" not in payload[:2000]:
                raise FetchError(
                    f"{host} answers {answer.status_code} {answer.reason}; try again later, or "
                    "upload the catalogue as a file"
                )
    except requests.RequestException as error:
        from radioviz.data.fetch import reason_of

        raise FetchError(
            f"{host} cannot be reached ({reason_of(error)}). Without a network, upload the "
            "catalogue as a file"
        ) from error
    return bytes(payload)


def _with_timeout(send: Callable[..., Any], timeout: float) -> Callable[..., Any]:
    def sent(method: str, url: str, **options: Any) -> Any:
        if options.get("timeout") is None:
            options["timeout"] = (10.0, timeout)
        return send(method, url, **options)

    return sent


def columns_query(table: str) -> str:
    """Query for the columns of a table, from the description that every service has.

    Raises CatalogueError if it cannot be the name of a table.
    """
    name = table.strip().strip('"')
    if not re.fullmatch(r"[\w./+:\- ]{1,200}", name):
        raise CatalogueError(
            f"'{table[:80]}' is not a valid name of a table; write it as the service does, for "
            "example VIII/92/first14"
        )
    wanted = ", ".join(f"'{n}'" for n in dict.fromkeys((name, f'"{name}"')))
    return (
        "SELECT column_name, ucd, unit, description FROM TAP_SCHEMA.columns "
        f"WHERE table_name IN ({wanted})"
    )


def read_columns(payload: bytes, table: str, host: str) -> ServiceColumns:
    """Columns of a table from a service's answer; to be called in a confined process.

    Raises CatalogueError if there is no such table, or it has no positions.
    """
    found = _table(payload, host)
    if found is None:
        raise CatalogueError(
            f"{host} has no table '{table}'; write its name as the service does, for example "
            "VIII/92/first14 at VizieR"
        )
    lower = {str(c).lower(): str(c) for c in found.frame.columns}
    if "column_name" not in lower:
        raise CatalogueError(f"{host} does not describe its tables as TAP prescribes")
    names = [str(n) for n in found.frame[lower["column_name"]]]
    ucds = [""] * len(names)
    if "ucd" in lower:
        ucds = [str(u).lower().replace(" ", "") for u in found.frame[lower["ucd"]]]
    places = [_position(names, ucds, kind) for kind in ("ra", "dec")]
    if not all(places):
        raise CatalogueError(
            f"'{table}' of {host} has no positions that can be found by their UCD "
            f"(pos.eq.ra, pos.eq.dec); its columns are {', '.join(names[:20])}"
        )
    return ServiceColumns(tuple(names), *map(_quoted, places))


def _position(names: Sequence[str], ucds: Sequence[str], kind: str) -> str:
    for wanted in (f"pos.eq.{kind};meta.main", f"pos_eq_{kind}_main", f"pos.eq.{kind}"):
        for name, ucd in zip(names, ucds, strict=True):
            if ucd == wanted:
                return name
    return ""


def _quoted(name: str) -> str:
    return name if _REGULAR.fullmatch(name) else f'"{name}"'


def rows_query(table: str, columns: ServiceColumns, radius: float) -> str:
    """Query for all rows within ``radius`` arcsec of an uploaded position."""
    return (
        f"SELECT galaxies.{_ROW}, other.* FROM TAP_UPLOAD.galaxies AS galaxies "
        f"JOIN {_table_name(table)} AS other ON 1 = CONTAINS(POINT('ICRS', other.{columns.ra}, "
        f"other.{columns.dec}), CIRCLE('ICRS', galaxies.radioviz_ra, galaxies.radioviz_dec, "
        f"{radius / 3600:.10f}))"
    )


def cone_query(
    table: str, columns: tuple[str, str], ra: float, dec: float, radius: float, frame: str = "ICRS"
) -> str:
    """Query for all rows within ``radius`` arcsec of a position in degrees.

    It uploads nothing, which some services do not accept.

    ``columns``: those of right ascension and declination; ``frame``: as the service writes it.
    """
    names = (_quoted(name) for name in columns)
    return (
        f"SELECT * FROM {_table_name(table)} WHERE CONTAINS(POINT('{frame}', {', '.join(names)}), "
        f"CIRCLE('{frame}', {ra:.8f}, {dec:.8f}, {radius / 3600:.10f})) = 1"
    )


def _table_name(table: str) -> str:
    name = table.strip().strip('"')
    return name if all(_REGULAR.fullmatch(part) for part in name.split(".")) else f'"{name}"'


def positions_table(ra: np.ndarray, dec: np.ndarray) -> bytes:
    """VOTable of positions in degrees, as it is uploaded."""
    from astropy import units as u
    from astropy.table import Column, Table

    table = Table(
        [
            Column(np.arange(len(ra), dtype=np.int32), _ROW),
            Column(np.asarray(ra, float), "radioviz_ra", unit=u.deg),
            Column(np.asarray(dec, float), "radioviz_dec", unit=u.deg),
        ]
    )
    out = io.BytesIO()
    table.write(out, format="votable")
    return out.getvalue()


def read_rows(payloads: Sequence[bytes], host: str) -> UserTable:
    """One table of the rows in several answers, each row once; for a confined process.

    Raises NoRowsError if there is none, CatalogueError if a service reports an error or an answer
    is cut short.
    """
    tables = [t for t in (_table(p, host) for p in payloads) if t is not None]
    if not tables:
        raise NoRowsError(f"{host} has no row near the galaxies")
    frame = pd.concat([t.frame for t in tables], ignore_index=True)
    frame = frame[[c for c in frame.columns if str(c).lower() != _ROW]].drop_duplicates()
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    notes = tuple(dict.fromkeys(n for t in tables for n in t.notes))
    return dataclasses.replace(tables[0], frame=frame, notes=notes, written={})


def _table(payload: bytes, host: str) -> UserTable | None:
    """The table of an answer, None if it has no rows.

    Raises CatalogueError if the service reports an error, or has cut the answer short.
    """
    from astropy.io.votable import parse

    check_xml(Path(host), io.BytesIO(payload))
    with reading(Path(host), "answer", []):
        document = parse(io.BytesIO(payload), verify="ignore")
    for resource in document.resources:
        for info in resource.infos:
            status = str(info.value or "").upper()
            if info.name != "QUERY_STATUS" or status == "OK":
                continue
            if status == "OVERFLOW":
                raise CatalogueError(
                    f"{host} has cut its answer short; choose a smaller radius or filter the "
                    "galaxies first"
                )
            text = " ".join(str(info.content or status).split())[:300]
            raise CatalogueError(f"{host} reports: {text}")
    if not any(len(table.array) for table in document.iter_tables()):
        return None
    return read_table_bytes(host, payload)
