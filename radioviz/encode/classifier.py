"""Class probabilities of images, and the score of galaxies that comes from them."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import pandas as pd

from radioviz import morphology
from radioviz.atlas.scores import ScoreColumn, add_scores, read_scores
from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import DATA_SETS, open_data_set
from radioviz.data.user_surveys import survey_lock
from radioviz.encode.encoder import BATCH, Encoder
from radioviz.errors import ModelError
from radioviz.jobs.progress import Progress, no_progress
from radioviz.models.registry import galaxy_classifier, list_models, model_folder, surveys_of
from radioviz.similarity.familiarity import LEARNED, UNUSUAL, stored_familiarity

FR, FR_CLASS = "p_fr2", "fr_class"
LIKELY = 0.75
"""Probability above which a class is named."""
UNKNOWN = "unknown"
"""Class where no source is found, or one unlike those that the encoder learned from."""


def default_classifier(folder: Path | None = None) -> str:
    """Name of the classifier of generated images, the one that does best on validation.

    Raises ModelError if there is no classifier.
    """
    found = list_models(folder).with_capability("classify", "features")
    if not found:
        raise ModelError(
            "no model here classifies; train one with: python -m train classifier --run frcnn"
        )
    # "nll" rather than accuracy, because the app shows probabilities.
    return min(found, key=lambda name: (found[name].scores.get("nll.valid", np.inf), name))


class Classifier(Encoder):
    """A trained classifier in memory: calibrated probabilities, and the features behind them.

    Called with images ``(n, 1, size, size)``, :attr:`module` gives calibrated logits.
    """

    @classmethod
    def load(cls, name: str = "", folder: Path | None = None) -> Self:
        """Load classifier ``name`` from ``folder``; by default :func:`default_classifier`.

        Raises ModelError if the model does not exist, cannot classify, or its files are damaged.
        """
        found = super().load(name or default_classifier(folder), folder)
        found.require("classify")
        return found

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the probabilities."""
        return tuple(self.info.architecture["classes"])

    def of_survey(self, name: str) -> Self:
        """This classifier with the calibration of a survey, if it has one for each."""
        if not surveys_of(self.info):
            return self
        return replace(self, module=cast(Any, self.module).of_survey(name))

    def predict_proba(
        self, images: np.ndarray, batch: int = BATCH, progress: Progress = no_progress
    ) -> np.ndarray:
        """Calibrated p(class | image): float32 ``(n, k)``, rows sum to 1.

        ``images``: shape ``(n, size, size)``, 0..1, as returned by ``info.preprocess``. Raises
        ModelError if the images have another size.
        """
        what = f"classifying with {self.info.title}"
        return self.map_images("probabilities", images, len(self.classes), what, batch, progress)

    def features(
        self, images: np.ndarray, batch: int = BATCH, progress: Progress = no_progress
    ) -> np.ndarray:
        """Input of the last layer: float32 ``(n, d)`` with d at most 64.

        Raises ModelError if the images have another size.
        """
        what = f"classifying with {self.info.title}"
        return self.map_images("features", images, self.info.latent_dim, what, batch, progress)

    def classify_catalogue(
        self, catalogue: Catalogue, rows: np.ndarray | None = None, progress: Progress = no_progress
    ) -> np.ndarray:
        """Probabilities of a Catalogue, or of some rows, preprocessed batch by batch: ``(n, k)``.

        NaN for blank images.
        """
        return self._of_catalogue(catalogue, rows, progress, len(self.classes))

    def judge_catalogue(
        self, catalogue: Catalogue, progress: Progress = no_progress
    ) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities ``(n, k)``, and how strange each galaxy is to the encoder: ``(n,)``.

        The latter is :meth:`radioviz.similarity.familiarity.Familiarity.share_nearer`, NaN where
        it is not known what the classifier's encoder learned from.
        """
        k = len(self.classes)
        init = str((self.info.training.get("config") or {}).get("init", ""))
        encoder = list_models().get(init) if surveys_of(self.info) else None
        known = None
        if encoder is not None:
            known = stored_familiarity(model_folder(init) / LEARNED, encoder.weights_sha256)
        if known is None:
            found = self.classify_catalogue(catalogue, progress=progress)
            return found, np.full(len(found), np.nan)
        found = self._of_catalogue(catalogue, None, progress, k + self.info.latent_dim)
        return found[:, :k], known.share_nearer(found[:, k:])

    def _of_catalogue(
        self, catalogue: Catalogue, rows: np.ndarray | None, progress: Progress, width: int
    ) -> np.ndarray:
        """Probabilities, and behind them the features where ``width`` is larger; ``(n, width)``."""
        method = "probabilities" if width == len(self.classes) else "judged"
        what = f"classifying with {self.info.title}"
        chosen = np.arange(len(catalogue)) if rows is None else np.asarray(rows)
        out = np.empty((len(chosen), width), np.float32)
        surveys = catalogue.table["survey"].to_numpy(dtype=object)[chosen]
        for part, images in self.preprocessed(catalogue, chosen, BATCH):
            for name in set(surveys[part]):
                mine = surveys[part] == name
                out[part][mine] = self.of_survey(name).map_images(method, images[mine], width, what)
            out[part][images.max(axis=(1, 2), initial=0) <= 0] = np.nan
            progress(part.stop, len(chosen), what)
        return out


def fr_probability(
    catalogue: Catalogue, progress: Progress = no_progress
) -> tuple[pd.DataFrame, dict[str, ScoreColumn]]:
    """Calibrated p(FRII) of the classifier of galaxies (``p_fr2``), NaN for blank images.

    Beside it the class in a word (``fr_class``): FRI or FRII where it is likely, ``undecided``, or
    :data:`UNKNOWN`; empty for blank images.

    Returns ``table``: one row per source, in the order of the Catalogue; ``columns``: descriptions
    of its columns.
    """
    classifier = Classifier.load(galaxy_classifier() or "")
    probabilities, strange = classifier.judge_catalogue(catalogue, progress)
    p = probabilities[:, classifier.classes.index("FRII")].astype(np.float32)
    seen = np.ones(len(p), bool)
    if catalogue.info.raw:  # the noise of pictures is that of their bright parts, too
        seen = morphology.complete(catalogue).table["peak"].to_numpy(float) > 0
    word = np.select(
        [np.isnan(p), ~seen | (strange > UNUSUAL), p > LIKELY, p < 1 - LIKELY],
        ["", UNKNOWN, "FRII", "FRI"], "undecided",
    )  # fmt: skip
    known = surveys_of(classifier.info)
    others = sorted(set(catalogue.table["survey"].astype(str)) - set(known)) if known else []
    calibrated = "calibrated where the survey has labels"
    if others:
        named = ", ".join(name or catalogue.info.title for name in others)
        calibrated = f"not calibrated for {named}"
    about = ScoreColumn(
        "Probability of FRII",
        description=f"P(FRII): 0 = FRI, 1 = FRII, {calibrated}. The "
        "classifier knows only these two classes: for compact, bent or hybrid sources it says "
        "which they resemble more.",
        model=classifier.info.name,
        command=f"python -m train scores --what fr --data {catalogue.info.key}",
    )
    in_a_word = replace(
        about, title="FR class",
        description=f"FRI or FRII where the probability is above {LIKELY:.0%}, {calibrated}; "
        f"'{UNKNOWN}': no source is found, or one unlike those that the classifier learned from.",
    )  # fmt: skip
    return pd.DataFrame({FR: p, FR_CLASS: word}), {FR: about, FR_CLASS: in_a_word}


def add_fr_probability(key: str, progress: Progress = no_progress, *, plane: str = "") -> bool:
    """Add p(FRII) to the scores of a data set; False if it is there, or no model classifies.

    ``plane`` names the image that is classified where a source has several; the first by default.
    """
    models = list_models()
    if galaxy_classifier(models) is None:
        return False
    with nullcontext() if key in DATA_SETS else survey_lock(key):
        catalogue = open_data_set(key)
        if {FR, FR_CLASS} <= set(read_scores(key, catalogue=catalogue, models=models).columns):
            return False
        found = fr_probability(catalogue.of_plane(plane or 0), progress)
        add_scores(catalogue, *found, models=models)
        return True
