"""The map for many points: WebGL in the browser, rows decided on the server."""

from radioviz.ui.map.component import draw, new_event

__all__ = ["draw", "new_event"]
