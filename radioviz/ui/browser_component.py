"""Streamlit components whose HTML, CSS and JavaScript are files beside the Python module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from radioviz.ui.image import media


def register_component(name: str, module: str) -> Any:
    """Register the component drawn by a module; call it once a process (``functools.cache``).

    Parameters
    ----------
    name : str
        Name in Streamlit, unique in the app.
    module : str
        ``__file__`` of the module. The files beside it with its stem and the endings ``.html``,
        ``.css`` and ``.js`` are the component; the first two may be absent. The script may call
        ``address(path)`` of :data:`radioviz.ui.image.media.BASE_JS`.
    """
    page, style, script = (Path(module).with_suffix(ending) for ending in (".html", ".css", ".js"))
    return st.components.v2.component(
        name,
        html=page.read_text("utf-8") if page.exists() else "<div></div>",
        css=style.read_text("utf-8") if style.exists() else "",
        js=media.BASE_JS + script.read_text("utf-8"),
    )
