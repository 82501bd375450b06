"""Conditional VAE of radio galaxies, by class and angular size.

A conditional VAE (Sohn et al. 2015; Bastien et al. 2021, Sec. 5.1) bounds log p(x | c): encoder
and decoder receive the condition c, so that the latent vector need not encode it. The paper's
condition is the class (:mod:`radioviz.models.cvae_dense`); :class:`ConvCVAE` adds the largest
angular size, which the paper suggests.

>>> model = ConvCVAE(latent_dim=7, width=8)
>>> z = model.encode(torch.rand(2, 1, 64, 64))
>>> model.decode(z, label=torch.tensor([0, 1]), size=torch.tensor([60.0, 20.0])).shape
torch.Size([2, 1, 64, 64])
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radioviz.errors import ModelError
from radioviz.models.conditions import Conditions, sizes_at
from radioviz.models.frames import axis_angle, from_frame, to_frame
from radioviz.models.latent_prior import LatentPrior
from radioviz.models.tensors import bounded, check_images, check_latents, sample_normal
from radioviz.models.vae import Elbo, Stretch, kl_divergence
from radioviz.sky import FWHM

CANDIDATES = 4
SURE = 0.75

BEAM = 2.0
"""FWHM of the beam in image pixels; noise is correlated over it."""


class ConvCVAE(nn.Module):
    """Convolutional VAE in the frame of the galaxy, conditioned on class and angular size.

    A latent vector has ``latent_dim - 3`` numbers for the shape, one for the logarithm of the
    angular size (+-2 at the ends of ``size_range``), and two for the direction of the axis
    (:mod:`radioviz.models.frames`). Only the shape is inferred; the axis is measured, and a head of
    the encoder predicts the size. A requested size replaces that of the latent vector. The decoder
    gives the brightness of each pixel and its probability to be above the sigma clip, since about
    95 % of the pixels are exactly zero.

    Parameters
    ----------
    classes : sequence of str
        Classes that can be requested.
    size_range : sequence of two float
        Range of sizes that can be requested [arcsec].
    pixel_arcsec : float
        Size of a pixel [arcsec].
    latent_dim : int
        Length of a latent vector: that of its shape part plus 3.
    size : int
        Side of the images in pixels: a multiple of 2 to the power of the number of multipliers.
    width : int
        Channels at half resolution; ``multipliers`` scale it at each further halving.
    clip_weight : float
        Weight of the nats of "above the clip or not", nearly all of which are noise.
    dropout : float
        Fraction of channels dropped within residual blocks.
    """

    def __init__(
        self,
        classes: Sequence[str] = ("FRI", "FRII"),
        size_range: Sequence[float] = (5.0, 160.0),
        pixel_arcsec: float = 2.7,
        latent_dim: int = 35,
        size: int = 64,
        width: int = 24,
        multipliers: Sequence[int] = (1, 2, 4),
        clip_weight: float = 0.1,
        dropout: float = 0.0,
        prior_width: int = 256,
    ) -> None:
        super().__init__()
        shape_dim = latent_dim - 3
        if shape_dim < 1:
            raise ModelError(f"latent_dim is {latent_dim}; expected 4 or more")
        halvings = 2 ** len(multipliers)
        if size % halvings:
            raise ModelError(f"size is {size}; {len(multipliers)} halvings take {halvings} times k")
        if not classes:
            raise ModelError("classes is empty; give at least one")
        self.conditions = Conditions(classes, size_range)
        self.classes = self.conditions.classes
        self.shape_dim, self.size = shape_dim, size
        self.latent_dim = latent_dim
        self.pixel_arcsec, self.clip_weight = pixel_arcsec, clip_weight
        self.height = size
        self.width = size + max(1, round(size / 4 / halvings)) * halvings
        widths = [width * m for m in multipliers]
        deep = (widths[-1], self.height // halvings, self.width // halvings)

        layers: list[nn.Module] = [Stretch()]
        channels = 2
        for w in widths:
            layers += [nn.Conv2d(channels, w, 4, 2, 1), nn.SiLU()]
            channels = w
        seen = 4 * channels
        self.body = nn.Sequential(
            *layers, nn.Flatten(), nn.Dropout(dropout), nn.Linear(math.prod(deep), seen), nn.SiLU()
        )
        k = len(self.classes)
        self.posterior_head = nn.Linear(seen + k, 2 * shape_dim)
        self.size_head = nn.Linear(seen, 1)
        self.class_head = nn.Linear(seen, k)

        embedding = 4 * channels
        self.embed = nn.Sequential(
            nn.Linear(shape_dim + self.conditions.length, embedding),
            nn.SiLU(),
            nn.Linear(embedding, embedding),
            nn.SiLU(),
        )
        self.start = nn.Sequential(nn.Linear(embedding, math.prod(deep)), nn.Unflatten(1, deep))
        self.deepest = _Block(widths[-1], embedding)
        self.stages = nn.ModuleList(
            _Stage(before, after, embedding) for before, after in itertools.pairwise(widths[::-1])
        )
        # The finest resolution is drawn four pixels at a time: at two pixels per beam they are
        # correlated, and convolutions there would cost more than all others.
        last = nn.Conv2d(widths[0], 2 * 4, 3, padding=1)
        nn.init.normal_(last.weight, std=0.01)
        with torch.no_grad():
            last.bias = nn.Parameter(torch.tensor([-4.0] * 4 + [-3.0] * 4))
        self.last = nn.Sequential(nn.SiLU(), last, nn.PixelShuffle(2))
        self.prior = LatentPrior(shape_dim, self.conditions.length, prior_width)

        def table(name: str, value: Tensor) -> None:
            self.register_buffer(name, value)

        # Fitted after training: shares of the classes, size quantiles of each class at 0, 1/32,
        # ..., the latent box, the guidance of the prior.
        self.class_shares: Tensor
        self.size_quantiles: Tensor
        self.latent_low: Tensor
        self.latent_high: Tensor
        self.guidance: Tensor
        low, high = self.conditions.size_range
        table("class_shares", torch.full((k,), 1 / k))
        table("size_quantiles", torch.logspace(math.log10(low), math.log10(high), 33).repeat(k, 1))
        table("latent_low", torch.full((self.latent_dim,), -2.0))
        table("latent_high", torch.full((self.latent_dim,), 2.0))
        table("guidance", torch.ones(()))

    candidates = CANDIDATES

    @property
    def noise_dim(self) -> int:
        """Normal numbers per latent vector: shape and direction of each candidate."""
        return CANDIDATES * self.latent_dim

    @property
    def extra_noise(self) -> int:
        """Normal numbers of the noise at the sigma clip, one per pixel of image and margin."""
        return (self.size + 2 * _MARGIN) ** 2

    def framed(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Images ``(n, 1, ny, nx)`` in their frame ``(n, 1, height, width)``, and its angle."""
        check_images(x, self.size)
        angle = axis_angle(x)
        return to_frame(x, angle, self.height, self.width).clamp(0, 1), angle

    def posterior(self, features: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the shape, q(z | x, class), ``(n, latent_dim - 3)`` each."""
        given = self.conditions(len(features), label, device=features.device).to(features)
        given = given[:, : len(self.classes)]
        mean, log_variance = (
            self.posterior_head(torch.cat([features, given], 1)).float().chunk(2, 1)
        )
        return mean, bounded(log_variance)

    def measured(self, features: Tensor) -> Tensor:
        """Logarithm of the angular size that the encoder predicts, scaled to -1..1, ``(n,)``."""
        return self.size_head(features).float()[:, 0]

    def encode(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """Latent vector of each image, ``(n, latent_dim)``."""
        frame, angle = self.framed(x)
        features = self.body(frame)
        return self.join(self.posterior(features, label)[0], self.measured(features), angle)

    def frame_maps(
        self, z: Tensor, label: Tensor | None = None, size: Tensor | None = None
    ) -> Tensor:
        """Two logit maps in the frame: brightness, above the clip; ``(n, 2, height, width)``."""
        check_latents(z, self.latent_dim)
        sizes = self.sizes(z) if size is None else size.to(z)
        given = self._given(len(z), label, sizes)
        e = self.embed(torch.cat([z[:, : self.shape_dim], given], 1))
        h: Tensor = self.deepest(self.start(e), e)
        for stage in self.stages:
            h = stage(h, e, self._places(h, sizes))
        return self.last(h).float()

    def decode_parameters(
        self, z: Tensor, label: Tensor | None = None, size: Tensor | None = None
    ) -> Tensor:
        """The two logit maps in sky orientation, ``(n, 2, ny, nx)``."""
        return from_frame(self.frame_maps(z, label, size), self.direction(z), self.size)

    def decode(self, z: Tensor, label: Tensor | None = None, size: Tensor | None = None) -> Tensor:
        """Expected image at each latent vector, zero where a pixel is probably below the clip."""
        return image_of(self.decode_parameters(z, label, size), scaled=False)

    def generate(
        self,
        z: Tensor,
        noise: Tensor,
        temperature: float = 1.0,
        label: Tensor | None = None,
        size: Tensor | None = None,
    ) -> Tensor:
        """Like :meth:`decode`, peak 1, with noise ``(n, extra_noise)`` at the sigma clip.

        A pixel is above the clip with the probability that the decoder gives, correlated within a
        beam.
        """
        side = self.size + 2 * _MARGIN
        maps = self.decode_parameters(z, label, size)
        return image_of(maps, smooth(noise.reshape(-1, 1, side, side)))

    def draw(
        self,
        noise: Tensor,
        temperature: float = 1.0,
        label: Tensor | None = None,
        size: Tensor | None = None,
        candidates: int | None = None,
        certainty: float | None = None,
        guidance: float | None = None,
    ) -> Tensor:
        """Latent vectors of the learned prior from normal numbers ``(n, noise_dim)``.

        Of ``candidates`` (by default, and at most, :data:`CANDIDATES`), returns the first to which
        the encoder's class head gives the requested class with a probability of at least
        ``certainty`` (default :meth:`certain`), otherwise the most probable one: classes of real
        galaxies overlap, and a request means a clear case.
        """
        if size is None:
            raise ModelError("the prior of shapes depends on the size; give a size")
        sizes, n = size.to(noise), len(noise)
        parts = noise.reshape(n, -1, self.latent_dim)
        number = CANDIDATES if candidates is None else candidates
        parts = parts[:, : 1 if label is None else number]
        k = parts.shape[1]
        # All candidates at once: one product with many rows instead of many with few.
        each = parts.transpose(0, 1).reshape(k * n, -1)
        sizes = sizes.repeat(k)
        labels = None if label is None else label.repeat(k)
        given = self._given(k * n, labels, sizes)
        strength = float(self.guidance) if guidance is None else guidance
        shape = self.prior.draw(temperature * each[:, : self.shape_dim], given, strength)
        z = torch.cat([shape, 2 * self.scaled(sizes)[:, None], each[:, -2:]], 1)
        if labels is None or k == 1:
            return z
        seen = self.body(image_of(self.frame_maps(z, labels, sizes)))
        chance = self.class_head(seen).float().softmax(1)
        chance = chance.gather(1, labels.clamp_min(0)[:, None]).reshape(k, n)
        sure = chance >= (self.certain() if certainty is None else certainty)
        first = torch.where(sure.any(0), sure.float().argmax(0), chance.argmax(0))
        return z.reshape(k, n, -1)[first, torch.arange(n, device=z.device)]

    def certain(self) -> float:
        """Probability of the requested class at which a candidate is accepted."""
        return SURE

    def draw_size(self, u: Tensor, label: Tensor | None = None) -> Tensor:
        """Angular sizes [arcsec] of real galaxies of the class at the quantiles ``u``."""
        return sizes_at(self.size_quantiles, u, label).clamp(*self.conditions.size_range)

    def elbo(
        self,
        x: Tensor,
        generator: torch.Generator | None = None,
        label: Tensor | None = None,
        size: Tensor | None = None,
    ) -> Elbo:
        """Bound of each image with one reparametrised sample, z = mean + sigma * noise."""
        frame, angle = self.framed(x)
        return self.bound(frame, self.body(frame), angle, generator, label, size)

    def bound(
        self,
        frame: Tensor,
        features: Tensor,
        angle: Tensor,
        generator: torch.Generator | None = None,
        label: Tensor | None = None,
        size: Tensor | None = None,
    ) -> Elbo:
        """:meth:`elbo` of images in their frame whose features are known."""
        mean, log_variance = self.posterior(features, label)
        shape = sample_normal(mean, log_variance, generator)
        z = self.join(shape, self.measured(features), angle)
        maps = self.frame_maps(z, label, size)
        return Elbo(self.log_likelihood(maps, frame.float()), kl_divergence(mean, log_variance))

    def log_likelihood(self, maps: Tensor, x: Tensor) -> Tensor:
        """log p(x | maps) in nats, ``(n,)``: Bernoulli of brightness, and of the clip, weighted."""
        bright = F.binary_cross_entropy_with_logits(maps[:, :1], x, reduction="none")
        above = F.binary_cross_entropy_with_logits(
            maps[:, 1:], (x > FAINTEST).float(), reduction="none"
        )
        return -(bright + self.clip_weight * above).flatten(1).sum(1)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruction through the posterior mean, shape of ``x``."""
        return self.decode(self.encode(x))

    def sizes(self, z: Tensor) -> Tensor:
        """Angular size of latent vectors [arcsec], ``(n,)``."""
        return self.unscaled(z[:, self.shape_dim] / 2)

    def direction(self, z: Tensor) -> Tensor:
        """Angle of the axis of latent vectors [radians], ``(n,)``."""
        return torch.atan2(z[:, -1], z[:, -2])

    def scaled(self, sizes: Tensor) -> Tensor:
        """Logarithm of sizes in arcsec, -1..1 over ``size_range``."""
        low, high = (math.log(v) for v in self.conditions.size_range)
        return (sizes.log() - low) / (high - low) * 2 - 1

    def unscaled(self, values: Tensor) -> Tensor:
        """Inverse of :meth:`scaled` in arcsec, clipped to a little more than ``size_range``."""
        low, high = (math.log(v) for v in self.conditions.size_range)
        return ((values.clamp(-1.2, 1.2) + 1) / 2 * (high - low) + low).exp()

    def _given(self, n: int, label: Tensor | None, sizes: Tensor) -> Tensor:
        """Conditions as network input; sizes may be slightly out of range."""
        given = self.conditions(n, label, device=sizes.device).to(sizes)
        given[:, -2], given[:, -1] = 1.0, self.scaled(sizes)
        return given

    def join(self, shape: Tensor, log_size: Tensor, angle: Tensor) -> Tensor:
        """Latent vectors of shapes, scaled log sizes ``(n,)`` and angles ``(n,)``."""
        direction = math.sqrt(2) * torch.stack([angle.cos(), angle.sin()], 1)
        return torch.cat([shape, 2 * log_size[:, None], direction], 1)

    def _places(self, h: Tensor, sizes: Tensor) -> Tensor:
        """Pixel positions in units of the source's half length: along, across, ends, middle."""
        height, width = h.shape[-2] * 2, h.shape[-1] * 2
        pixel = self.height / height
        u = (torch.arange(width, device=h.device) - (width - 1) / 2) * pixel
        v = (torch.arange(height, device=h.device) - (height - 1) / 2) * pixel
        half = (sizes / self.pixel_arcsec / 2).clamp_min(1.0)[:, None, None]
        along = (u[None, None, :] / half).expand(-1, height, -1)
        across = (v[None, :, None] / half).expand(-1, -1, width)
        ends = torch.exp(-4 * ((along.abs() - 1) ** 2 + across**2))
        middle = torch.exp(-(u[None, None, :] ** 2 + v[None, :, None] ** 2) / 18)
        maps = [along.clamp(-2, 2), across.clamp(-2, 2), ends, middle.expand_as(ends)]
        return torch.stack(maps, 1).to(h)


_MARGIN = 3
FAINTEST = 1 / 255
"""One grey level of an 8-bit map, the faintest pixels of the survey images."""


def smooth(noise: Tensor) -> Tensor:
    """Normal noise correlated over a beam, from white noise with a margin of 3 pixels."""
    sigma = BEAM / FWHM
    x = torch.arange(-_MARGIN, _MARGIN + 1, device=noise.device).float()
    kernel = torch.exp(-(x**2) / (2 * sigma**2))
    kernel = kernel / kernel.square().sum().sqrt()
    return F.conv2d(F.conv2d(noise, kernel[None, None, None]), kernel[None, None, :, None])


def image_of(maps: Tensor, noise: Tensor | None = None, scaled: bool = True) -> Tensor:
    """Image of two logit maps, ``(n, 1, ny, nx)``, its brightest pixel 1 where ``scaled``.

    A pixel is zero if it is probably below the clip, or with ``noise`` (normal numbers) at random
    with the probability of the map. Brightness is the mean over both cases, so pixels above the
    clip are brighter by the inverse of their probability.
    """
    bright, above = maps[:, :1].sigmoid(), maps[:, 1:].sigmoid()
    threshold = 0.5 if noise is None else torch.special.ndtr(noise)
    image = torch.where(above > threshold, (bright / above).clamp_max(1.0), 0.0)
    image = torch.where(image > FAINTEST, image, 0.0)
    peak = image.amax((2, 3), keepdim=True)
    if scaled:
        image = image / peak.clamp_min(1e-6)
    return torch.where(peak > 0, image, bright)  # a galaxy below the clip keeps its mean image


class _Block(nn.Module):
    """Residual block whose scale and shift follow the condition (Perez et al. 2018)."""

    def __init__(self, channels: int, embedding: int) -> None:
        super().__init__()
        self.film = nn.Linear(embedding, 2 * channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        scale, shift = self.film(e)[:, :, None, None].chunk(2, 1)
        h = torch.addcmul(h + shift, h, scale)
        return h + self.second(F.silu(self.first(F.silu(h))))


class _Stage(nn.Module):
    """Twice the resolution, then a block.

    The first convolution receives places (see :meth:`ConvCVAE._places`), so that the ends of a
    source move with its size. Nearest neighbour and a convolution, since transposed convolutions
    leave a checkerboard.
    """

    def __init__(self, before: int, after: int, embedding: int) -> None:
        super().__init__()
        self.grow = nn.Conv2d(before + 4, after, 3, padding=1)
        self.block = _Block(after, embedding)

    def forward(self, h: Tensor, e: Tensor, places: Tensor) -> Tensor:
        h = F.interpolate(h, scale_factor=2, mode="nearest")
        return self.block(self.grow(torch.cat([h, places], 1)), e)
