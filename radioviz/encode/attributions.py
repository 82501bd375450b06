"""Which pixels support which class: integrated gradients, computed by captum.

Integrated gradients (Sundararajan et al. 2017) follow the classifier's logit from an empty sky to
the image and attribute its change to the pixels. The shares of the pixels add up to the change;
pixels without emission have a share of 0.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from radioviz.encode.classifier import Classifier
from radioviz.encode.inference_lock import inference, inference_lock
from radioviz.errors import ModelError

STEPS = 48
"""Steps from the empty sky to the image; the shares then add up to the change within 10 %."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """Contributions of the pixels to the decision between two classes."""

    # Float32, shape ``(size, size)``: what each pixel adds to log p(second) - log p(first);
    # positive values support the second class.
    shares: np.ndarray
    classes: tuple[str, str]  # first and second class
    difference: float  # log p(second) - log p(first) of the image, calibrated
    of_empty_sky: float  # the same where the emission fades to none, and the integration starts
    probabilities: np.ndarray  # of the two classes, float32, shape ``(2,)``


def explain(classifier: Classifier, image: np.ndarray, steps: int = STEPS) -> Explanation:
    """Attribute a classifier's decision to the pixels of one image.

    ``classifier``: with two classes; ``image``: shape ``(size, size)``, 0..1, as returned by
    ``classifier.info.preprocess``; ``steps``: steps from the empty sky to the image. Raises
    ModelError if the classifier does not have two classes, or the image has another size.
    """
    if len(classifier.classes) != 2:
        raise ModelError(
            f"model '{classifier.info.name}' has {len(classifier.classes)} classes; "
            "expected a classifier with two"
        )
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # captum looks for optional packages on import
        from captum.attr import IntegratedGradients

    probabilities = classifier.predict_proba(image[None])[0]
    module = classifier.module
    device = classifier.device

    def difference(x: torch.Tensor) -> torch.Tensor:
        logits = module(x)
        return logits[:, 1] - logits[:, 0]

    x = torch.from_numpy(np.array(image, dtype=np.float32))[None, None].to(device)
    with inference():
        # Nearly nothing, not zeros: a calibration that follows the shape of the faint emission
        # stays that of the image along the whole path.
        ends = difference(torch.cat([1e-9 * x, x])).cpu().numpy()
    # Gauss-Legendre points (the default) are dense at the ends, where the square root of the
    # brightness, which the network sees, is steep.
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
    """Fraction of the support for each class that comes from the inner half of the source.

    The source extends from the image centre to the radius that encloses 95 % of the flux. NaN for
    a class without support.
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
