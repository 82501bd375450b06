"""What in an image speaks for which class: integrated gradients, by captum.

Integrated gradients (Sundararajan et al. 2017) follow the classifier's logit from an empty sky to
the image and share out its change among the pixels; the shares add up to the change, and pixels
without emission get none.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from radioviz.encode.classifier import Classifier
from radioviz.encode.inference_lock import inference, inference_lock
from radioviz.errors import ModelError

STEPS = 48
"""Points along the way; the shares then add up to the change within a tenth of it."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """Shares of the pixels in the decision between two classes.

    Attributes
    ----------
    shares : numpy.ndarray
        Float32, shape ``(size, size)``: what each pixel adds to log p(second) - log p(first);
        positive speaks for the second class.
    classes : tuple of str
        First and second class.
    difference : float
        log p(second) - log p(first) of the image, calibrated.
    of_empty_sky : float
        The same of an image without emission: where the way starts.
    probabilities : numpy.ndarray
        Of the classes, float32 of shape ``(2,)``.
    """

    shares: np.ndarray
    classes: tuple[str, str]
    difference: float
    of_empty_sky: float
    probabilities: np.ndarray

    @property
    def remainder(self) -> float:
        """What the shares fail to add up to, an error of the numerical integral."""
        return self.difference - self.of_empty_sky - float(self.shares.sum())


def explain(classifier: Classifier, image: np.ndarray, steps: int = STEPS) -> Explanation:
    """Share out a classifier's decision among the pixels of one image.

    Parameters
    ----------
    classifier : Classifier
        Of two classes.
    image : numpy.ndarray
        Shape ``(size, size)``, 0..1: what ``classifier.info.preprocess`` gives.
    steps : int
        Points along the way from the empty sky.

    Raises
    ------
    ModelError
        If the classifier knows other than two classes, or the image is of another size.
    """
    if len(classifier.classes) != 2:
        raise ModelError(
            f"model '{classifier.info.name}' tells {len(classifier.classes)} classes apart; "
            "explanations are of two"
        )
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # captum asks for optional packages at import
        from captum.attr import IntegratedGradients

    probabilities = classifier.predict_proba(image[None])[0]
    module = classifier.module
    device = classifier.encoder.device

    def difference(x: torch.Tensor) -> torch.Tensor:
        logits = module(x)
        return logits[:, 1] - logits[:, 0]

    x = torch.from_numpy(np.array(image, dtype=np.float32))[None, None].to(device)
    with inference():
        ends = difference(torch.cat([torch.zeros_like(x), x])).cpu().numpy()
    # Gauss-Legendre points (the default) crowd at the ends: the square root of the brightness,
    # which the network sees, is steep at the start.
    with inference_lock():
        found = IntegratedGradients(difference).attribute(
            x, torch.zeros_like(x), n_steps=steps, internal_batch_size=16
        )
    shares = found[0, 0].detach().cpu().numpy().astype(np.float32)
    return Explanation(
        shares,
        (classifier.classes[0], classifier.classes[1]),
        float(ends[1]),
        float(ends[0]),
        probabilities,
    )


def inner_share(explanation: Explanation, image: np.ndarray) -> dict[str, float]:
    """Of what speaks for each class, the part that lies in the inner half of the source.

    The source reaches from the middle of the image to the radius that holds 95 % of its flux;
    NaN for a class that nothing speaks for.
    """
    side = image.shape[-1]
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    radius = np.hypot(x, y)
    order = np.argsort(radius, axis=None)
    flux = np.cumsum(image.ravel()[order])
    if flux[-1] <= 0:
        return dict.fromkeys(explanation.classes, float("nan"))
    reach = radius.ravel()[order][np.searchsorted(flux, 0.95 * flux[-1])]
    inner = radius <= max(reach, 1.0) / 2
    out = {}
    for name, sign in zip(explanation.classes, (-1, 1), strict=True):
        part = np.maximum(sign * explanation.shares, 0)
        total = float(part.sum())
        out[name] = float(part[inner].sum()) / total if total > 0 else float("nan")
    return out
