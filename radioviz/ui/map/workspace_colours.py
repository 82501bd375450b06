"""The named subsets and the tags of the workspace as colours of a map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from radioviz.ui.map.colouring import Choice, Colour, join_colours
from radioviz.ui.palette import MISSING_COLOUR, category_colours
from radioviz.ui.session_labels import labels
from radioviz.ui.subsets import subsets
from radioviz.ui.workspace_columns import subset_codes, workspace_columns
from radioviz.workspace.labels import SEPARATOR

SUBSET = Choice("workspace:subset", "Subset", numeric=False)
TAGS = Choice("workspace:tags", "Tags", numeric=False)


def workspace_choices() -> list[Choice]:
    """What of the workspace points can be coloured by, as far as there is any."""
    return [SUBSET] * bool(subsets()) + [TAGS] * bool(labels().counts())


def workspace_colour(choice: Choice, parts: Sequence[tuple[str, np.ndarray]]) -> Colour | None:
    """Colours of the points of a map; None where the choice is not of the workspace.

    ``parts``: of each layer, the data set and the rows of its catalogue.
    """
    if choice == SUBSET:
        held = subsets()
        codes = np.concatenate([subset_codes(key, held)[rows] for key, rows in parts])
        colour = Colour(
            f"{choice.title}, the last of those that hold it",
            codes=np.where(codes < 0, len(held), codes).astype(np.int32),
            names=[*(s.name for s in held), ""],
            colours=[*(s.colour for s in held), MISSING_COLOUR],
        )
    elif choice == TAGS:
        texts = np.concatenate([_tags(key)[rows] for key, rows in parts])
        unique, codes = np.unique(texts, return_inverse=True)
        found = [str(text) for text in unique]
        order = sorted(range(len(found)), key=lambda i: (not found[i], found[i]))
        names = [found[i] for i in order]
        colour = join_colours([
            Colour(choice.title, codes=np.argsort(order)[codes].astype(np.int32), names=names,
                   colours=category_colours(names))
        ])  # fmt: skip
    else:
        return None
    return colour


def workspace_text(choice: Choice, data_set: str, row: int) -> str | None:
    """Subsets or tags of one galaxy; None where the choice is not of the workspace."""
    if choice not in (SUBSET, TAGS):
        return None
    own = workspace_columns(data_set)
    masks = own.subsets if choice == SUBSET else own.tags
    return SEPARATOR.join(name for name, mask in masks.items() if mask[row])


def _tags(data_set: str) -> np.ndarray:
    """Tags of each galaxy of a data set in one text, shape ``(n,)``."""
    masks = workspace_columns(data_set).tags
    texts = np.full(len(next(iter(masks.values()))), "", dtype=object)
    for tag in sorted(masks):
        rows = np.flatnonzero(masks[tag])
        texts[rows] = [SEPARATOR.join(filter(None, (t, tag))) for t in texts[rows]]
    return texts
