"""SAMP: tables and images to TOPCAT, Aladin and DS9, and back.

The Simple Application Messaging Protocol (IVOA, version 1.3) joins programs of one desktop
through a hub, which TOPCAT and Aladin bring along. Everything stays on the loopback address:
data are handed over as files in a private folder that goes when the link is closed.
"""

from __future__ import annotations

import contextlib
import queue
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from radioviz import __version__
from radioviz.api.samp_messages import (
    IMAGE,
    POSITION,
    RECEIVED,
    ROW,
    ROWS,
    TABLE,
    Message,
    Source,
    read_message,
)
from radioviz.errors import SampError
from radioviz.export.groups import Group, Groups, ascii_text, filled, sources, unique_name

_LONGEST_QUEUE = 1000
_NO_HUB = (
    "no SAMP hub is running on this computer; start TOPCAT or Aladin (each brings a hub), then "
    "try again. A browser on another computer cannot reach the programs of this one by SAMP: "
    "export a file there"
)


@dataclass(frozen=True)
class Delivery:
    """What became of a message at one program: ``error`` is empty where it was taken."""

    program: str
    error: str = ""


@dataclass
class SampLink:
    """A connection to the hub of this desktop: sends, and keeps what is received.

    >>> with SampLink() as link:                                    # doctest: +SKIP
    ...     link.send_table(groups, "my selection")
    ...     link.received()

    Parameters
    ----------
    hub : SAMPHubServer or None
        A hub of this process (tests); by default the one that the desktop announces.
    timeout : float
        Seconds to wait for a program to take a table or image.

    Raises
    ------
    SampError
        If no hub runs, or it does not answer.
    """

    hub: Any = None
    name: str = "RadioViz"
    timeout: float = 15.0
    _inbox: queue.Queue[Message] = field(init=False, repr=False)
    _tables: dict[str, tuple[str, list[Source]]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        from pyvo import samp

        self._inbox = queue.Queue(_LONGEST_QUEUE)
        self._tables = {}
        self._lock = threading.Lock()
        # The library would otherwise look for a public web page to learn whether there is
        # a network, and then listen on it.
        with samp.conf.set_temp("use_internet", False):
            self._client = samp.SAMPIntegratedClient(
                metadata={
                    "samp.name": ascii_text(self.name),
                    "samp.description.text": "Latent space of radio galaxies",
                    "radioviz.version": __version__,
                },
                addr="127.0.0.1",
            )
            try:
                self._client.connect(hub=self.hub, pool_size=4)
            except (samp.SAMPHubError, KeyError, ValueError, OSError) as error:
                raise SampError(f"{_NO_HUB} ({error.__class__.__name__}: {error})") from None
            except Exception as error:  # what an answering port that is no hub makes of it
                raise SampError(f"the SAMP hub does not answer as one: {error}") from error
        # Any program on the hub could otherwise read this program's environment variables.
        with contextlib.suppress(Exception):
            self._client.unbind_receive_call("client.env.get")
        self._folder = Path(tempfile.mkdtemp(prefix="radioviz-samp-"))
        for mtype in RECEIVED:
            self._client.bind_receive_call(mtype, self._called)
            self._client.bind_receive_notification(mtype, self._notified)

    def __enter__(self) -> SampLink:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connected(self) -> bool:
        """True while the hub answers."""
        try:
            self._client.ping()
        except Exception:
            return False
        return bool(self._client.is_connected)

    def close(self) -> None:
        """Leave the hub and remove the files that were handed over; twice is no error."""
        with contextlib.suppress(Exception):  # a hub that is gone cannot be told
            self._client.disconnect()
        client = self._client.client
        if client is not None and client.is_running:
            with contextlib.suppress(Exception):
                client.stop()
        with contextlib.suppress(Exception):
            self._client.hub.disconnect()
        shutil.rmtree(self._folder, ignore_errors=True)

    def programs(self, mtype: str = TABLE) -> dict[str, str]:
        """Programs that take messages of this type: names by SAMP identifier.

        Raises
        ------
        SampError
            If the hub has gone away.
        """
        with self._hub_errors():
            ids = self._client.get_subscribed_clients(mtype)
            return {i: self._program(i) for i in ids}

    def send_table(
        self, groups: Groups | Group, name: str = "RadioViz selection", to: str | None = None
    ) -> list[Delivery]:
        """Send the table of a selection as a VOTable.

        Rows that the other program highlights or selects afterwards come back as sources.

        Parameters
        ----------
        to
            SAMP identifier of one program; all that take tables by default.

        Raises
        ------
        SampError
            If no program takes tables.
        ExportError
            If the selection is empty.
        """
        from radioviz.export.tables import votable_bytes

        groups = filled(groups)
        self._takers(TABLE, to)
        table_id = f"radioviz-{uuid.uuid4()}"
        url = self._hand_over(votable_bytes(groups), f"{name}.vot")
        ids = [
            (g.catalogue.info.key, str(g.catalogue.table["source_id"].iat[row]))
            for g, row in sources(groups)
        ]
        self._tables[table_id] = (url, ids)
        parameters = {"url": url, "table-id": table_id, "name": ascii_text(name)}
        return self._deliver(TABLE, parameters, to)

    def send_image(self, group: Group, row: int, to: str | None = None) -> list[Delivery]:
        """Send the image of one row of a group's catalogue as FITS.

        Raises
        ------
        SampError
            If no program takes images.
        """
        from radioviz.export.cards import ImageHeaders
        from radioviz.export.fits import single_fits

        self._takers(IMAGE, to)
        headers = ImageHeaders(group)
        name = headers.object_name(row)
        url = self._hand_over(single_fits(headers, row), f"{name}.fits")
        parameters = {"url": url, "image-id": url, "name": ascii_text(name)}
        return self._deliver(IMAGE, parameters, to)

    def highlight(self, data_set: str, source_id: str) -> int:
        """Highlight a source in every table sent so far that holds it; how many do."""
        found = 0
        for table_id, (url, ids) in list(self._tables.items()):
            if (data_set, source_id) in ids:
                row = str(ids.index((data_set, source_id)))
                self._broadcast(ROW, {"table-id": table_id, "url": url, "row": row})
                found += 1
        return found

    def select(self, chosen: Iterable[Source]) -> int:
        """Select sources in every table sent so far that holds any of them; how many do."""
        wanted, found = set(chosen), 0
        for table_id, (url, ids) in list(self._tables.items()):
            rows = [str(i) for i, source in enumerate(ids) if source in wanted]
            if rows:
                self._broadcast(ROWS, {"table-id": table_id, "url": url, "row-list": rows})
                found += 1
        return found

    def point_at(self, ra: float, dec: float) -> None:
        """Point every program at a position in degrees (ICRS).

        Raises
        ------
        SampError
            If it is no position, or the hub has gone away.
        """
        if not (0.0 <= ra % 360.0 < 360.0 and -90.0 <= dec <= 90.0):
            raise SampError(f"({ra}, {dec}) is no sky position; expected degrees, Dec -90 to 90")
        self._broadcast(POSITION, {"ra": f"{ra % 360.0:.8f}", "dec": f"{dec:.8f}"})

    def received(self) -> list[Message]:
        """What has arrived since the last call, oldest first; never waits."""
        out = []
        with contextlib.suppress(queue.Empty):
            while True:
                out.append(self._inbox.get_nowait())
        return out

    def _hand_over(self, payload: bytes, name: str) -> str:
        stem, dot, ending = name.rpartition(".")
        # Not every program undoes the %2B that a plus sign becomes in an address.
        plain = unique_name(stem, set()).replace("+", "p") + dot + ending
        path = Path(tempfile.mkdtemp(dir=self._folder)) / plain
        try:
            path.write_bytes(payload)
        except OSError as error:
            raise SampError(f"{path} cannot be written: {error.strerror or error}") from error
        return path.as_uri()

    def _takers(self, mtype: str, to: str | None) -> dict[str, str]:
        programs = self.programs(mtype)
        if to is not None and to not in programs:
            raise SampError(f"no program '{to}' takes '{mtype}'; connected: {_listed(programs)}")
        if not programs:
            what = "images" if mtype == IMAGE else "tables"
            raise SampError(f"no program on the SAMP hub takes {what}; start TOPCAT, Aladin or DS9")
        return programs if to is None else {to: programs[to]}

    def _deliver(self, mtype: str, parameters: dict[str, str], to: str | None) -> list[Delivery]:
        # Not by callAndWait: a hub of this library loses the answer to one when it comes before
        # the hub has noted that somebody waits for it. All programs work at the same time so.
        programs = self._takers(mtype, to)
        message = {"samp.mtype": mtype, "samp.params": parameters}
        answers: queue.SimpleQueue[tuple[str, dict[str, Any]]] = queue.SimpleQueue()
        tag = f"radioviz-{uuid.uuid4()}"
        self._client.bind_receive_response(tag, lambda _, who, __, said: answers.put((who, said)))
        out = {}
        try:
            waiting = set()
            for identifier, program in programs.items():
                try:
                    self._client.call(identifier, tag, message)
                    waiting.add(identifier)
                except Exception as error:  # it died between the question and the call
                    out[identifier] = Delivery(program, str(error))
            end = time.monotonic() + self.timeout
            while waiting:
                try:
                    who, answer = answers.get(timeout=max(0.0, end - time.monotonic()))
                except queue.Empty:
                    break
                if who in waiting:
                    waiting.remove(who)
                    out[who] = Delivery(programs[who], _complaint(answer))
        finally:
            self._client.unbind_receive_response(tag)
        silent = f"timeout: no answer within {self.timeout:g} s"
        return [out.get(i, Delivery(program, silent)) for i, program in programs.items()]

    def _broadcast(self, mtype: str, parameters: dict[str, Any]) -> None:
        with self._hub_errors():
            self._client.notify_all({"samp.mtype": mtype, "samp.params": parameters})

    def _program(self, identifier: str) -> str:
        return str(self._client.get_metadata(identifier).get("samp.name", identifier))

    @contextlib.contextmanager
    def _hub_errors(self) -> Iterator[None]:
        try:
            yield
        except SampError:
            raise
        except Exception as error:
            raise SampError(f"the SAMP hub has gone away ({error}); connect again") from error

    def _called(
        self, key: str, sender: str, msg_id: str, mtype: str, parameters: Any, extra: Any
    ) -> None:
        try:
            self._keep(sender, mtype, parameters)
            answer: dict[str, Any] = {"samp.status": "samp.ok", "samp.result": {}}
        except (SampError, ValueError, TypeError, AttributeError) as error:
            text = f"RadioViz cannot use this message: {error}"
            answer = {
                "samp.status": "samp.error",
                "samp.result": {},
                "samp.error": {"samp.errortxt": ascii_text(text, 300)},
            }
        self._client.reply(msg_id, answer)

    def _notified(self, key: str, sender: str, mtype: str, parameters: Any, extra: Any) -> None:
        with contextlib.suppress(SampError, ValueError, TypeError, AttributeError):
            self._keep(sender, mtype, parameters)  # nobody waits to hear of a bad notification

    def _keep(self, sender: str, mtype: str, parameters: dict[str, Any]) -> None:
        with contextlib.suppress(Exception):
            sender = self._program(sender)
        message = read_message(mtype, sender, parameters, self._tables)
        with self._lock:
            if self._inbox.full():
                with contextlib.suppress(queue.Empty):
                    self._inbox.get_nowait()
            self._inbox.put_nowait(message)


def _complaint(answer: dict[str, Any]) -> str:
    """What a program says against a message; empty where it took it."""
    if answer.get("samp.status") == "samp.ok":
        return ""
    return str(answer.get("samp.error", {}).get("samp.errortxt", "refused"))


def _listed(programs: dict[str, str]) -> str:
    return ", ".join(f"{name} ({i})" for i, name in programs.items()) or "none"
