"""Random views of a source as another telescope would show it.

Position and extent are those of :class:`radioviz.morphology.frame.SourceFrame`, which may be misled
by noise and neighbours; so views are shifted, scaled, seen by a wider beam, with correlated noise,
sidelobes and neighbours, clipped or not. Everything is vectorised over the batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from radioviz.data.preprocess import Preprocess
from radioviz.sky import FWHM
from train.core.augment import Augment, rescale
from train.methods.views import CLIP, Views

_ISLAND = 4.0  # sigma that an island must reach, as in radioviz.morphology.sources
_REACH = 7  # pixels across which it may reach it


@dataclass(frozen=True)
class SurveyViews(Views):
    """Random changes of a view; ``rotate``, ``flip``, ``zoom`` and ``contrast`` as in Views."""

    # Largest offset in result pixels; half of the views are shifted by less than a quarter of it.
    shift: float = 7.4
    zoom: float = 0.25
    blur: float = 0.0
    beam: float = 5.0  # largest factor by which the beam widens, drawn log-uniformly
    beam_share: float = 0.6  # share of views with a wider beam
    widest_beam: float = 22.0  # FWHM in result pixels beyond which no beam is widened
    # noise, noise_share: largest noise (rms over peak), drawn log-uniformly down to a thirtieth of
    # it, and correlated by the beam; share of noisy views
    noise: float = 0.1
    noise_share: float = 0.6
    # stripes, stripes_share: largest amplitude (over peak) of parallel stripes, and share of views
    # with them
    stripes: float = 0.05
    stripes_share: float = 0.2
    neighbours: float = 0.2  # share of views with another source of the batch beside their own
    clip_share: float = 0.85  # share of views whose pixels below 3 sigma are blanked

    def __call__(
        self, images: Tensor, preprocess: Preprocess, scale: Tensor | None = None
    ) -> Tensor:
        """Random views of padded images of an unknown beam (two pixels)."""
        beam = torch.full((len(images),), 2.0, device=images.device)
        return self.views(images, preprocess, beam)[1]

    def views(self, images: Tensor, preprocess: Preprocess, beam: Tensor) -> tuple[Tensor, Tensor]:
        """Random views, and the same without what the telescope adds.

        ``images``: padded, shape ``(n, 1, size + margin, size + margin)``; ``beam``: FWHM of the
        beam of each image in result pixels, shape ``(n,)``. Returns ``clean``, ``views``: both
        ``(n, 1, size, size)``, 0..1.
        """
        clean = Augment.__call__(self, images, preprocess)
        n, device = len(clean), clean.device

        def drawn() -> Tensor:
            return torch.rand(n, 1, 1, 1, device=device)

        views = self._with_neighbours(clean)
        fwhm = beam.view(n, 1, 1, 1)
        factor = self.beam ** (drawn() * (drawn() < self.beam_share))
        wide = (fwhm * factor).clamp_max(self.widest_beam).maximum(fwhm)
        rms = self.noise * 30 ** -drawn() * (drawn() < self.noise_share)
        views = _observe(views, (wide**2 - fwhm**2).clamp_min(0).sqrt(), wide, rms)
        stripe = self.stripes * drawn() * (drawn() < self.stripes_share)
        views = views + stripe * self._waves(views, wide)
        level = CLIP * (rms**2 + stripe**2 / 2).sqrt()
        island = F.max_pool2d(views, _REACH, 1, _REACH // 2) >= level * (_ISLAND / CLIP)
        kept = (views >= level) & island | (drawn() >= self.clip_share)
        views = rescale(torch.where(kept, views, torch.zeros_like(views)), preprocess)
        if self.contrast:
            views = views.clamp_min(0) ** ((1 + self.contrast) ** (2 * drawn() - 1))
        return clean, views

    def _offsets(self, n: int, device: torch.device) -> Tensor:
        radius = self.shift * torch.rand(n, 1, device=device) ** 2
        angle = 2 * math.pi * torch.rand(n, 1, device=device)
        return torch.cat([radius * angle.cos(), radius * angle.sin()], 1)

    def _with_neighbours(self, clean: Tensor) -> Tensor:
        """Some images with another one beside the centre, at up to the same brightness."""
        n, size = len(clean), clean.shape[-1]
        chosen = torch.rand(n, device=clean.device) < self.neighbours
        some = int(chosen.sum())
        if not some or n < 2:
            return clean
        other = clean.roll(1, 0)[chosen]
        angle = 2 * math.pi * torch.rand(some, device=clean.device)
        away = 0.6 + 0.6 * torch.rand(some, device=clean.device)  # of half the side
        theta = torch.zeros(some, 2, 3, device=clean.device)
        theta[:, 0, 0] = theta[:, 1, 1] = 1
        theta[:, 0, 2], theta[:, 1, 2] = away * angle.cos(), away * angle.sin()
        grid = F.affine_grid(theta, [some, 1, size, size], align_corners=False)
        beside = F.grid_sample(other, grid, align_corners=False)
        out = clean.clone()
        out[chosen] += beside * 20 ** -torch.rand(some, 1, 1, 1, device=clean.device)
        return out

    def _waves(self, views: Tensor, fwhm: Tensor) -> Tensor:
        """Plane waves of unit amplitude, one to four beams long, ``(n, 1, size, size)``."""
        n, size = len(views), views.shape[-1]
        angle, phase = (2 * math.pi * torch.rand(2, n, 1, 1, 1, device=views.device)).unbind(0)
        length = fwhm * 4 ** torch.rand(n, 1, 1, 1, device=views.device) + 2
        axis = torch.arange(size, device=views.device, dtype=torch.float32)
        along = axis * angle.cos() + axis[:, None] * angle.sin()
        return (2 * math.pi * along / length + phase).cos()


def _observe(images: Tensor, blur: Tensor, beam: Tensor, rms: Tensor) -> Tensor:
    """Convolve with Gaussians, scale the peaks to 1, and add noise correlated by the beam.

    ``blur`` and ``beam`` are FWHM in pixels, ``rms`` a share of the peak; all ``(n, 1, 1, 1)``.
    Images are taken as periodic.
    """
    ny, nx = images.shape[-2:]
    v = torch.fft.fftfreq(ny, device=images.device)[:, None]
    u = torch.fft.rfftfreq(nx, device=images.device)[None]
    square = 2 * (math.pi / FWHM) ** 2 * (u * u + v * v)
    transfer = torch.exp(-square * blur**2)
    sharp = torch.fft.irfft2(torch.fft.rfft2(images.float()) * transfer, s=(ny, nx)).clamp_min(0)
    sharp = sharp / sharp.amax((-2, -1), keepdim=True).clamp_min(1e-12)
    if not (rms > 0).any():
        return sharp
    noise = torch.fft.rfft2(torch.randn_like(sharp)) * torch.exp(-square * beam**2 / 2)
    noise = torch.fft.irfft2(noise, s=(ny, nx))
    return sharp + rms * noise / noise.std((-2, -1), keepdim=True).clamp_min(1e-12)
