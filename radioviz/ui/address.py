"""Numbers and several choices in the address: what :func:`state.linked` does for one choice."""

from __future__ import annotations

import math
from collections.abc import Collection

import streamlit as st


def _followed(parameter: str) -> str | None:
    """Value of a query parameter that changed since the page last wrote it; once."""
    written: dict[str, str] = st.session_state.setdefault("written_parameters", {})
    value = st.query_params.get(parameter)
    if value is None or value == written.get(parameter):
        return None
    written[parameter] = value
    return str(value)


def number(key: str, parameter: str, low: float, high: float, default: float) -> None:
    """Let a slider or number box start from the link: call before the widget.

    What is no number is passed over; what is out of range becomes the nearest that is in it.
    """
    value = _followed(parameter)
    if value is not None:
        try:
            asked = float(value)
        except ValueError:
            asked = math.nan
        if math.isfinite(asked):
            st.session_state[key] = asked
    held = st.session_state.get(key)
    if not isinstance(held, int | float):
        held = default
    # A widget that another page did not draw has lost its state unless it is set again.
    st.session_state[key] = min(max(float(held), low), high)


def whole(key: str, parameter: str, low: int, high: int, default: int) -> None:
    """As :func:`number`, for whole numbers."""
    number(key, parameter, low, high, default)
    st.session_state[key] = round(st.session_state[key])


def several(key: str, parameter: str, allowed: Collection[str], default: list[str]) -> None:
    """As :func:`state.linked`, for a choice of several; parted by commas in the address."""
    value = _followed(parameter)
    if value is not None:
        st.session_state[key] = [v for v in value.split(",") if v in allowed]
    held = st.session_state.get(key)
    if not isinstance(held, list):
        held = default
    st.session_state[key] = [v for v in held if v in allowed]


def switch(key: str, parameter: str, default: bool = False) -> None:
    """As :func:`state.linked`, for a toggle: ``1`` and ``0`` in the address."""
    value = _followed(parameter)
    if value in ("0", "1"):
        st.session_state[key] = value == "1"
    st.session_state[key] = bool(st.session_state.get(key, default))


def text(value: float) -> str:
    """A number as it stands in an address."""
    return f"{value:.6g}"
