"""What is kept for a session is dropped once it is closed."""

from __future__ import annotations

import pytest
from streamlit import runtime

from radioviz.ui import session_workspace


def test_workspaces_of_closed_sessions_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    class Runtime:
        def is_active_session(self, session: str) -> bool:
            return session.startswith("open")

    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", Runtime)
    shown = {f"w{i}": {f"closed{i}"} for i in range(1000)}
    shown |= {"a": {"open1", "closed"}, "b": {"open2"}}
    monkeypatch.setattr(session_workspace, "_sessions", shown)
    session_workspace._forget_closed()
    assert shown == {"a": {"open1"}, "b": {"open2"}}
