"""Very deep variational autoencoder (Child 2020, arXiv:2011.10650) at 64x64.

Stages, latent vector and conditions follow Andrianomena & Tang 2023 (arXiv:2311.08331, Sec. 3.1):
residual blocks {3,3,2,2,2,1} upwards and top-down blocks {5,5,4,3,2,1} downwards, at 64, 32, 16,
8, 4 and 1 pixels. The latent variable at 1x1, ``z0``, is a vector; each further top-down block
has a latent map, whose prior depends on the levels above it:

    ELBO(x) = E_q [log p(x|z)] - KL(q(z0|x) || N(0, 1)) - sum_k KL(q(z_k|z_<k, x) || p(z_k|z_<k)).

Images are ``(n, 1, ny, nx)`` in 0..1.

>>> model = VDVAE(size=8, latent_dim=6, widths=(4, 8, 16), encoder_blocks=(1, 1, 1),
...               decoder_blocks=(2, 1, 1), latent_channels=(1, 2))
>>> x = torch.rand(3, 1, 8, 8)
>>> model.encode(x).shape, model.decode(model.encode(x)).shape
(torch.Size([3, 6]), torch.Size([3, 1, 8, 8]))
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radioviz.errors import ModelError
from radioviz.models import likelihoods
from radioviz.models.conditions import Conditions, sizes_at
from radioviz.models.latent_prior import LatentPrior
from radioviz.models.precision import half_where_fast
from radioviz.models.tensors import bounded, check_images, check_latents, sample_normal
from radioviz.models.vae import kl_divergence
from radioviz.models.vdvae_blocks import Bottleneck, DeepElbo, Pick, Stage, TopDown, kl_between


class VDVAE(nn.Module):
    """Hierarchical VAE, optionally conditioned on class and angular size.

    Sequences with one value per stage run from the finest resolution to 1x1.

    Parameters
    ----------
    size : int
        Side of the images in pixels: 4 times a power of two.
    latent_dim : int
        Length of z0.
    widths : sequence of int
        Channels of the feature maps.
    encoder_blocks, decoder_blocks : sequence of int
        Residual blocks and top-down blocks.
    latent_channels : sequence of int
        Channels of the latent maps, for all stages but 1x1.
    bottleneck : float
        Width of the inner convolutions relative to the features.
    likelihood : str
        A name of :data:`radioviz.models.likelihoods.LIKELIHOODS`.
    classes : sequence of str
        Classes that can be requested; empty if none.
    size_range : sequence of two float
        Smallest and largest angular size [arcsec] that can be requested; empty if none.
    prior_width : int
        Width of the learned prior of z0 for :meth:`draw`; 0 for N(0, 1).

    Raises
    ------
    ModelError
        If lengths or values do not fit together.
    """

    def __init__(
        self,
        size: int = 64,
        latent_dim: int = 256,
        widths: Sequence[int] = (16, 32, 64, 96, 128, 256),
        encoder_blocks: Sequence[int] = (3, 3, 2, 2, 2, 1),
        decoder_blocks: Sequence[int] = (5, 5, 4, 3, 2, 1),
        latent_channels: Sequence[int] = (1, 2, 4, 8, 8),
        bottleneck: float = 0.5,
        likelihood: str = "bernoulli",
        classes: Sequence[str] = (),
        size_range: Sequence[float] = (),
        prior_width: int = 0,
    ) -> None:
        super().__init__()
        stages = len(widths)
        sides = [size // 2**k for k in range(stages - 1)] + [1]
        if stages < 2 or sides[-2] != 4 or size != 4 * 2 ** (stages - 2):
            raise ModelError(
                f"size is {size} with {stages} widths; halvings down to 4x4 and a step to 1x1 take "
                f"images of {4 * 2 ** max(stages - 2, 0)}"
            )
        if not len(encoder_blocks) == len(decoder_blocks) == len(latent_channels) + 1 == stages:
            raise ModelError(
                f"there are {stages} widths, {len(encoder_blocks)} encoder_blocks, "
                f"{len(decoder_blocks)} decoder_blocks and {len(latent_channels)} latent_channels; "
                f"expected {stages}, {stages}, {stages} and {stages - 1}"
            )
        if latent_dim < 1 or decoder_blocks[-1] != 1:
            raise ModelError(
                f"latent_dim is {latent_dim} and the last of decoder_blocks {decoder_blocks[-1]}; "
                "expected 1 or more, and one block for z0"
            )
        self.size, self.latent_dim = size, latent_dim
        self.likelihood = likelihoods.likelihood(likelihood)
        middles = [max(4, round(w * bottleneck)) for w in widths]

        scale = math.sqrt(1 / sum(encoder_blocks))
        self.first = nn.Conv2d(2, widths[0], 3, padding=1)
        self.narrow = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in itertools.pairwise(widths))
        self.pooling = nn.Parameter(torch.randn(1, widths[-1], 4, 4))
        self.bottom_up = nn.ModuleList(
            nn.Sequential(
                *(Bottleneck(w, m, w, side, residual=True, scale=scale) for _ in range(blocks))
            )
            for w, m, side, blocks in zip(widths, middles, sides, encoder_blocks, strict=True)
        )

        scale = math.sqrt(1 / sum(decoder_blocks))
        top = widths[-1]
        self.z0_posterior = Bottleneck(top, middles[-1], 2 * latent_dim, 1)
        with torch.no_grad():  # narrow: z0 is used from the start, before the maps are
            self.z0_posterior.last.bias[latent_dim:] = -4.0  # type: ignore[index]
        self.z0_shift = nn.Parameter(torch.zeros(1, top, 1, 1))
        self.z0_scale = nn.Parameter(torch.ones(1, top, 1, 1))
        self.z0_project = nn.Conv2d(latent_dim, top, 1)
        self.z0_out = Bottleneck(top, middles[-1], top, 1, residual=True, scale=scale)
        self.stages = nn.ModuleList(
            Stage(
                widths[k + 1], widths[k], middles[k], latent_channels[k], sides[k],
                decoder_blocks[k], scale,
            )
            for k in reversed(range(stages - 1))
        )  # fmt: skip
        # Steps between stages preserve the variance, like the plain skips of Child 2020: by default
        # each would remove two thirds of it, and neither z0 nor the image would reach the other.
        steps = [*self.narrow, self.z0_project, *(stage.enter for stage in self._stages())]
        for step in steps:
            nn.init.orthogonal_(step.weight)
            nn.init.zeros_(step.bias)
        self.gain = nn.Parameter(torch.ones(1, widths[0], 1, 1))
        self.last = nn.Conv2d(widths[0], self.likelihood.channels, 3, padding=1)
        nn.init.normal_(self.last.weight, std=0.01)
        with torch.no_grad():
            self.last.bias = nn.Parameter(torch.tensor(self.likelihood.start()))

        self.conditions = Conditions(classes, size_range)
        given = self.conditions.length
        self.embed: nn.ModuleList | None = None
        if given:
            self.embed = nn.ModuleList(
                nn.Sequential(nn.Linear(given, 64), nn.GELU(), nn.Linear(64, w))
                for w in reversed(widths[:-1])
            )
        self.prior = LatentPrior(latent_dim, given, prior_width) if prior_width else None
        # Fitted after training: the box of z0, shares of the classes, and size quantiles of each
        # class at 0, 1/32, ...
        self.latent_low: Tensor
        self.latent_high: Tensor
        self.register_buffer("latent_low", torch.full((latent_dim,), -3.0))
        self.register_buffer("latent_high", torch.full((latent_dim,), 3.0))
        k = max(1, len(self.conditions.classes))
        if self.conditions.classes:
            self.class_shares: Tensor
            self.register_buffer("class_shares", torch.full((k,), 1 / k))
        if self.conditions.size_range:
            low, high = (math.log10(v) for v in self.conditions.size_range)
            self.size_quantiles: Tensor
            self.register_buffer("size_quantiles", torch.logspace(low, high, 33).repeat(k, 1))

    @property
    def level_names(self) -> list[str]:
        """Name of each level from z0 down: ``z0``, ``4x4.1``, ``4x4.2``, ``8x8.1``..."""
        return ["z0"] + [
            f"{stage.side}x{stage.side}.{i + 1}"
            for stage in self._stages()
            for i in range(len(stage.blocks))
        ]

    @property
    def level_shapes(self) -> list[tuple[int, int, int]]:
        """Shape of the latent map of each level below z0: channels, ny, nx."""
        return [
            (block.channels, stage.side, stage.side)
            for stage in self._stages()
            for block in self._blocks(stage)
        ]

    def encode(self, x: Tensor) -> Tensor:
        """z0 of each image, the posterior mean, float32 ``(n, latent_dim)``."""
        return self._posterior(self._features(x)[-1])[0]

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z0|x), both float32 ``(n, latent_dim)``."""
        return self._posterior(self._features(x)[-1])

    @property
    def noise_dim(self) -> int:
        """Normal numbers per image that :meth:`draw` uses."""
        return self.latent_dim

    @property
    def extra_noise(self) -> int:
        """Normal numbers per image that :meth:`generate` uses: one per unit of the latent maps."""
        return sum(math.prod(shape) for shape in self.level_shapes)

    def decode(self, z: Tensor, label: Tensor | None = None, size: Tensor | None = None) -> Tensor:
        """Image at each z0, with latent maps at the means of their priors: ``(n, 1, ny, nx)``.

        ``label`` (class numbers) and ``size`` [arcsec], both ``(n,)``, are for models with these
        conditions.
        """
        return self.generate(z, None, 0.0, label, size)

    def draft(self, z: Tensor, label: Tensor | None = None, size: Tensor | None = None) -> Tensor:
        """Like :meth:`decode` to within 1 % of the peak, in a third of the time on some CPUs."""
        with half_where_fast(z.device, self.training):
            return self.decode(z, label, size)

    def draw(
        self,
        noise: Tensor,
        temperature: float = 1.0,
        label: Tensor | None = None,
        size: Tensor | None = None,
    ) -> Tensor:
        """z0 of the learned prior, or of N(0, 1), from normal numbers ``(n, latent_dim)``."""
        if self.prior is None:
            return temperature * noise
        condition = self.conditions(len(noise), label, size, noise.device)
        return self.prior.draw(temperature * noise, condition)

    def draw_size(self, u: Tensor, label: Tensor | None = None) -> Tensor:
        """Angular sizes [arcsec] of real galaxies of the class at the quantiles ``u``."""
        return sizes_at(self.size_quantiles, u, label).clamp(*self.conditions.size_range)

    def generate(
        self,
        z: Tensor,
        noise: Tensor | None,
        temperature: float = 1.0,
        label: Tensor | None = None,
        size: Tensor | None = None,
    ) -> Tensor:
        """Image at each z0, with latent maps drawn from their priors: ``(n, 1, ny, nx)``, 0..1.

        Parameters
        ----------
        z : Tensor
            z0, shape ``(n, latent_dim)``.
        noise : Tensor or None
            Standard normal numbers, ``(n, extra_noise)``; None with a temperature of 0.
        temperature : float
            Factor of the standard deviations of the priors; 0 gives their means.
        label, size : Tensor, optional
            As in :meth:`decode`.

        Raises
        ------
        ModelError
            If a shape or a condition does not fit.
        """
        condition = self.conditions(len(z), label, size, z.device)
        if temperature == 0:
            return self._image(z, condition, None)
        if noise is None or noise.shape != (len(z), self.extra_noise):
            found = None if noise is None else tuple(noise.shape)
            raise ModelError(f"noise has shape {found}; expected {(len(z), self.extra_noise)}")
        parts = noise.split([math.prod(shape) for shape in self.level_shapes], 1)
        levels = iter(parts)

        def pick(block: TopDown, h: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
            drawn = next(levels).view(mean.shape)
            return mean + temperature * (0.5 * log_variance).exp() * drawn

        return self._image(z, condition, pick)

    def reconstruct(
        self,
        x: Tensor,
        label: Tensor | None = None,
        size: Tensor | None = None,
        levels: int | None = None,
    ) -> Tensor:
        """Image through the posterior means of all levels, or of the first ``levels`` only.

        Later levels are at the means of their priors, so ``levels=1`` equals
        ``decode(encode(x))``. Shape of ``x``.
        """
        features = self._features(x)
        condition = self.conditions(len(x), label, size, x.device)
        seen = 1

        def pick(block: TopDown, h: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
            nonlocal seen
            seen += 1
            if levels is not None and seen > levels:
                return mean
            return block.posterior(h, _at(features, h), mean, log_variance)[0]

        z = self._posterior(features[-1])[0]
        return self._image(z, condition, None if levels == 1 else pick)

    def elbo(
        self,
        x: Tensor,
        generator: torch.Generator | None = None,
        label: Tensor | None = None,
        size: Tensor | None = None,
        maps: bool = True,
    ) -> DeepElbo:
        """Bound of each image with one reparametrised sample of every level.

        ``label`` and ``size`` as in :meth:`decode`, -1 and NaN if unknown. Without ``maps`` only
        z0 is drawn, and the latent maps are at the means of their priors.
        """
        features = self._features(x)
        condition = self.conditions(len(x), label, size, x.device)
        units: list[Tensor] = []

        def pick(block: TopDown, h: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
            if not maps:
                units.append(torch.zeros_like(mean))
                return mean
            found = block.posterior(h, _at(features, h), mean, log_variance)
            units.append(kl_between(*found, mean, log_variance))
            return sample_normal(*found, generator)

        mean, log_variance = self._posterior(features[-1])
        units.append(kl_divergence(mean, log_variance)[:, :, None, None])
        parameters = self._descend(sample_normal(mean, log_variance, generator), condition, pick)
        return DeepElbo(self.likelihood.log_prob(parameters, x.float()), units)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruction through the posterior means of all levels, shape of ``x``."""
        return self.reconstruct(x)

    def _features(self, x: Tensor) -> list[Tensor]:
        """Output of each stage of the encoder after GELU, from the finest to 1x1."""
        check_images(x, self.size)
        # Image and its square root as channels: lobes are 10 to 100 times fainter than the peak.
        h = self.first(torch.cat([x, x.clamp_min(0).sqrt()], 1) - 0.1)
        out = []
        for k, blocks in enumerate(self.bottom_up):
            if k:
                narrow = self.narrow[k - 1]
                # A plain mean over the last map would lose all positions.
                h = (
                    4 * F.avg_pool2d(narrow(h) * self.pooling, 4)
                    if h.shape[-1] == 4
                    else narrow(F.avg_pool2d(h, 2))
                )
            h = blocks(h)
            out.append(F.gelu((h - self.z0_shift) * self.z0_scale if h.shape[-1] == 1 else h))
        return out

    @torch.no_grad()
    def start_from(self, x: Tensor) -> None:
        """Standardise the features of z0 over some images (Kingma & Dhariwal 2018, Sec. 3.1).

        After so many layers the features of nearly empty maps differ by a thousandth, too little
        for z0 to be used before its KL term suppresses it.
        """
        top: list[Tensor] = []
        hook = self.bottom_up[-1].register_forward_hook(lambda *found: top.append(found[2]))
        self._features(x)
        hook.remove()
        self.z0_shift.copy_(top[0].mean(0, keepdim=True))
        self.z0_scale.copy_(1 / top[0].std(0, keepdim=True).clamp_min(1e-6))

    def train_encoder(self, train: bool) -> None:
        """Train or freeze all weights between the image and the posterior of z0."""
        for part in (self.first, self.narrow, self.bottom_up, self.z0_posterior):
            part.requires_grad_(train)
        for weights in (self.pooling, self.z0_shift, self.z0_scale):
            weights.requires_grad_(train)

    @torch.no_grad()
    def reset_map_posteriors(self) -> None:
        """Reinitialise the posteriors of all latent maps, away from their priors and narrower.

        At the prior a map carries no information and cannot learn to: its mean has no gradient
        while the projection is small, and the projection none while it carries only noise.
        """
        for stage in self._stages():
            for block in self._blocks(stage):
                last = block.posterior_net.last
                means = last.weight[: block.channels]
                means.normal_(std=1 / math.sqrt(last.in_channels))
                assert last.bias is not None
                last.bias[block.channels :] = -2.0
                nn.init.normal_(block.project.weight, std=0.3 / math.sqrt(block.channels))

    def _posterior(self, features: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.z0_posterior.activated(features).float().flatten(1).chunk(2, 1)
        return mean, bounded(log_variance)

    def _image(self, z: Tensor, condition: Tensor, pick: Pick | None) -> Tensor:
        return self.likelihood.mean(self._descend(z, condition, pick)).clamp(0.0, 1.0)

    def _descend(self, z: Tensor, condition: Tensor, pick: Pick | None) -> Tensor:
        """Parameter maps of p(x|z), float32; ``pick`` chooses the latent maps (default: means)."""
        check_latents(z, self.latent_dim)
        h = self.z0_out(self.z0_project(z[:, :, None, None]))
        for k, stage in enumerate(self._stages()):
            h = stage(h, None if self.embed is None else self.embed[k](condition))
            for block in self._blocks(stage):
                h = block.at_mean(h) if pick is None else block(h, pick)
        parameters: Tensor = self.last(F.gelu(h * self.gain.to(h.dtype)))
        return parameters.float()

    def _stages(self) -> list[Stage]:
        return [s for s in self.stages if isinstance(s, Stage)]

    @staticmethod
    def _blocks(stage: Stage) -> list[TopDown]:
        return [b for b in stage.blocks if isinstance(b, TopDown)]


def _at(features: list[Tensor], h: Tensor) -> Tensor:
    """The encoder's features at the resolution of ``h``."""
    return next(f for f in features if f.shape[-1] == h.shape[-1])
