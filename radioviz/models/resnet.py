"""Residual network (He et al. 2016) for one channel: the backbone of self-supervised learning.

ResNet-34 is ``blocks = (3, 4, 6, 3)`` at ``width = 64``; its 512 features are the mean over the
last stage (Andrianomena & Tang 2023, Sec. 3.2). Narrower and shallower networks have the same
stages. With ``dihedral`` the features are averaged over four rotations by right angles and both
parities, since the sky has no preferred orientation.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from radioviz.errors import ModelError
from radioviz.models.tensors import image_and_root

STEMS = {"pool": (7, 2, True), "stride": (5, 2, False), "plain": (3, 1, False)}
"""First layer: kernel, stride, and whether 3x3 max pooling halves the map again. ``pool`` is that
of the paper; the others keep the maps two and four times finer."""


def _folded(convolution: nn.Module, norm: nn.Module) -> tuple[nn.Module, nn.Module]:
    """A convolution that does what both did, and nothing in place of the normalisation."""
    assert isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    return fuse_conv_bn_eval(convolution, norm), nn.Identity()


class BasicBlock(nn.Module):
    """y = relu(F(x) + x) with two 3x3 convolutions (He et al. 2016, Fig. 5 left).

    The scale of the last normalisation starts at zero, so that a block begins as the identity
    (Goyal et al. 2017, Sec. 5.1).
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1: nn.Module = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1: nn.Module = nn.BatchNorm2d(outputs)
        self.conv2: nn.Module = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        last = nn.BatchNorm2d(outputs)
        nn.init.zeros_(last.weight)
        self.norm2: nn.Module = last
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def fold(self) -> None:
        """See :meth:`ResNet.fold`."""
        self.conv1, self.norm1 = _folded(self.conv1, self.norm1)
        self.conv2, self.norm2 = _folded(self.conv2, self.norm2)
        if isinstance(self.shortcut, nn.Sequential):
            self.shortcut = _folded(*self.shortcut)[0]

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``(n, inputs, ny, nx)`` to ``(n, outputs, ny / stride, nx / stride)``."""
        y = F.relu(self.norm1(self.conv1(x)), inplace=True)
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x), inplace=True)


class ResNet(nn.Module):
    """Features of images, and class logits if it has a head.

    Parameters
    ----------
    size : int
        Side of the images in pixels.
    width : int
        Channels of the first stage; each further stage doubles them.
    blocks : sequence of int
        Residual blocks in each stage.
    stem : str
        A name of :data:`STEMS`.
    root : bool
        Use the image and its square root as two input channels: lobes are 10 to 100 times fainter
        than the peak.
    dihedral : bool
        Average the features over the eight views of :func:`dihedral_views`.
    classes : sequence of str
        Names of the classes of the linear head; empty for no head.
    """

    def __init__(
        self,
        size: int = 64,
        width: int = 64,
        blocks: Sequence[int] = (3, 4, 6, 3),
        stem: str = "pool",
        root: bool = False,
        dihedral: bool = False,
        classes: Sequence[str] = (),
    ) -> None:
        super().__init__()
        if stem not in STEMS:
            raise ModelError(f"stem is '{stem}'; expected one of {', '.join(STEMS)}")
        if width < 1 or not blocks or min(blocks) < 1:
            raise ModelError(
                f"width is {width}, blocks are {tuple(blocks)}; expected 1 or more of each"
            )
        self.size, self.root, self.dihedral, self.classes = size, root, dihedral, tuple(classes)
        kernel, stride, pool = STEMS[stem]
        layers: list[nn.Module] = [
            nn.Conv2d(1 + root, width, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        ]
        if pool:
            layers.append(nn.MaxPool2d(3, 2, 1))
        self.stem = nn.Sequential(*layers)
        channels = width
        self.stages = nn.Sequential()
        for i, number in enumerate(blocks):
            outputs = width * 2**i
            for k in range(number):
                step = 2 if i > 0 and k == 0 else 1
                self.stages.append(BasicBlock(channels, outputs, step))
                channels = outputs
        self.latent_dim = channels
        self.head = nn.Linear(channels, len(self.classes)) if self.classes else None
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Features of images ``(n, 1, size, size)`` in one view; shape ``(n, latent_dim)``."""
        if self.root:
            x = image_and_root(x)
        maps: Tensor = self.stages(self.stem(x))
        return maps.mean((-2, -1))

    def fold(self) -> None:
        """Put the normalisations into the convolutions before them, to run faster.

        For a network in evaluation mode that is trained no more: features differ by rounding.
        """
        self.stem[0], self.stem[1] = _folded(self.stem[0], self.stem[1])
        for block in self.stages:
            assert isinstance(block, BasicBlock)
            block.fold()

    def encode(self, x: Tensor) -> Tensor:
        """Features ``(n, latent_dim)``, averaged over eight views if ``dihedral``."""
        if not self.dihedral:
            return self(x)
        total = torch.zeros(len(x), self.latent_dim, device=x.device)
        for view in dihedral_views(x):
            total += self(view)
        return total / 8

    def logits(self, x: Tensor) -> Tensor:
        """Unnormalised log-probabilities ``(n, len(classes))`` of :meth:`encode`'s features.

        Raises ModelError if the network has no classes.
        """
        if self.head is None:
            raise ModelError("this ResNet has no classes, only features")
        return self.head(self.encode(x))


def dihedral_views(x: Tensor) -> list[Tensor]:
    """Rotations by right angles and mirror images of ``(..., n, n)``, the image itself first."""
    fast = torch.channels_last if x.ndim == 4 else torch.contiguous_format
    views = [torch.rot90(y, k, (-2, -1)) for y in (x, x.flip(-1)) for k in range(4)]
    return [y.contiguous(memory_format=fast) for y in views]
