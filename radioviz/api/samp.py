"""SAMP: tables and images to TOPCAT, Aladin and DS9, and back.

The Simple Application Messaging Protocol (IVOA, version 1.3) connects programs of one desktop
through a hub, which TOPCAT and Aladin include. Everything stays on the loopback address: data are
passed as files in a private folder that is deleted when the link is closed.
"""

from __future__ import annotations

import contextlib
import queue
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from radioviz import __version__
from radioviz.api.samp_messages import (
    IMAGE,
    RECEIVED,
    TABLE,
    Message,
    Source,
    read_message,
)
from radioviz.errors import SampError
from radioviz.export.groups import Group, Groups, ascii_text, filled, sources, unique_name

_LONGEST_QUEUE = 1000
_NO_HUB = (
    "no SAMP hub is running on this computer; start TOPCAT or Aladin (each includes a hub), then "
    "try again. A browser on another computer cannot reach the programs of this one by SAMP: "
    "export a file there"
)


@dataclass(frozen=True)
class Delivery:
    """Whether one program accepted a message: ``error`` is empty where it did."""

    program: str
    error: str = ""


@dataclass
class SampLink:
    """A connection to the hub of this desktop: sends messages, and keeps received ones.

    >>> with SampLink() as link:                                    # doctest: +SKIP
    ...     link.send_table(groups, "my selection")
    ...     link.received()

    Parameters
    ----------
    hub : SAMPHubServer or None
        A hub of this process (tests); by default the hub of the desktop.
    timeout : float
        Seconds to wait for a program to accept a table or image.

    Raises
    ------
    SampError
        If no hub is running, or it does not answer.
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
        # The library would otherwise fetch a public web page to check for a network, and then
        # listen on it.
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
            except Exception as error:  # the port belongs to another kind of server
                raise SampError(f"the address of the SAMP hub is not a hub: {error}") from error
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
        """Leave the hub and remove the files that were passed; closing twice is allowed."""
        with contextlib.suppress(Exception):  # the hub may be gone
            self._client.disconnect()
        client = self._client.client
        if client is not None and client.is_running:
            with contextlib.suppress(Exception):
                client.stop()
        with contextlib.suppress(Exception):
            self._client.hub.disconnect()
        shutil.rmtree(self._folder, ignore_errors=True)

    def programs(self, mtype: str = TABLE) -> dict[str, str]:
        """Programs that accept messages of this type: names by SAMP identifier.

        Raises
        ------
        SampError
            If the hub has gone away.
        """
        with self._hub_errors():
            ids = self._client.get_subscribed_clients(mtype)
            return {i: self._program(i) for i in ids}

    def send_table(
        self, groups: Groups | Group, name: str = "RadioViz selection"
    ) -> list[Delivery]:
        """Send the table of a selection as a VOTable to all programs that accept tables.

        Rows that another program highlights or selects afterwards are received as sources.

        Raises
        ------
        SampError
            If no program accepts tables.
        ExportError
            If the selection is empty.
        """
        from radioviz.export.tables import votable_bytes

        groups = filled(groups)
        programs = self._receivers(TABLE)
        table_id = f"radioviz-{uuid.uuid4()}"
        url = self._write_file(votable_bytes(groups), f"{name}.vot")
        ids = [
            (g.catalogue.info.key, str(g.catalogue.table["source_id"].iat[row]))
            for g, row in sources(groups)
        ]
        self._tables[table_id] = (url, ids)
        parameters = {"url": url, "table-id": table_id, "name": ascii_text(name)}
        return self._deliver(TABLE, parameters, programs)

    def send_image(self, group: Group, row: int) -> list[Delivery]:
        """Send the image of one row of a group's catalogue as FITS.

        Raises
        ------
        SampError
            If no program accepts images.
        """
        from radioviz.export.cards import ImageHeaders
        from radioviz.export.fits import single_fits

        programs = self._receivers(IMAGE)
        headers = ImageHeaders(group)
        name = headers.object_name(row)
        url = self._write_file(single_fits(headers, row), f"{name}.fits")
        parameters = {"url": url, "image-id": url, "name": ascii_text(name)}
        return self._deliver(IMAGE, parameters, programs)

    def received(self) -> list[Message]:
        """Messages since the last call, oldest first; never waits."""
        out = []
        with contextlib.suppress(queue.Empty):
            while True:
                out.append(self._inbox.get_nowait())
        return out

    def _write_file(self, payload: bytes, name: str) -> str:
        stem, dot, ending = name.rpartition(".")
        # Some programs do not decode the %2B of a plus sign in an address.
        plain = unique_name(stem, set()).replace("+", "p") + dot + ending
        path = Path(tempfile.mkdtemp(dir=self._folder)) / plain
        try:
            path.write_bytes(payload)
        except OSError as error:
            raise SampError(f"{path} cannot be written: {error.strerror or error}") from error
        return path.as_uri()

    def _receivers(self, mtype: str) -> dict[str, str]:
        """Programs that accept a type; SampError where there is none."""
        programs = self.programs(mtype)
        if not programs:
            what = "images" if mtype == IMAGE else "tables"
            raise SampError(
                f"no program on the SAMP hub accepts {what}; start TOPCAT, Aladin or DS9"
            )
        return programs

    def _deliver(
        self, mtype: str, parameters: dict[str, str], programs: dict[str, str]
    ) -> list[Delivery]:
        # Not by callAndWait: this library's hub loses an answer that arrives before the hub has
        # noted the call. This way all programs also work at the same time.
        message = {"samp.mtype": mtype, "samp.params": parameters}
        answers: queue.SimpleQueue[tuple[str, dict[str, Any]]] = queue.SimpleQueue()
        tag = f"radioviz-{uuid.uuid4()}"
        self._client.bind_receive_response(
            tag, lambda _, who, __, answer: answers.put((who, answer))
        )
        out = {}
        try:
            waiting = set()
            for identifier, program in programs.items():
                try:
                    self._client.call(identifier, tag, message)
                    waiting.add(identifier)
                except Exception as error:  # it quit after the list was made
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
            self._keep(sender, mtype, parameters)  # a notification gets no answer

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
    """The error in a program's answer; empty where it accepted the message."""
    if answer.get("samp.status") == "samp.ok":
        return ""
    return str(answer.get("samp.error", {}).get("samp.errortxt", "refused"))
