"""Radio galaxies by flow matching, by class, angular size and signal to noise.

Straight paths lead from normal noise to images (rectified flow; Lipman et al. 2023, Eq. 23; Liu et
al. 2023): ``x_t = (1 - t) e + t x``. The network predicts x, as 95 % of the pixels are empty sky,
which is easier to say than the noise there. Its velocity is ``(x - x_t) / (1 - t)``. Divided by t,
a point of the path is the image under noise of ``sigma = (1 - t) / t``; in this form the paths are
followed (Karras et al. 2022; Lu et al. 2022, SDE-DPM-Solver++(2M)) and the losses of all times
are weighed alike.

Brightness is stretched as ``asinh(x / SOFT)``, so that plumes of a hundredth of the peak count like
its core. The network draws the source alone; noise correlated by the beam, clipped as by the
survey, makes the sky around it. Maps of the positions along and across the axis of the source, in
units of its half length, show the network where its ends are.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radioviz.data.preprocess import resampling
from radioviz.errors import ModelError
from radioviz.models.conditions import Conditions, sizes_at
from radioviz.models.flow_network import FlowNetwork
from radioviz.models.precision import half_where_fast
from radioviz.models.tensors import check_latents
from radioviz.sky import FWHM

SOFT = 0.02
"""Brightness over the peak at which the stretch turns from linear to logarithmic."""

BRIGHT = 2.0
"""Stretched brightness of the peak."""

SPREAD = 0.3
"""Root mean square of stretched images."""

NOISIEST, CLEANEST = 40.0, 0.008
"""Sigma of noise, in units of stretched brightness, at the ends of a path."""

GUIDED = 0.2, 3.0
"""Noise levels between which the class is guided (Kynkäänniemi et al. 2024): before, all shapes are
open still, and after, they are settled."""

FAINTEST = 1 / 255
"""One grey level of an 8-bit map, the faintest pixels of the survey images."""

SNR_RANGE = (4.0, 1500.0)
NATIVE = 1.5
"""Survey pixels per image pixel, in which the sky is drawn."""
SKY_BEAM = 3.0
"""FWHM of the beam in survey pixels."""
CLIP = 3.0
_MARGIN = 5
_MAPS = 4


class GalaxyFlow(nn.Module):
    """Conditional flow from noise to images.

    A latent vector has three numbers: the signal to noise (its logarithm, +-2 at the ends of
    :data:`SNR_RANGE`) and the direction of the axis, as of the CVAE. All other detail follows from
    the noise that a path starts from.

    Parameters
    ----------
    classes : sequence of str
        Classes that can be requested.
    size_range : sequence of two float
        Range of sizes that can be requested [arcsec].
    size : int
        Side of the images in pixels.
    pixel_arcsec : float
        Size of a pixel [arcsec].
    network : mapping, optional
        Arguments of :class:`~radioviz.models.flow_network.FlowNetwork` but the first two.
    size_scale : str
        ``catalogue``: sizes are on the scale of catalogues
        (:mod:`radioviz.morphology.size_scale`); no other is known.
    """

    latent_dim = 3
    guides_images = True

    def __init__(
        self,
        classes: Sequence[str] = ("FRI", "FRII", "Bent", "Compact"),
        size_range: Sequence[float] = (5.0, 160.0),
        size: int = 64,
        pixel_arcsec: float = 2.7,
        network: Mapping[str, Any] | None = None,
        size_scale: str = "catalogue",
    ) -> None:
        super().__init__()
        if not classes:
            raise ModelError("classes is empty; give at least one")
        if size_scale != "catalogue":
            raise ModelError(f"size_scale is '{size_scale}'; expected catalogue")
        self.conditions = Conditions(classes, size_range)
        self.classes = self.conditions.classes
        self.size, self.pixel_arcsec = size, pixel_arcsec
        self.network = FlowNetwork(self.conditions.length + 2, _MAPS, **(network or {}))
        k = len(self.classes)
        low, high = self.conditions.size_range

        def table(name: str, value: Tensor, stored: bool = True) -> None:
            self.register_buffer(name, value, persistent=stored)

        # Fitted after training: shares of the classes; quantiles at 0, 1/32, ... of sizes and of
        # the logarithm of signal to noise about a line in that of size; share of images whose clip
        # level was mapped to zero. The last row of a table is of all classes together.
        self.class_shares: Tensor
        self.size_quantiles: Tensor
        self.snr_line: Tensor
        self.snr_quantiles: Tensor
        self.shifted: Tensor
        self.steps: Tensor
        self.guidance: Tensor
        self.class_guidance: Tensor
        self.latent_low: Tensor
        self.latent_high: Tensor
        table("class_shares", torch.full((k,), 1 / k))
        table("size_quantiles", torch.logspace(math.log10(low), math.log10(high), 33).repeat(k, 1))
        table("snr_line", torch.tensor([math.log(60.0), 0.0]).repeat(k + 1, 1))
        table("snr_quantiles", torch.linspace(-1, 1, 33).repeat(k + 1, 1))
        table("shifted", torch.tensor(0.5))
        table("steps", torch.tensor(20))
        table("guidance", torch.tensor(1.0))
        table("class_guidance", torch.ones(k))
        table("latent_low", torch.full((self.latent_dim,), -2.0))
        table("latent_high", torch.full((self.latent_dim,), 2.0))
        _, _, weights = resampling(self.native, self.native, size)
        table("survey_pixels", torch.from_numpy(weights.copy()), False)

    @property
    def native(self) -> int:
        """Side of the images in survey pixels."""
        return round(self.size * NATIVE)

    @property
    def noise_dim(self) -> int:
        """Normal numbers per latent vector."""
        return self.latent_dim

    @property
    def extra_noise(self) -> int:
        """Normal numbers of an image: start and steps of its path, its sky, how it was clipped."""
        return (1 + int(self.steps)) * self.size**2 + (self.native + 2 * _MARGIN) ** 2 + 1

    def draw(
        self,
        noise: Tensor,
        temperature: float = 1.0,
        label: Tensor | None = None,
        size: Tensor | None = None,
    ) -> Tensor:
        """Latent vectors ``(n, 3)``: signal to noise usual at class and size, any direction."""
        n = len(noise)
        rows = torch.full((n,), len(self.classes), device=noise.device)
        if label is not None:
            rows = torch.where(label >= 0, label, rows)
        sizes = self._sizes(noise, label, size)
        middle, slope = self.snr_line[rows].unbind(1)
        u = torch.special.ndtr(temperature * noise[:, 0])
        rest = self.snr_quantiles[rows]
        place = u.clamp(0, 1) * (rest.shape[1] - 1)
        low = place.long().clamp_max(rest.shape[1] - 2)
        left, right = (rest.gather(1, i[:, None])[:, 0] for i in (low, low + 1))
        log_snr = middle + slope * sizes.to(noise).log() + torch.lerp(left, right, place - low)
        return torch.cat([2 * scaled_snr(log_snr.exp())[:, None], noise[:, 1:3]], 1)

    def draw_size(self, u: Tensor, label: Tensor | None = None) -> Tensor:
        """Angular sizes [arcsec] of real galaxies of the class at the quantiles ``u``."""
        return sizes_at(self.size_quantiles, u, label).clamp(*self.conditions.size_range)

    def _sizes(self, like: Tensor, label: Tensor | None, size: Tensor | None) -> Tensor:
        """Sizes asked for, or the median of the class, one for each row of ``like``."""
        if size is not None:
            return size
        return self.draw_size(torch.full((len(like),), 0.5, device=like.device), label)

    def decode(self, z: Tensor, label: Tensor | None = None, size: Tensor | None = None) -> Tensor:
        """Images at latent vectors, ``(n, 1, ny, nx)``, all from the same noise."""
        still = torch.randn(1, self.extra_noise, generator=torch.Generator().manual_seed(0)).to(z)
        return self.generate(z, still.expand(len(z), -1), 1.0, label, size)

    def generate(
        self,
        z: Tensor,
        noise: Tensor,
        temperature: float = 1.0,
        label: Tensor | None = None,
        size: Tensor | None = None,
        guidance: float | None = None,
        sky: bool = True,
    ) -> Tensor:
        """Images with peak 1, ``(n, 1, ny, nx)``, from normal numbers ``(n, extra_noise)``.

        ``guidance`` above 1 follows the class more closely (Ho & Salimans 2022), each class in
        proportion to its share ``class_guidance``; at 0 the class counts nothing. ``sky`` False
        leaves out the noise around the source.
        """
        check_latents(z, self.latent_dim)
        side, count = self.native + 2 * _MARGIN, 1 + int(self.steps)
        path, white, last = noise.split([count * self.size**2, side**2, 1], 1)
        path = temperature * path.reshape(len(z), count, self.size, self.size)
        snr = unscaled_snr(z[:, 0] / 2)
        angle = torch.atan2(z[:, 2], z[:, 1])
        sizes = self._sizes(z, label, size)
        ask = Ask(label, sizes.to(z), angle, snr)
        start = NOISIEST * path[:, :1]
        stretched = self.follow(start, ask, self.sigmas(), guidance, path[:, 1:])
        source = brightness(stretched)
        source = torch.where(source > FAINTEST / 2, source, 0.0)
        source = source / source.amax((2, 3), keepdim=True).clamp_min(1e-6)
        if not sky:
            return source
        white = white.reshape(-1, 1, side, side)
        return self.with_sky(source, white, snr, torch.special.ndtr(last[:, 0]) < self.shifted)

    def with_sky(self, source: Tensor, white: Tensor, snr: Tensor, shifted: Tensor) -> Tensor:
        """Sources with noise beside them that a survey did not clip.

        ``source``: peak 1, zero beyond, ``(n, 1, ny, nx)``; ``white``: white noise on survey pixels
        with a margin; ``snr``: peak over noise, ``(n,)``; ``shifted``: bool ``(n,)``: the clip
        level was mapped to zero.
        """
        sigma = SKY_BEAM / FWHM / math.sqrt(2)  # whose noise is correlated like the beam
        x = torch.arange(-_MARGIN, _MARGIN + 1, device=white.device).float()
        kernel = torch.exp(-(x**2) / (2 * sigma**2))
        kernel = kernel / kernel.square().sum().sqrt()
        noise = F.conv2d(F.conv2d(white, kernel[None, None, None]), kernel[None, None, :, None])
        level = torch.where(shifted, CLIP, 0.0)
        over = (snr - level).clamp_min(1.0)[:, None, None, None]
        seen = torch.where(noise > CLIP, noise - level[:, None, None, None], 0.0) / over
        across: Tensor = self.get_buffer("survey_pixels")
        sky = across @ seen @ across.T
        near = F.max_pool2d(source, 5, 1, 2) > 0  # noise on a source is part of its image
        return torch.where(near, source, sky).clamp_max(1.0)

    def sigmas(self, steps: int | None = None) -> list[float]:
        """Noise levels of a path (Karras et al. 2022, Eq. 5), ``steps + 1`` of them."""
        n = int(self.steps) if steps is None else steps
        power = 1 / 5
        ends = NOISIEST**power, CLEANEST**power
        return [(ends[0] + (ends[1] - ends[0]) * i / n) ** 5 for i in range(n + 1)]

    def follow(
        self,
        x: Tensor,
        ask: Ask,
        sigmas: Sequence[float],
        guidance: float | None = None,
        noise: Tensor | None = None,
    ) -> Tensor:
        """Stretched images where paths from ``x``, at the first noise level, end.

        One network call a step (two where it is guided), of second order from the second on. With
        ``noise``, normal numbers ``(n, steps, ny, nx)``, each step replaces a part of what noise
        is left by new noise, which corrects errors of earlier steps: on validation sizes and FRIs
        are then nearer to what was asked for than on straight paths. Without, levels may also rise,
        which leads from an image to its noise.
        """
        strength = float(self.guidance) if guidance is None else guidance
        given, maps = self.given(len(x), ask), self.places(ask)
        free = None
        if strength != 1 and ask.label is not None:
            free = self.given(len(x), ask._replace(label=None))
            share = self.class_guidance[ask.label.clamp_min(0)] if strength > 1 else 1.0
            each = 1 + (strength - 1) * share * torch.ones_like(ask.sizes)
        before: tuple[Tensor, float] | None = None
        for i, (here, there) in enumerate(itertools.pairwise(sigmas)):
            level = torch.full((len(x),), here, device=x.device)
            clean = self.denoise(x, level, given, maps)
            if free is not None and GUIDED[0] <= here <= GUIDED[1]:
                other = self.denoise(x, level, free, maps)
                clean = other + each[:, None, None, None] * (clean - other)
            step = math.log(here / there)
            fresh = 0.0 if noise is None else step
            aim = clean
            if before is not None:
                aim = clean + step / before[1] / 2 * (clean - before[0])
            x = there / here * math.exp(-fresh) * x - math.expm1(-step - fresh) * aim
            if noise is not None:
                x = x + there * math.sqrt(-math.expm1(-2 * fresh)) * noise[:, i : i + 1]
            before = clean, step
        return x

    def denoise(self, x: Tensor, sigma: Tensor, given: Tensor, maps: Tensor) -> Tensor:
        """Expected stretched image behind ``x``, which has noise ``sigma`` ``(n,)``."""
        level = sigma[:, None, None, None]
        total = level.square() + SPREAD**2
        with half_where_fast(x.device, self.training, vectors=True):
            more, kept = self.network(x / total.sqrt(), (sigma / SPREAD).log(), given, maps)
        return more + kept * (SPREAD**2 / total) * x

    def loss(self, x: Tensor, ask: Ask, generator: torch.Generator | None = None) -> Tensor:
        """Flow matching loss of images ``x`` ``(n, 1, ny, nx)`` in 0..1, pixel mean, ``(n,)``.

        Times are denser in the middle (Esser et al. 2024): the logit of t is normal.
        """
        target = stretch(x)
        spread = 1.6 * torch.randn(len(x), generator=generator, device=x.device)
        sigma = (spread - 0.2).exp().clamp(CLEANEST, NOISIEST)
        noise = torch.randn(x.shape, generator=generator, device=x.device)
        level = sigma[:, None, None, None]
        clean = self.denoise(
            target + level * noise, sigma, self.given(len(x), ask), self.places(ask)
        )
        weight = 1 / sigma.clamp_min(0.05).square() + 1 / SPREAD**2
        return weight * (clean - target).square().flatten(1).mean(1)

    def given(self, n: int, ask: Ask) -> Tensor:
        """Conditions as the network takes them, ``(n, conditions)``."""
        first = self.conditions(n, ask.label, ask.sizes, device=ask.sizes.device)
        known = torch.isfinite(ask.snr)
        snr = torch.where(known, scaled_snr(ask.snr), 0.0)
        return torch.cat([first, known[:, None].float(), snr[:, None]], 1)

    def places(self, ask: Ask) -> Tensor:
        """Positions along and across the axis, nearness to the ends and the middle, 0..2."""
        side = self.size // 2
        at = (torch.arange(side, device=ask.sizes.device) - (side - 1) / 2) * 2
        u, v = at[None, None, :], at[None, :, None]
        cos, sin = ask.angle.cos()[:, None, None], ask.angle.sin()[:, None, None]
        half = (ask.sizes / self.pixel_arcsec / 2).clamp_min(1.0)[:, None, None]
        along, across = (u * cos + v * sin) / half, (v * cos - u * sin) / half
        ends = torch.exp(-4 * ((along.abs() - 1) ** 2 + across**2))
        middle = torch.exp(-(u**2 + v**2) / 18).expand_as(ends)
        return torch.stack([along.clamp(-2, 2), across.clamp(-2, 2), ends, middle], 1)


class Ask(NamedTuple):
    """What images are asked for."""

    label: Tensor | None  # class numbers, int64 ``(n,)``; -1 or None for any
    sizes: Tensor  # arcsec on the scale of catalogues, ``(n,)``
    # Direction of the axis (:func:`radioviz.models.frames.axis_angle`), radians, ``(n,)``.
    angle: Tensor
    snr: Tensor  # peak over noise, ``(n,)``; NaN for any


def stretch(x: Tensor) -> Tensor:
    """Stretched brightness of images with peak 1."""
    return (x / SOFT).asinh() * (BRIGHT / math.asinh(1 / SOFT))


def brightness(y: Tensor) -> Tensor:
    """Inverse of :func:`stretch`, not below 0."""
    return SOFT * (y.clamp(0, 1.5 * BRIGHT) * (math.asinh(1 / SOFT) / BRIGHT)).sinh()


def scaled_snr(snr: Tensor) -> Tensor:
    """Logarithm of signal to noise, -1..1 over :data:`SNR_RANGE`."""
    low, high = (math.log(v) for v in SNR_RANGE)
    return ((snr.log() - low) / (high - low) * 2 - 1).clamp(-1, 1)


def unscaled_snr(values: Tensor) -> Tensor:
    """Inverse of :func:`scaled_snr`."""
    low, high = (math.log(v) for v in SNR_RANGE)
    return ((values.clamp(-1, 1) + 1) / 2 * (high - low) + low).exp()
