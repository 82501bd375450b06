"""Files for the browser, served by Streamlit under the hash of their content."""

from __future__ import annotations

from streamlit import runtime


def serve(data: bytes, mimetype: str, digest: str, place: str) -> str:
    """Address of a file, relative to the app; it is kept as long as a session shows it.

    ``digest``: hash of the content: the same content has the same address. ``place``: where on the
    page it is shown; another file at this place replaces it.
    """
    # Streamlit hashes only parts of files above 1 MB; the name distinguishes files that
    # differ elsewhere.
    manager = runtime.get_instance().media_file_mgr
    return str(manager.add(data, mimetype, f"radioviz-{place}", file_name=digest))
