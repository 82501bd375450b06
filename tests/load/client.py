"""One browser session without a browser: the app's WebSocket, in its own protocol.

The messages are Streamlit's protobufs, as the page in a browser gets and sends them; what they
draw is kept as the element tree that Streamlit's own tests use, so that widgets can be found by
their keys and changed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.testing.v1.element_tree import ElementTree, parse_tree_from_messages
from websockets.sync.client import ClientConnection, connect

_PATIENCE = 240.0  # seconds for one answer, on a busy machine the first one above all


class LoadError(Exception):
    """A session got an error, or no answer."""


class Client:
    """A session.

    Parameters
    ----------
    url : str
        Of the app, ``http://localhost:8501``.

    Attributes
    ----------
    tree : ElementTree
        What the page shows now.
    seconds : list of (str, float)
        What was done, and how long it took until the page was drawn.
    received : int
        Bytes.
    fragments : dict
        Fragments that were drawn, the first one first.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.tree: ElementTree = parse_tree_from_messages([])
        self.seconds: list[tuple[str, float]] = []
        self.received = 0
        self.alien: list[str] = []
        self.forbidden: list[bytes] = []
        self.fragments: dict[str, None] = {}
        self._query, self._page = "", ""
        self.pages: dict[str, str] = {}
        self._deltas: list[ForwardMsg] = []
        self._cache: dict[str, ForwardMsg] = {}
        address = url.replace("http", "ws", 1) + "/_stcore/stream"
        self._socket: ClientConnection = connect(
            address, subprotocols=["streamlit"], max_size=None, origin=url  # type: ignore[list-item, arg-type]
        )  # fmt: skip

    def close(self) -> None:
        """End the session."""
        self._socket.close()

    def open(
        self, page: str = "", query: str = "", until: Callable[[], bool] | None = None
    ) -> None:
        """Go to a page by the end of its address, as a link in the app does.

        ``until`` ends the wait early, as soon as it is true of :attr:`tree`.
        """
        self._page = self.pages.get(page, "")
        self._query = query
        self._deltas.clear()
        self._run(f"open {page or 'app'}", None, until=until)

    def act(
        self,
        what: str,
        widget: Any,
        value: str | float | dict[str, Any] | None = None,
        *,
        fragment: str = "",
        until: Callable[[], bool] | None = None,
    ) -> None:
        """Set a widget of :attr:`tree` (a button without a value) and wait for the page.

        Those that are not sent keep on the server what they were. With a ``fragment`` of
        :attr:`fragments`, only that is drawn again, as a browser requests it.
        """
        states = WidgetStates()
        state = states.widgets.add(id=widget.id)
        if value is None:
            state.trigger_value = True
        elif isinstance(value, bool):  # of a menu: open
            state.bool_value = value
        elif isinstance(value, str):
            state.string_value = value
        elif isinstance(value, dict):  # of a component
            state.json_value = json.dumps(value)
        else:
            state.double_array_value.data.append(value)
        self._run(what, states, fragment, until)

    def _run(
        self,
        what: str,
        states: Any,
        fragment: str = "",
        until: Callable[[], bool] | None = None,
    ) -> None:
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash = self._query, self._page
        state.fragment_id = fragment
        if states is not None:
            state.widget_states.CopyFrom(states)
        began = time.perf_counter()
        self._socket.send(message.SerializeToString())
        self._draw(what, until)
        self.seconds.append((what, time.perf_counter() - began))

    def _draw(self, what: str, until: Callable[[], bool] | None = None) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                payload = self._socket.recv(timeout=max(0.1, deadline - time.monotonic()))
            except TimeoutError:
                raise LoadError(f"{what}: no answer in {_PATIENCE:g} s") from None
            if isinstance(payload, str):
                continue
            self.received += len(payload)
            self.alien += [w.decode() for w in self.forbidden if w in payload]
            message = self._whole(payload)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self._deltas.clear()
                for page in message.new_session.app_pages:
                    self.pages.setdefault(page.url_pathname, page.page_script_hash)
            elif kind == "navigation":
                for page in message.navigation.app_pages:
                    self.pages[page.url_pathname] = page.page_script_hash
                self._page = message.navigation.page_script_hash
            elif kind == "page_info_changed":
                self._query = message.page_info_changed.query_string
            elif kind == "delta":
                self._deltas.append(message)
                if message.delta.fragment_id:
                    self.fragments[message.delta.fragment_id] = None
                if until is not None:
                    self.tree = parse_tree_from_messages(self._deltas)
                    if until():
                        return
            elif kind == "script_finished":
                finished = message.script_finished
                if finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    continue
                if finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                    raise LoadError(f"{what}: the page does not compile")
                break
        self.tree = parse_tree_from_messages(self._deltas)
        for element in self.tree.get("exception"):
            raise LoadError(f"{what}: {element.message}")

    def _whole(self, payload: bytes) -> ForwardMsg:
        message = ForwardMsg()
        message.ParseFromString(payload)
        if message.WhichOneof("type") == "ref_hash":
            kept = self._cache.get(message.ref_hash)
            if kept is None:
                raise LoadError("the server refers to a message that it never sent")
            whole = ForwardMsg()
            whole.CopyFrom(kept)
            whole.metadata.CopyFrom(message.metadata)
            return whole
        if message.hash:
            self._cache[message.hash] = message
        return message

    # What a person does

    def widget(self, kind: str, key: str) -> Any:
        """The widget of a kind whose key begins so, None where the page has none."""
        for element in self.tree.get(kind):
            if (getattr(element, "key", None) or "").startswith(key):
                return element
        return None

    def menu(self, key: str) -> Any:
        """The menu with this key; what it holds may be drawn only when it is open."""
        for message in reversed(self._deltas):
            popover = message.delta.add_block.popover
            if popover.id.endswith(f"-{key}"):
                return popover
        raise LoadError(f"the page has no menu {key}")

    def component(self, name: str) -> tuple[Any, dict[str, Any], str]:
        """A component that the page shows: itself, its data, and the fragment that draws it."""
        for message in reversed(self._deltas):
            element = message.delta.new_element.bidi_component
            if element.component_name == name:
                return element, json.loads(element.json), message.delta.fragment_id
        raise LoadError(f"the page shows no {name}")

    def text(self) -> str:
        """All that the page says."""
        kinds = ("title", "markdown", "caption", "info", "warning", "error")
        return "\n".join(str(e.value) for kind in kinds for e in self.tree.get(kind))
