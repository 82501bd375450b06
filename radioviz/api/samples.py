"""Open data sets and Atlases: tables for pandas and astropy, images, WCS, latents, scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from radioviz.atlas import atlas as atlases
from radioviz.atlas.atlas import Atlas
from radioviz.atlas.latent_scores import NEIGHBOURS
from radioviz.atlas.placement import positions_on
from radioviz.atlas.scores import read_scores
from radioviz.data import registry
from radioviz.data.catalogue import Catalogue, SurveyInfo
from radioviz.errors import AtlasError, ModelError
from radioviz.models.registry import encoders, list_models
from radioviz.neighbours import nearest_of
from radioviz.outliers.thresholds import percentile_rank

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord
    from astropy.table import Table
    from astropy.wcs import WCS


@dataclass(frozen=True, eq=False)
class GalaxySample:
    """An opened data set: one table row and one image per galaxy.

    Attributes
    ----------
    catalogue : Catalogue
        The data set as the app holds it.

    Examples
    --------
    >>> import radioviz
    >>> first = radioviz.open_data_set("first")
    >>> len(first)
    2158
    >>> first.table.loc[0, ["source_id", "name", "label"]].tolist()
    ['first-0', 'J074708.4+171727', 'FRI']
    >>> first.image("first-0").shape
    (300, 300)
    >>> print(first.wcs("first-0").wcs.crval)
    [116.785  17.291]
    """

    catalogue: Catalogue

    def __len__(self) -> int:
        return len(self.catalogue)

    def __repr__(self) -> str:
        return f"GalaxySample('{self.info.key}', {len(self):,} galaxies)"

    @property
    def info(self) -> SurveyInfo:
        """What holds for every image: pixel scale, beam [arcsec], unit, frequency, terms of use."""
        return self.catalogue.info

    @property
    def table(self) -> pd.DataFrame:
        """One row per galaxy; ``ra``, ``dec`` in degrees, ``las`` in arcsec, NaN where unknown."""
        return self.catalogue.table

    @property
    def images(self) -> np.ndarray:
        """All images, shape ``(n, ny, nx)``, memory-mapped and read-only; north up, east left."""
        return self.catalogue.images

    @property
    def planes(self) -> tuple[str, ...]:
        """Names of the images (bands, epochs) of each galaxy; empty where it has one."""
        return self.catalogue.planes

    def of_plane(self, plane: str | int) -> GalaxySample:
        """The same galaxies with another of their images: ``images``, ``info``, ``wcs``, columns.

        What was measured is measured in that image.

        Raises
        ------
        CatalogueError
            If there is no such plane.
        """
        catalogue = self.catalogue.of_plane(plane)
        if "las_measured" in catalogue.table:
            from radioviz import morphology

            catalogue = morphology.complete(catalogue)
        return GalaxySample(catalogue)

    @property
    def positions(self) -> SkyCoord:
        """Sky positions (ICRS), shape ``(n,)``; NaN where unknown."""
        return self.catalogue.positions

    def image(self, source_id: str) -> np.ndarray:
        """Image of one galaxy, float32 ``(ny, nx)``; NaN where there is no data.

        Raises
        ------
        CatalogueError
            If there is no such galaxy.
        """
        return self.catalogue.image(self.row_of(source_id))

    def wcs(self, source_id: str) -> WCS:
        """Celestial WCS of one image.

        Raises
        ------
        CatalogueError
            If there is no such galaxy, or its position is unknown.
        """
        return self.catalogue.wcs(self.row_of(source_id))

    def row_of(self, source_id: str) -> int:
        """Row of one galaxy in the table and in the images.

        Raises
        ------
        CatalogueError
            If there is no such galaxy.
        """
        return int(self.catalogue.rows_of([source_id])[0])

    def to_astropy(self, source_ids: Sequence[str] | None = None) -> Table:
        """The table, or rows of it, with units, UCDs and descriptions; provenance in ``meta``.

        Examples
        --------
        >>> import radioviz
        >>> table = radioviz.open_data_set("first").to_astropy(["first-0", "first-2"])
        >>> len(table), str(table["las"].unit), table["las"].info.description
        (2, 'arcsec', 'Largest angular size')
        """
        from astropy.table import Table

        from radioviz.export import Group, selection_table

        rows = np.arange(len(self)) if source_ids is None else self.catalogue.rows_of(source_ids)
        joined = selection_table(Group(self.catalogue, rows))
        table = Table.from_pandas(joined.frame)
        for name, column in joined.columns.items():
            table[name].unit = column.unit or None
            table[name].info.description = column.description or None
            if column.ucd:
                table[name].info.meta = {"ucd": column.ucd}
        table.meta["provenance"] = list(joined.provenance)
        return table


def open_data_set(key: str, *, measured: bool = False) -> GalaxySample:
    """Open a data set by its key; built on first use, then memory-mapped.

    Parameters
    ----------
    key : str
        One of :func:`list_data_sets`.
    measured : bool
        True adds the measured columns (angular size, position angle, flux, ...), which takes
        about ten seconds for 2,000 galaxies the first time.

    Raises
    ------
    CatalogueError
        If there is no such data set, or its files are not installed.
    """
    catalogue = registry.open_data_set(key)
    if measured:
        from radioviz import morphology

        catalogue = morphology.complete(catalogue)
    return GalaxySample(catalogue)


def list_data_sets() -> dict[str, str]:
    """Key and title of every data set that can be opened now, imported surveys included.

    Examples
    --------
    >>> import radioviz
    >>> radioviz.list_data_sets()["first"]
    'FIRST (Griese et al. 2023)'
    """
    known = {**registry.DATA_SETS, **registry.user_data_sets()}
    return {key: data_set.title for key, data_set in known.items() if data_set.is_here}


def open_atlas(data_set: str, model: str = "") -> Atlas:
    """Open what an encoder found for a data set: latents, layouts and scores.

    Parameters
    ----------
    data_set : str
        One of :func:`list_data_sets`.
    model : str
        Name of an encoder; by default the one that the app opens first.

    Returns
    -------
    Atlas
        ``latents`` ``(n, d)``, ``layouts`` (name to ``(n, 2)``), ``scores`` (a pandas table);
        row ``i`` belongs to row ``i`` of the data set.

    Raises
    ------
    CatalogueError, ModelError, AtlasError
        If the data set, model or Atlas is missing, or the Atlas belongs to other data or weights.

    Examples
    --------
    >>> import radioviz
    >>> atlas = radioviz.open_atlas("first", "simclr")
    >>> atlas.latents.shape, sorted(atlas.layouts)
    ((2158, 256), ['pca', 'tsne', 'umap'])
    """
    info = list_models()[model or default_encoder()]
    catalogue = registry.open_data_set(data_set)
    return atlases.open_atlas(data_set, info.name, info=info, catalogue=catalogue)


def map_positions(
    data_set: str, model: str = "", layout: str = "umap", *, on: str = ""
) -> np.ndarray:
    """Where the galaxies of a data set are on the latent map.

    Parameters
    ----------
    layout : str
        Of the data set of the map, one of ``open_atlas(...).layouts``.
    on : str
        The data set whose map it is; by default its own. Galaxies that were not in the fit are
        placed near their neighbours in latent space.

    Returns
    -------
    numpy.ndarray
        Shape ``(n, 2)``, row by row of the Atlas of the data set.

    Raises
    ------
    AtlasError
        If there is no such layout.
    CatalogueError, ModelError
        As :func:`open_atlas`.

    Examples
    --------
    >>> import radioviz
    >>> radioviz.map_positions("first", "simclr", "umap").shape
    (2158, 2)
    """
    atlas = open_atlas(data_set, model)
    base = open_atlas(on, model) if on and on != data_set else atlas
    if layout not in base.layouts:
        raise AtlasError(
            f"the Atlas of {base.data_set} by '{base.model}' has no layout '{layout}'; it has "
            f"{', '.join(base.layouts)}"
        )
    if base is atlas:
        return np.asarray(base.layouts[layout])
    return np.asarray(positions_on(base, layout, atlas)[0])


def default_encoder() -> str:
    """Name of the encoder that the app opens first.

    Raises
    ------
    ModelError
        If no trained model encodes.
    """
    names = list(encoders())
    if not names:
        raise ModelError("no trained model encodes; train one: python -m train vae")
    return names[0]


def outlier_scores(
    data_set: str = "first", model: str = "", *, latents: np.ndarray | None = None
) -> pd.DataFrame:
    """Outlier scores of the galaxies of a data set, or of other latent vectors among them.

    Parameters
    ----------
    model : str
        Name of an encoder; by default the one that the app opens first.
    latents : numpy.ndarray, optional
        Shape ``(m, d)``: what :func:`radioviz.encode_images` returns.

    Returns
    -------
    pandas.DataFrame
        Without ``latents`` the stored scores, indexed by ``source_id``: ``<score>_<flow>``, such as
        ``log_prob_maf-vae32``, then ``knn_distance``, ``isolation`` and, where the model decodes,
        ``reconstruction_error``. High is unusual, except for ``log_prob`` and ``given_size``.
        With ``latents`` their ``knn_distance``, the mean distance to the 20 nearest galaxies, and
        ``rank``, the fraction of galaxies whose distance is smaller.

    Raises
    ------
    CatalogueError, ModelError, AtlasError
        As :func:`open_atlas`.

    Examples
    --------
    >>> import radioviz
    >>> scores = radioviz.outlier_scores("first", "simclr")
    >>> print(scores.loc["first-0", ["knn_distance", "isolation"]].round(2).to_string())
    knn_distance    1.67
    isolation       0.46
    >>> far = radioviz.open_atlas("first", "simclr").latents[:1] + 5
    >>> radioviz.outlier_scores("first", "simclr", latents=far)["rank"].tolist()
    [1.0]
    """
    atlas = open_atlas(data_set, model)
    if latents is None:
        ids = pd.Index(atlas.source_ids, name="source_id")
        catalogue = registry.open_data_set(data_set)
        stored = read_scores(data_set, catalogue=catalogue, models=list_models()).of(list(ids))
        return pd.concat([stored, atlas.scores], axis=1).set_index(ids)
    base, others = (np.asarray(a, np.float32) for a in (atlas.latents, latents))
    if others.ndim != 2 or others.shape[1] != base.shape[1]:
        raise AtlasError(
            f"latents have shape {others.shape}; those of {atlas.model} have (m, {base.shape[1]})"
        )
    squared, _ = nearest_of(base, others, NEIGHBOURS)
    distance = np.sqrt(np.maximum(squared, 0)).mean(axis=1)
    rank = percentile_rank(distance, atlas.scores["knn_distance"].to_numpy())
    return pd.DataFrame({"knn_distance": distance, "rank": rank})
