"""A TAP service on the loopback address: answers as TAP 1.1 and DALI 1.1 prescribe.

It knows ``TAP_SCHEMA.columns``, cones, and joins of an uploaded table by CONTAINS(POINT, CIRCLE).
"""

from __future__ import annotations

import email
import email.policy
import io
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

import numpy as np
from astropy.io.votable import from_table, parse_single_table, tree
from astropy.table import Table, hstack

from tests.data.http_server import serving

JOIN = re.compile(
    r"SELECT (?P<up>\w+)\.(?P<key>\w+), (?P<other>\w+)\.\* FROM TAP_UPLOAD\.(?P=up) AS (?P=up) "
    r'JOIN "?(?P<table>[^"]+?)"? AS (?P=other) ON 1 = CONTAINS\(POINT\(\'ICRS\', '
    r"(?P=other)\.(?P<ra>\S+), (?P=other)\.(?P<dec>\S+)\), CIRCLE\(\'ICRS\', "
    r"(?P=up)\.(?P<ura>\w+), (?P=up)\.(?P<udec>\w+), (?P<radius>[\d.]+)\)\)"
)
CONE = re.compile(
    r'SELECT \* FROM "?(?P<table>[^"]+?)"? WHERE CONTAINS\(POINT\(\'(?P<frame>\w+)\', (?P<ra>\S+), '
    r"(?P<dec>\S+)\), CIRCLE\('(?P=frame)', (?P<lon>[-\d.]+), (?P<lat>[-\d.]+), "
    r"(?P<radius>[\d.]+)\)\) = 1"
)


@dataclass
class TapSite:
    """Tables by name, and how the service misbehaves."""

    tables: dict[str, Table]
    ucds: dict[str, str]
    fault: str = ""
    delay: float = 0.0
    limit: int = 1_000_000
    queries: list[str] = field(default_factory=list)
    uploaded: int = 0
    url: str = ""
    stop: threading.Event = field(default_factory=threading.Event)


class _Handler(BaseHTTPRequestHandler):
    site: TapSite

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        site = self.site
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if site.fault.isdecimal():
            self.send_error(int(site.fault))
            return
        fields, files = _form(self.headers["Content-Type"], body)
        query = fields.get("QUERY", "")
        site.queries.append(query)
        site.stop.wait(site.delay)
        status, code, table = "OK", 200, Table()
        if self.path != "/tap/sync" or fields.get("REQUEST") != "doQuery":
            status, code = "ERROR: no such resource", 400
        elif fields.get("LANG") != "ADQL":
            status, code = f"ERROR: unknown language {fields.get('LANG')}", 400
        elif "TAP_SCHEMA.columns" in query:
            table = self._columns(query)
        elif found := JOIN.fullmatch(query):
            name, _, place = fields["UPLOAD"].partition(",")
            if name != found["up"] or not place.startswith("param:"):
                status, code = f"ERROR: unknown table TAP_UPLOAD.{found['up']}", 400
            else:
                given = parse_single_table(io.BytesIO(files[place.removeprefix("param:")]))
                table = self._join(found, given.to_table(use_names_over_ids=True))
        elif (found := CONE.fullmatch(query)) and found["table"] in site.tables:
            table = self._cone(found)
        else:
            status, code = f"ERROR: cannot parse {query[:60]}", 400
        most = min(int(fields.get("MAXREC", site.limit)), site.limit)
        if len(table) > most:
            table, status = table[:most], "OVERFLOW"
        self._answer(table, status, code)

    def _columns(self, query: str) -> Table:
        names = re.findall(r"'([^']+)'", query)
        for name, table in self.site.tables.items():
            if name in names:
                ucds = [self.site.ucds.get(c, "") for c in table.colnames]
                return Table(
                    {"column_name": table.colnames, "ucd": ucds,
                     "unit": [str(table[c].unit or "") for c in table.colnames],
                     "description": [""] * len(ucds)}
                )  # fmt: skip
        return Table({"column_name": np.array([], "U1"), "ucd": np.array([], "U1")})

    def _join(self, found: re.Match[str], given: Table) -> Table:
        self.site.uploaded += len(given)
        lon, lat = (np.asarray(given[found[k]], float) for k in ("ura", "udec"))
        i, j = self._within(found, lon, lat)
        return hstack([given[[found["key"]]][i], self.site.tables[found["table"]][j]])

    def _cone(self, found: re.Match[str]) -> Table:
        lon, lat = (np.array([float(found[k])]) for k in ("lon", "lat"))
        return self.site.tables[found["table"]][self._within(found, lon, lat)[1]]

    def _within(
        self, found: re.Match[str], lon: np.ndarray, lat: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        table = self.site.tables[found["table"]]
        a, b = (np.radians(v)[:, None] for v in (lon, lat))
        c, d = (
            np.radians(np.asarray(table[found[k].strip('"')], float))[None] for k in ("ra", "dec")
        )
        h = np.sin((b - d) / 2) ** 2 + np.cos(b) * np.cos(d) * np.sin((a - c) / 2) ** 2
        i, j = np.nonzero(np.degrees(2 * np.arcsin(np.sqrt(h))) <= float(found["radius"]))
        return i, j

    def _answer(self, table: Table, status: str, code: int) -> None:
        document = tree.VOTableFile()
        if table.colnames:
            document = from_table(table)
            for f in document.get_first_table().fields:
                f.ucd = self.site.ucds.get(f.name) or None
        else:
            document.resources.append(tree.Resource())
        resource = document.resources[0]
        resource.type = "results"
        value, _, text = status.partition(": ")
        info = tree.Info(name="QUERY_STATUS", value=value)
        info.content = text or None
        resource.infos.append(info)
        out = io.BytesIO()
        document.to_xml(out, tabledata_format="binary2" if len(table) > 50 else "tabledata")
        payload = out.getvalue()
        if self.site.fault == "nonsense":
            payload = b"<html><body>Down for maintenance</body></html>"
        if self.site.fault == "entity":
            payload = payload.replace(b"<VOTABLE", b'<!DOCTYPE v [<!ENTITY a "b">]>\n<VOTABLE', 1)
        self.send_response(code)
        self.send_header("Content-Type", "application/x-votable+xml")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)


def _form(kind: str, body: bytes) -> tuple[dict[str, str], dict[str, bytes]]:
    """Fields and files of a form, as urlencoded or multipart text."""
    if kind.startswith("application/x-www-form-urlencoded"):
        from urllib.parse import parse_qsl

        return dict(parse_qsl(body.decode())), {}
    head = b"Content-Type: " + kind.encode() + b"\r\n\r\n"
    message = email.message_from_bytes(head + body, policy=email.policy.HTTP)
    fields, files = {}, {}
    for part in message.iter_parts():
        name = str(part.get_param("name", header="content-disposition"))
        content = part.get_payload(decode=True)
        if part.get_filename() is None:
            fields[name] = content.decode()
        else:
            files[name] = content
    return fields, files


@contextmanager
def tap_service(tables: dict[str, Table], ucds: dict[str, str]) -> Iterator[TapSite]:
    """Serve tables on a free port; ``ucds`` are those of their columns, by name."""
    site = TapSite(tables, ucds)
    with serving(_Handler, site) as address:
        site.url = f"{address}/tap"
        try:
            yield site
        finally:
            site.stop.set()
