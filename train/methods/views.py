"""Random views of a galaxy: changes that self-supervised features should ignore.

Beyond position angle and parity (:class:`train.core.augment.Augment`): a wider beam, fainter
sources, another contrast. Chen et al. 2020 crop and change colours; a radio source must stay whole,
so a small shift and change of scale replace the crops.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from radioviz.data.preprocess import Preprocess
from radioviz.sky import FWHM
from train.core.augment import Augment, rescale

CLIP = 3.0
"""Pixels fainter than this many times the added noise are blanked, as in the survey maps."""


@dataclass(frozen=True)
class Views(Augment):
    """Random changes of a view beyond rotation, mirroring, shift and scale."""

    shift: float = 2.0
    zoom: float = 0.1
    blur: float = 4.0  # largest FWHM, in result pixels, of the Gaussian beam that smooths an image
    blur_share: float = 0.5  # share of images that are smoothed
    # Largest noise (rms over peak), drawn log-uniformly down to a thirtieth of it; the map is then
    # clipped at :data:`CLIP` times the noise.
    noise: float = 0.03
    noise_share: float = 0.5  # share of images with added noise
    contrast: float = 0.4  # largest change of the exponent of brightness, as a fraction
    # Largest change of brightness, as a fraction; values above 1 are clipped.
    brightness: float = 0.0

    def __call__(
        self, images: Tensor, preprocess: Preprocess, scale: Tensor | None = None
    ) -> Tensor:
        """Random views of padded images, see :meth:`train.core.augment.Augment.__call__`."""
        views = super().__call__(images, preprocess, scale)
        n, device = len(views), views.device

        def drawn() -> Tensor:
            return torch.rand(n, 1, 1, 1, device=device)

        if self.blur and self.blur_share:
            fwhm = self.blur * drawn() * (drawn() < self.blur_share)
            views = smooth(views, fwhm).clamp_min(0)
        if self.noise and self.noise_share:
            peak = views.amax((-2, -1), keepdim=True)
            rms = self.noise * 30 ** -drawn() * (drawn() < self.noise_share) * peak
            views = views + rms * torch.randn_like(views)
            # Without noise the limit is 0, and no pixel is blanked.
            views = torch.where(views >= CLIP * rms, views, torch.zeros_like(views))
        views = rescale(views, preprocess)
        if self.contrast:
            views = views.clamp_min(0) ** ((1 + self.contrast) ** (2 * drawn() - 1))
        if self.brightness:
            views = (views * (1 + self.brightness * (2 * drawn() - 1))).clamp(0, 1)
        return views


def smooth(images: Tensor, fwhm: Tensor) -> Tensor:
    """Convolve each image with its own Gaussian beam, by the Fourier transform.

    ``images``: shape ``(n, 1, ny, nx)``, treated as periodic; the margins are empty. ``fwhm``: in
    pixels, shape ``(n, 1, 1, 1)``; 0 does not change an image.
    """
    ny, nx = images.shape[-2:]
    sigma = fwhm / FWHM
    v = torch.fft.fftfreq(ny, device=images.device)[:, None]
    u = torch.fft.rfftfreq(nx, device=images.device)[None]
    transfer = torch.exp(-2 * (math.pi * sigma) ** 2 * (u * u + v * v))
    return torch.fft.irfft2(torch.fft.rfft2(images.float()) * transfer, s=(ny, nx))
