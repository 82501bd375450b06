"""``radioviz sky-viewer``: fetch the optional sky viewer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def sky_viewer(
    source: Annotated[
        Path | None, typer.Option("--from", help="Package aladin-lite-*.tgz on this computer.")
    ] = None,
) -> None:
    """Fetch Aladin Lite (GPL-3, by the CDS) into your cache, for the Sky panel of Inspect.

    \b
    Examples:
      radioviz sky-viewer
    """
    from radioviz.data.sky_viewer import VERSION, fetch_viewer

    path = fetch_viewer(source)
    print(f"Aladin Lite {VERSION} is in {path.parent}; its licence (GPL-3) lies beside it.")
