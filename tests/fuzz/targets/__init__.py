"""What is fuzzed: every reader of RadioViz, with good files, mutations and strategies."""

from __future__ import annotations

from tests.fuzz.targets import archives, cubes, images, stored, tables, ways_in
from tests.fuzz.targets.target import Target, write

__all__ = ["TARGETS", "Target", "write"]

TARGETS: dict[str, Target] = {
    target.name: target
    for module in (images, tables, cubes, archives, stored, ways_in)
    for target in module.TARGETS
}
