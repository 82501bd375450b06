"""Filter and sort the galaxies of a data set by all that is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np
import pandas as pd

from radioviz import morphology
from radioviz.api.samples import open_atlas
from radioviz.atlas.scores import read_scores
from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import open_data_set
from radioviz.errors import AtlasError, SelectionError
from radioviz.models.registry import list_models
from radioviz.workspace.data_set_columns import data_set_columns
from radioviz.workspace.evaluation import matching_rows
from radioviz.workspace.table_columns import TableColumns, Truth


def select_galaxies(
    data_set: str = "first",
    condition: str = "",
    *,
    model: str = "",
    subsets: Mapping[str, Sequence[str]] | None = None,
    tags: Mapping[str, Sequence[str]] | None = None,
    columns: pd.DataFrame | None = None,
    sort: str = "",
    descending: bool = False,
) -> pd.DataFrame:
    """The galaxies that pass a filter, with all their columns, as on the Table page.

    Parameters
    ----------
    condition : str
        A filter as in the box of the app, such as ``label == "Bent" and las > 80``; all galaxies
        by default. docs/filters.md describes it.
    model : str
        Encoder whose scores are columns, too; none by default.
    subsets : mapping, optional
        Name to values of ``source_id``: columns of yes and no that the condition may name.
    tags : mapping, optional
        Tag to values of ``source_id``, for ``tag("...")`` in the condition.
    columns : pandas.DataFrame, optional
        More columns, such as those of a crossmatch: a row for each galaxy that its ``source_id``
        names, NaN or empty for the others.
    sort : str
        Column to sort by; rows without a value come last. By default in the order of the data set.
    descending : bool
        Whether the largest come first.

    Returns
    -------
    pandas.DataFrame
        ``data_set`` and every column of the data set, measured ones and scores included; the index
        is the row of the data set. ``las`` is in arcsec, ``ra`` and ``dec`` in degrees;
        :meth:`GalaxySample.to_astropy` has the units of the others.

    Raises
    ------
    FilterError
        If the condition cannot be read or names an unknown column; its ``position`` says where.
    CatalogueError, AtlasError
        If there is no such data set, or its scores are damaged.

    Examples
    --------
    >>> import radioviz
    >>> bent = radioviz.select_galaxies("first", 'label == "Bent" and las > 80', sort="las")
    >>> len(bent), bool((bent["las"] > 80).all()), bool(bent["las"].is_monotonic_increasing)
    (93, True, True)
    """
    catalogue = morphology.complete(open_data_set(data_set))
    scores = read_scores(data_set, catalogue=catalogue, models=list_models())
    atlas = None
    if model:
        with suppress(AtlasError):
            atlas = open_atlas(data_set, model)
    known = data_set_columns(catalogue, scores, atlas)
    if columns is not None:
        known = known.with_columns(_aligned(columns, catalogue))
    if subsets or tags:
        known = known.extended(
            {name: Truth(mask) for name, mask in galaxy_masks(catalogue, subsets or {}).items()},
            tags=galaxy_masks(catalogue, tags or {}),
        )
    rows = known.order(sort, descending=descending) if sort else np.arange(len(known))
    if condition.strip():
        rows = rows[matching_rows(condition, known)[rows]]
    found = known.frame(rows)
    return found.assign(data_set=data_set)[
        ["data_set", *found.columns.drop("data_set", errors="ignore")]
    ]


def galaxy_masks(
    catalogue: Catalogue, members: Mapping[str, Sequence[str]]
) -> dict[str, np.ndarray]:
    """Mask ``(n,)`` of the galaxies of each list."""
    masks = {name: np.zeros(len(catalogue), dtype=bool) for name in members}
    for name, ids in members.items():
        masks[name][catalogue.known_rows_of(list(ids))] = True
    return masks


def _aligned(columns: pd.DataFrame, catalogue: Catalogue) -> TableColumns:
    """More columns, a row for each row of the catalogue."""
    if "source_id" not in columns:
        raise SelectionError(
            f"the columns are {', '.join(map(str, columns.columns))}; expected source_id among them"
        )
    own = columns.assign(source_id=columns["source_id"].astype(str))
    own = own.drop_duplicates("source_id").set_index("source_id")
    return TableColumns(own.reindex(catalogue.table["source_id"]).reset_index(drop=True))
