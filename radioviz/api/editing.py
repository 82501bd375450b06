"""Real galaxies changed by a model: moved to another class or size, or with a part filled in."""

from __future__ import annotations

import numpy as np

from radioviz.api.samples import open_data_set
from radioviz.encode.editor import CHANGE, EditedGalaxy, Editor
from radioviz.errors import ModelError
from radioviz.models.registry import list_models


def move_galaxy(
    galaxy: str | np.ndarray,
    label: str = "",
    size: float | None = None,
    *,
    change: float = CHANGE,
    from_label: str = "",
    data_set: str = "first",
    model: str = "",
) -> EditedGalaxy:
    """A galaxy as another class or size, with its likeness kept. The result is synthetic.

    Parameters
    ----------
    galaxy : str or array
        A ``source_id`` of the data set; or an image as the model sees such, ``(size, size)``,
        0..1, such as one of :func:`radioviz.generate_galaxies`.
    label : str
        Class to move to; by default its own.
    size : float, optional
        Largest angular size to move to, in arcsec; by default its own.
    change : float
        0 (only the scale changes) to 1 (little of the galaxy stays).
    from_label : str
        What the galaxy is; by default as its catalogue says.
    data_set : str
        Where the galaxy is; of an image, whose pixels and beam it has.
    model : str
        Model that edits; by default the first there is.

    Returns
    -------
    EditedGalaxy
        ``image``, ``original`` ``(size, size)``, 0..1; ``changed``, bool, which pixels were drawn;
        ``distance``, how far from the original: 0 (the same but for brightness) to 1.41 (no pixel
        in common); ``label``, ``size`` [arcsec], ``pixel_arcsec``; ``cards()`` for a FITS header.

    Raises
    ------
    CatalogueError, ImageError, ModelError
        If no model edits, the galaxy is unknown, or class, size or change is not possible.

    Examples
    --------
    >>> import radioviz
    >>> moved = radioviz.move_galaxy("first-0", "FRII")
    >>> moved.image.shape == moved.original.shape and moved.distance > 0
    True
    """
    editor = _editor(model)
    image, own, pixel = _seen(editor, galaxy, data_set)
    return editor.move(image, label, size, from_label or own, change, pixel)


def fill_galaxy(
    galaxy: str | np.ndarray,
    mask: np.ndarray,
    label: str = "",
    size: float | None = None,
    *,
    seed: int = 0,
    data_set: str = "first",
    model: str = "",
) -> EditedGalaxy:
    """A galaxy with a part of its image drawn so that it fits the rest. The result is synthetic.

    Parameters
    ----------
    galaxy : str or array
        As for :func:`move_galaxy`.
    mask : array
        True or 1 where pixels are drawn, False or 0 elsewhere, of the shape of the model's
        images, ``(size, size)``.
    label : str
        Class that it shall have; by default as its catalogue says, else any.
    size : float, optional
        Arcsec; by default measured on what is not masked.
    seed : int
        Another seed draws another part.
    data_set, model : str
        As for :func:`move_galaxy`.

    Returns
    -------
    EditedGalaxy
        As for :func:`move_galaxy`; pixels outside of the mask are those of the original.

    Raises
    ------
    CatalogueError, ImageError, ModelError
        As for :func:`move_galaxy`, or if the mask has another shape or other values, is
        empty or hides all.

    Examples
    --------
    >>> import numpy as np, radioviz
    >>> hidden = np.zeros((64, 64), bool)
    >>> hidden[:, 40:] = True
    >>> filled = radioviz.fill_galaxy("first-0", hidden, seed=1)
    >>> bool((filled.image[~hidden] == filled.original[~hidden]).all())
    True
    """
    editor = _editor(model)
    image, own, pixel = _seen(editor, galaxy, data_set)
    return editor.fill(image, mask, label or own, size, seed, pixel)


def _editor(model: str) -> Editor:
    if not model:
        able = [name for name, info in list_models().items() if info.can("edit")]
        if not able:
            raise ModelError("no model here edits images; train one: python -m train flow")
        model = able[0]
    return Editor.load(model)


def _seen(editor: Editor, galaxy: str | np.ndarray, data_set: str) -> tuple[np.ndarray, str, float]:
    """The galaxy as the model sees it, its class where the model has it, and arcsec per pixel."""
    from radioviz.encode.generation import classes_of

    catalogue, chain = open_data_set(data_set).catalogue, editor.info.preprocess
    if not isinstance(galaxy, str):
        return np.asarray(galaxy), "", chain.output_scale_arcsec(catalogue.info)
    row = catalogue.rows_of([galaxy])
    label = str(catalogue.table["label"].iloc[int(row[0])])
    known = label if label in classes_of(editor.info) else ""
    image = editor.encoder.preprocessed_rows(catalogue, row)[0]
    return image, known, chain.output_scale_arcsec(catalogue.info_of(int(row[0])))
