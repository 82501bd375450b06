"""Fanaroff-Riley classifiers: the network of Bastien et al. 2021, and a better residual one.

Both give p(FRI | x) and p(FRII | x) of images ``(n, 1, size, size)`` in 0..1, calibrated by one
temperature T (Guo et al. 2017), p = softmax(logits / T). Their at most 64 features before the last
layer serve to compare generated and real images (:mod:`radioviz.metrics`).

>>> model = FrResNet(width=8)
>>> x = torch.rand(3, 1, 64, 64)
>>> model.probabilities(x).shape, model.features(x).shape
(torch.Size([3, 2]), torch.Size([3, 64]))
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from radioviz.errors import ModelError
from radioviz.models.tensors import check_images, image_and_root

MOST_FEATURES = 64
"""With more, a distance between two sets of a thousand images is mostly scatter."""


class FrClassifier(nn.Module):
    """Base of the classifiers; subclasses supply ``body`` (images to features).

    ``classes``: names, in the order of the outputs; ``size``: side of the images in pixels;
    ``features``: length of the vector before the last layer; ``views``: in evaluation mode features
    are means over the image (1), its four rotations by right angles (4), or those of its mirror
    image too (8): the sky has no up.
    """

    def __init__(self, classes: Sequence[str], size: int, features: int, views: int = 1) -> None:
        super().__init__()
        if views not in (1, 4, 8):
            raise ModelError(f"views is {views}; expected 1, 4 or 8")
        if len(classes) < 2 or len(set(classes)) != len(classes):
            raise ModelError(f"classes are {tuple(classes)}; expected two or more different names")
        if not 1 <= features <= MOST_FEATURES:
            raise ModelError(f"features is {features}; expected 1 to {MOST_FEATURES}")
        self.classes = tuple(classes)
        self.size = size
        self.views = views
        self.feature_dim = features
        self.body: nn.Module
        self.head = nn.Linear(features, len(classes))
        # Stored with the weights: a probability is only valid with its temperature.
        self.temperature: Tensor
        self.register_buffer("temperature", torch.ones(()))

    def features(self, x: Tensor) -> Tensor:
        """Input of the last layer, float32 of shape ``(n, features)``.

        Raises ModelError if the images have another shape.
        """
        check_images(x, self.size)
        if self.training or self.views == 1:
            out: Tensor = self.body(x)
            return out.float()
        views = [x.rot90(k, (2, 3)) for k in range(4)]
        if self.views == 8:
            views += [view.flip(3) for view in views]
        # The last layer is linear: the mean of the logits is the logit of the mean.
        return torch.stack([self.body(view).float() for view in views]).mean(0)

    def logits(self, x: Tensor) -> Tensor:
        """Unnormalised log-probabilities before calibration, shape ``(n, classes)``."""
        out: Tensor = self.head(self.features(x))
        return out.float()

    def probabilities(self, x: Tensor) -> Tensor:
        """Calibrated p(class | x), rows sum to 1, shape ``(n, classes)``."""
        return (self.logits(x) / self.temperature).softmax(1)

    def forward(self, x: Tensor) -> Tensor:
        """Calibrated logits, shape ``(n, classes)``, which explanations differentiate."""
        return self.logits(x) / self.temperature


class FrCnn(FrClassifier):
    """The classifier that defines RAMIS (Bastien et al. 2021, Sec. 4; Tang et al. 2019).

    "5 convolutional layers each with batch normalisation and max pooling", flattened into "a
    fully connected network consisting of 3 layers", then softmax. Channels and kernels are those
    of Tang et al. 2019; the widths of the dense layers are not in the paper.

    Parameters
    ----------
    channels, kernels : sequence of int
        Of each convolution; every one is followed by 2x2 max pooling.
    dense : sequence of int
        Widths of the dense layers before the last; the last of them are the features.
    dropout : float
        Fraction of dense values dropped in training.
    """

    def __init__(
        self,
        classes: Sequence[str] = ("FRI", "FRII"),
        size: int = 100,
        channels: Sequence[int] = (6, 16, 24, 24, 16),
        kernels: Sequence[int] = (11, 5, 3, 3, 3),
        dense: Sequence[int] = (256, 64),
        dropout: float = 0.5,
    ) -> None:
        if len(channels) != len(kernels) or not channels or not dense:
            raise ModelError(
                f"there are {len(channels)} channels, {len(kernels)} kernels and {len(dense)} "
                "dense layers; expected as many kernels as channels, and a dense layer"
            )
        super().__init__(classes, size, dense[-1])
        layers: list[nn.Module] = []
        for (before, after), kernel in zip(
            itertools.pairwise([1, *channels]), kernels, strict=True
        ):
            layers += [
                nn.Conv2d(before, after, kernel, padding=kernel // 2),
                nn.ReLU(),
                nn.BatchNorm2d(after),
                nn.MaxPool2d(2),
            ]
        side = size // 2 ** len(channels)
        if side < 1:
            raise ModelError(f"size is {size}; {len(channels)} poolings leave no pixel")
        layers.append(nn.Flatten())
        for before, after in itertools.pairwise([channels[-1] * side**2, *dense]):
            layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(dropout)]
        self.body = nn.Sequential(*layers)


class _Block(nn.Module):
    """Two 3x3 convolutions and a shortcut (He et al. 2016); stride 2 halves the sides."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, 1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, 1, 1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or before != after:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride), nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


class FrResNet(FrClassifier):
    """Residual stages at halving resolutions, mean over the plane, one dense layer of features.

    The input is the image and its square root as two channels, since lobes are 10 to 100 times
    fainter than the peak. The mean over the plane makes it independent of the source position.

    Parameters
    ----------
    width : int
        Channels of the first stage; ``multipliers`` scale it in each stage.
    blocks : int
        Residual blocks per stage.
    dropout : float
        Fraction of features dropped in training.
    """

    def __init__(
        self,
        classes: Sequence[str] = ("FRI", "FRII"),
        size: int = 64,
        width: int = 32,
        multipliers: Sequence[int] = (1, 2, 4, 8),
        blocks: int = 1,
        features: int = 64,
        dropout: float = 0.2,
        views: int = 1,
    ) -> None:
        super().__init__(classes, size, features, views)
        if not multipliers or size % 2 ** (len(multipliers) + 1):
            raise ModelError(
                f"size is {size} with {len(multipliers)} stages; expected a multiple of "
                f"{2 ** (len(multipliers) + 1)}"
            )
        layers: list[nn.Module] = [
            _SquareRoot(),
            nn.Conv2d(2, width, 5, 2, 2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        ]
        before = width
        for stage, multiplier in enumerate(multipliers):
            after = width * multiplier
            for block in range(blocks):
                halve = stage > 0 and block == 0
                layers.append(_Block(before, after, 2 if halve else 1))
                before = after
        layers += [
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(before, features),
            nn.ReLU(),
        ]
        self.body = nn.Sequential(*layers)


class _SquareRoot(nn.Module):
    """Image and its square root as two channels."""

    def forward(self, x: Tensor) -> Tensor:
        return image_and_root(x)
