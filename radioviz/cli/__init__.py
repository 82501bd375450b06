"""The ``radioviz`` command."""

from __future__ import annotations


def main(arguments: list[str] | None = None) -> int:
    """Run ``radioviz``; returns its exit code (see :func:`radioviz.cli.running.run`)."""
    from radioviz.cli.commands import radioviz_app
    from radioviz.cli.running import run

    return run(radioviz_app, arguments, "radioviz")
