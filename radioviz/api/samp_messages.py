"""Messages received by SAMP, and the tables and images that they refer to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from radioviz.errors import CatalogueError, SampError

if TYPE_CHECKING:
    from radioviz.importing.readers.table_builder import UserTable

Source = tuple[str, str]

TABLE, TABLE_FITS = "table.load.votable", "table.load.fits"
IMAGE, ROW, ROWS = "image.load.fits", "table.highlight.row", "table.select.rowList"
POSITION = "coord.pointAt.sky"
RECEIVED = (TABLE, TABLE_FITS, IMAGE, ROW, ROWS, POSITION)

LARGEST_DOWNLOAD = 500_000_000  # bytes of a received table or image


@dataclass(frozen=True)
class Message:
    """One received message."""

    mtype: str  # one of :data:`RECEIVED`
    sender: str  # name of the program
    # url, name, table_id: of a table or image (empty otherwise); ``table_id`` also of a row
    url: str = ""
    name: str = ""
    table_id: str = ""
    rows: tuple[int, ...] = ()  # rows of the table, from 0, that are highlighted or selected
    # The same rows as sources, where the table is one that this link sent.
    sources: tuple[Source, ...] = ()
    # ra, dec: degrees, of a position
    ra: float | None = None
    dec: float | None = None


def read_message(
    mtype: str,
    sender: str,
    parameters: dict[str, Any],
    tables: dict[str, tuple[str, list[Source]]] | None = None,
) -> Message:
    """A message from its parameters, checked against what SAMP prescribes for its type.

    Raises
    ------
    SampError
        If a parameter is missing or invalid.
    """
    if mtype == POSITION:
        try:
            ra, dec = float(parameters["ra"]), float(parameters["dec"])
        except (KeyError, TypeError, ValueError):
            raise SampError(
                f"position {dict(parameters)!r}: expected ra and dec in degrees"
            ) from None
        if not (-360.0 <= ra <= 360.0 and -90.0 <= dec <= 90.0):
            raise SampError(f"position ({ra}, {dec}) is not on the sky; expected degrees")
        return Message(mtype, sender, ra=ra % 360.0, dec=dec)
    url, table_id = str(parameters.get("url", "")), str(parameters.get("table-id", ""))
    if mtype in (ROW, ROWS):
        given = parameters.get("row-list") if mtype == ROWS else [parameters.get("row")]
        try:
            rows = tuple(int(str(row)) for row in given or ())
        except (TypeError, ValueError):
            raise SampError(f"rows {given!r}: expected whole numbers") from None
        ids = _sent(tables or {}, table_id, url)
        hits = tuple(ids[row] for row in rows if 0 <= row < len(ids))
        return Message(mtype, sender, url, "", table_id, rows, hits)
    if urlsplit(url).scheme not in ("file", "http", "https"):
        raise SampError(f"address {url!r}: expected file:, http: or https:")
    name = str(parameters.get("name", "")) or url.rsplit("/", 1)[-1]
    return Message(mtype, sender, url, name, table_id)


def _sent(tables: dict[str, tuple[str, list[Source]]], table_id: str, url: str) -> Sequence[Source]:
    if table_id in tables:
        return tables[table_id][1]
    return next((ids for known, ids in tables.values() if url and known == url), ())


def fetch_payload(message: Message, limit: int = LARGEST_DOWNLOAD, timeout: float = 30.0) -> bytes:
    """The bytes of a received table or image.

    Raises
    ------
    SampError
        If the address cannot be read, or holds more than ``limit`` bytes.
    """
    parts = urlsplit(message.url)
    try:
        if parts.scheme == "file":
            if parts.netloc not in ("", "localhost"):
                raise SampError(f"{message.url}: a file on another computer cannot be read")
            path = Path(url2pathname(parts.path))
            if not path.is_file():
                raise SampError(f"{message.url}: no such file")
            if path.stat().st_size > limit:
                raise SampError(
                    f"{message.url} has {path.stat().st_size:,} bytes; at most {limit:,}"
                )
            return path.read_bytes()
        if parts.scheme not in ("http", "https"):
            raise SampError(f"address {message.url!r}: expected file:, http: or https:")
        import requests

        payload = bytearray()
        with requests.get(message.url, stream=True, timeout=timeout) as answer:
            answer.raise_for_status()
            for chunk in answer.iter_content(1 << 20):
                payload += chunk
                if len(payload) > limit:
                    raise SampError(f"{message.url} has more than {limit:,} bytes")
        return bytes(payload)
    except OSError as error:  # requests' errors are OSErrors too
        raise SampError(f"{message.url} cannot be read: {error}") from error


def fetch_table(message: Message) -> UserTable:
    """A received table, with units, UCDs and frames as its sender wrote them.

    Raises
    ------
    SampError
        If it cannot be read, or is not a table.
    """
    return read_received(message, fetch_payload(message))


def read_received(message: Message, payload: bytes) -> UserTable:
    """As :func:`fetch_table`, of bytes that were fetched already."""
    from radioviz.importing.readers.user_tables import read_table_bytes

    form, start = ("fits", b"S") if message.mtype == TABLE_FITS else ("votable", b"<")
    try:
        if payload.lstrip()[:1] not in (start, b"\x1f"):
            raise CatalogueError("it does not begin like one")
        return read_table_bytes(message.name, payload)
    except CatalogueError as error:
        raise SampError(
            f"table '{message.name}' of {message.sender} is not a {form} table: {error}"
        ) from error
