"""Streamlit components whose HTML, CSS and JavaScript are files beside the Python module."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st


@cache
def register_component(name: str, module: str) -> Any:
    """Register the component drawn by a module, once a process.

    Parameters
    ----------
    name : str
        Name in Streamlit, unique in the app.
    module : str
        ``__file__`` of the module. The files beside it with its stem and the endings ``.html``,
        ``.css`` and ``.js`` are the component; the first two may be absent. The script may call
        ``address(path)`` for the address of a file that :func:`radioviz.ui.image.media.serve`
        gave.
    """
    page, style, script = (Path(module).with_suffix(ending) for ending in (".html", ".css", ".js"))
    address = Path(__file__).with_name("media_address.js")
    return st.components.v2.component(
        name,
        html=page.read_text("utf-8") if page.exists() else None,
        css=style.read_text("utf-8") if style.exists() else None,
        js=address.read_text("utf-8") + script.read_text("utf-8"),
    )
