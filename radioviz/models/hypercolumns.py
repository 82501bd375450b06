"""Which pixels are source: hypercolumns of an autoencoder, clustered without labels.

A hypercolumn (Hariharan et al. 2015, arXiv:1411.5752) of a pixel is what all layers of a network
hold about it, enlarged to the size of the image. After "A Robust Hierarchical Variational
Auto-encoder for Unsupervised Star Galaxy Classification", Section 5: the network is a VAE, an
autoencoder, or an autoencoder with residual connections from each layer that halves the image to
the one that enlarges it again. The network is convolutional throughout, so images may have any
size that is a multiple of 4.

Images are ``(n, channels, ny, nx)`` in units of their noise, the background at 0; the network sees
their asinh. Blank pixels are 0.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radioviz.errors import ModelError
from radioviz.models.tensors import bounded, sample_normal
from radioviz.models.vae import kl_divergence

KINDS = ("vae", "ae", "residual")


class HypercolumnNet(nn.Module):
    """Autoencoder of maps, and the two groups that its hypercolumns fall into.

    Parameters
    ----------
    kind : str
        ``vae``, ``ae``, or ``residual`` (an autoencoder with residual connections).
    channels : int
        Channels of the images.
    width : int
        Channels of the layers at full size; twice and four times as many at a half and a quarter.
    codes : int
        Channels of the code, at a quarter of the size.
    """

    def __init__(self, kind: str = "ae", channels: int = 1, width: int = 8, codes: int = 4) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ModelError(f"kind is '{kind}'; expected one of {', '.join(KINDS)}")
        if min(channels, width, codes) < 1:
            raise ModelError(
                f"channels, width and codes are {channels}, {width}, {codes}; expected 1 or more"
            )
        self.kind, self.channels = kind, channels
        outputs = 2 * codes if kind == "vae" else codes
        self.whole = nn.Conv2d(channels, width, 3, padding=1)
        self.halved = nn.Conv2d(width, 2 * width, 4, stride=2, padding=1)
        self.quartered = nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1)
        self.code = nn.Conv2d(4 * width, outputs, 3, padding=1)
        self.wide = nn.Conv2d(codes, 4 * width, 3, padding=1)
        self.to_half = nn.Conv2d(4 * width, 2 * width, 3, padding=1)
        self.to_whole = nn.Conv2d(2 * width, width, 3, padding=1)
        self.image = nn.Conv2d(width, channels, 3, padding=1)
        self._widths = (width, 2 * width, 4 * width)
        depth = channels + sum(self._widths)
        self.middle: Tensor
        self.spread: Tensor
        self.direction: Tensor
        self.register_buffer("middle", torch.zeros(depth))
        self.register_buffer("spread", torch.ones(depth))
        self.register_buffer("direction", torch.zeros(depth))
        self.register_buffer("threshold", torch.zeros(()))
        self.threshold: Tensor

    def loss(self, x: Tensor, target: Tensor | None = None, weight: float = 0.1) -> Tensor:
        """Squared error of the asinh image, and for a VAE ``weight`` times the divergence.

        ``target`` is what to reproduce, by default the image itself. With noise of its own,
        independent of that of the image, it teaches the network to leave noise out
        (Recorrupted-to-Recorrupted, Pang et al. 2021, CVPR).
        """
        seen = self._seen(x)
        found, kl = self._layers(seen, noise=True)
        wanted = seen if target is None else self._seen(target)
        return (found[0] - wanted).square().mean() + weight * kl

    def hypercolumns(self, x: Tensor) -> Tensor:
        """Reconstruction, then layers of full, half and quarter size; ``(n, depth, ny, nx)``."""
        maps, _ = self._layers(self._seen(x), noise=False)
        size = maps[0].shape[-2:]
        large = [F.interpolate(m, size, mode="bilinear", align_corners=False) for m in maps]
        return torch.cat(large, 1)

    def score(self, x: Tensor) -> Tensor:
        """How far each pixel is on the side of the sources, ``(n, ny, nx)``.

        Equal to a weighted sum of its normalised hypercolumn. Enlarging is linear, so the sum over
        the channels of each layer comes first, which is many times faster.
        """
        return self.score_and_image(x)[0]

    def score_and_image(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """:meth:`score`, and the reconstruction in the units of the images, shape of ``x``."""
        maps, _ = self._layers(self._seen(x), noise=False)
        weight = self.direction / self.spread
        total = x.new_full((len(x), 1, *x.shape[-2:]), -float((weight * self.middle).sum()))
        start = 0
        for layer in maps:
            w = weight[start : start + layer.shape[1]]
            start += layer.shape[1]
            part = torch.einsum("c,ncyx->nyx", w, layer)[:, None]
            total = total + F.interpolate(part, x.shape[-2:], mode="bilinear", align_corners=False)
        return total[:, 0], maps[0].sinh()

    def masks(self, x: Tensor) -> Tensor:
        """True where a pixel is source, ``(n, ny, nx)``."""
        return self.score(x) > self.threshold

    def group(self, x: Tensor, seed: int = 0, pixels: int = 10_000, layers: int = 4) -> None:
        """Find the two groups by k-means over the hypercolumns of images, without labels.

        The source is the group with the brighter reconstruction. The score is 0 half-way.
        ``layers`` is how many count, from the reconstruction (1) to the smallest (4).
        """
        from sklearn.cluster import KMeans

        with torch.no_grad():
            columns = torch.cat([self.hypercolumns(part).movedim(1, -1) for part in x.split(64)])
        flat = columns.flatten(0, 2)
        drawn = torch.randperm(len(flat), generator=torch.Generator().manual_seed(seed))[:pixels]
        some = flat[drawn]
        self.middle.copy_(some.mean(0))
        self.spread.copy_(some.std(0).clamp_min(1e-6))
        normal = ((some - self.middle) / self.spread).numpy()
        normal[:, self.channels + sum(self._widths[: layers - 1]) :] = 0
        groups = KMeans(2, n_init=2, random_state=seed).fit(normal)
        low, high = torch.from_numpy(groups.cluster_centers_).to(some)
        if high[: self.channels].sum() < low[: self.channels].sum():
            low, high = high, low
        self.direction.copy_((high - low) / (high - low).norm())
        self.threshold.copy_(((high + low) / 2 * self.direction).sum())

    def _seen(self, x: Tensor) -> Tensor:
        if x.ndim != 4 or x.shape[1] != self.channels or x.shape[2] % 4 or x.shape[3] % 4:
            raise ModelError(
                f"images have shape {tuple(x.shape)}; this model takes (n, {self.channels}, ny, "
                "nx), ny and nx multiples of 4"
            )
        return torch.asinh(x.float())

    def _layers(self, seen: Tensor, noise: bool) -> tuple[list[Tensor], Tensor]:
        """Reconstruction and the layers that enlarge, the largest first; divergence per code."""
        whole = F.silu(self.whole(seen))
        half = F.silu(self.halved(whole))
        quarter = F.silu(self.quartered(half))
        code = self.code(quarter)
        kl = seen.new_zeros(())
        if self.kind == "vae":
            mean, log_variance = code.chunk(2, 1)
            log_variance = bounded(log_variance)
            kl = kl_divergence(mean, log_variance).mean()
            code = sample_normal(mean, log_variance) if noise and self.training else mean
        residual = self.kind == "residual"
        low = F.silu(self.wide(code))
        middle = F.silu(self.to_half(_twice(low)) + (half if residual else 0))
        high = F.silu(self.to_whole(_twice(middle)) + (whole if residual else 0))
        return [self.image(high), high, middle, low], kl


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")
