"""The view in the address bar: widgets start from a link, and pages write it back.

Call ``linked_...`` before the widget, with the widget's ``key``. A query parameter that changed
since the page last wrote it (a link was opened) overrides what the session remembers.
Streamlit's own ``bind="query-params"`` names parameters after widget keys, drops defaults and
repeats a parameter for each choice, so it cannot open existing links.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import streamlit as st

from radioviz.ui import state


def from_link(parameter: str) -> str | None:
    """Value of a parameter that changed since the page last wrote it, once; else None."""
    written = state.session().written_parameters
    value: str | None = st.query_params.get(parameter)
    if value is None or value == written.get(parameter):
        return None
    written[parameter] = value
    return value


def linked_choice(key: str, parameter: str, allowed: Collection[str], default: str | None) -> None:
    """One of ``allowed``; any other value becomes ``default``."""
    value = from_link(parameter)
    if value in allowed:
        st.session_state[key] = value
    held = st.session_state.get(key)
    # Set again even if unchanged: a widget that another page did not draw has lost its state.
    st.session_state[key] = held if held in allowed else default
    _refuse(parameter, value, value in allowed, st.session_state[key])


def linked_choices(key: str, parameter: str, allowed: Collection[str], default: list[str]) -> None:
    """Several of ``allowed``, separated by commas in the address."""
    value = from_link(parameter)
    held = value.split(",") if value is not None else st.session_state.get(key)
    if not isinstance(held, list):
        held = default
    st.session_state[key] = [v for v in held if v in allowed]
    lost = [v for v in value.split(",") if v and v not in allowed] if value else []
    _refuse(parameter, ", ".join(lost) or value, not lost, st.session_state[key])


def linked_number(key: str, parameter: str, low: float, high: float, default: float) -> None:
    """A number; text that is not a number is ignored, and the rest is clipped to the range."""
    held = st.session_state.get(key)
    value = from_link(parameter)
    good = False
    if value is not None:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        good = low <= number <= high
        if math.isfinite(number):
            held = number
    if not isinstance(held, int | float):
        held = default
    st.session_state[key] = min(max(float(held), low), high)
    reach = f"{low:g} to {high:g}"
    _refuse(parameter, value, good, st.session_state[key], reach)


def linked_integer(key: str, parameter: str, low: int, high: int, default: int) -> None:
    """As :func:`linked_number`, for whole numbers."""
    linked_number(key, parameter, low, high, default)
    st.session_state[key] = round(st.session_state[key])


def linked_toggle(key: str, parameter: str, default: bool = False) -> None:
    """On or off: ``1`` or ``0`` in the address."""
    value = from_link(parameter)
    if value in ("0", "1"):
        st.session_state[key] = value == "1"
    st.session_state[key] = bool(st.session_state.get(key, default))


@dataclass(frozen=True)
class RefusedValue:
    """What a link asks for and cannot have."""

    value: str  # as the link has it
    instead: object  # what the widget has instead
    reach: str = ""  # the numbers that are possible, empty for other values


def _refuse(parameter: str, value: str | None, good: bool, now: object, reach: str = "") -> None:
    """Note a value of a link that is not possible; forget it when the reader chose another."""
    refused = state.session().refused_values
    if value is not None and good:
        refused.pop(parameter, None)
    elif value:
        refused[parameter] = RefusedValue(value, now, reach)
    elif parameter in refused and refused[parameter].instead != now:
        del refused[parameter]


def refused_values(parameters: Collection[str]) -> dict[str, RefusedValue]:
    """What the last link asked for and could not have, of some parameters."""
    refused: dict[str, RefusedValue] = state.session().refused_values
    return {name: refused[name] for name in refused if name in parameters}


def parameter_text(value: float) -> str:
    """A number as it is written in an address."""
    return f"{value:.6g}"


def keep(parameter: str, value: str) -> None:
    """Have a parameter in every address that pages publish."""
    state.session().kept_parameters[parameter] = value


def publish_view(**parameters: str | None) -> None:
    """Write the view to the address bar; None or '' removes a parameter.

    All parameters at once: every change of the address is a step of the browser's Back button.
    """
    written = state.session().written_parameters
    parameters = {**state.session().kept_parameters, **parameters}
    wanted = {name: value for name, value in parameters.items() if value}
    there = st.query_params.to_dict()
    shown = {k: v for k, v in there.items() if k not in parameters} | wanted
    for name in parameters:
        written.pop(name, None)
    written.update(wanted)
    if (on_publish := state.session().on_publish) is not None:
        on_publish(wanted)
    if shown != there:
        st.query_params.from_dict(shown)
