"""Train a conditional VAE: ``python -m train cvae --run cvae|bastien2021-cvae-d32``.

Minimises -log p(x | z, c) + beta KL(q(z | x, c) || p(z)) in nats an image. The angular size of a
training image is that which :mod:`radioviz.morphology` measures on the very image, times its
random change of scale, so that what is asked for is what will be measured. Classes and sizes come
balanced (the wish of Bastien et al. 2021, Sec. 7). After training, the prior p(z | c) is learned
from where the encoder puts the training galaxies, in all orientations and scales, and stopped by
the validation galaxies.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radioviz.metrics.reconstruction import reconstruction_scores
from radioviz.models.cvae import ConvCVAE
from radioviz.models.cvae_dense import DenseCVAE
from radioviz.models.registry import build
from train.core.config import RunConfig, TrainError
from train.core.data import Data, Part
from train.core.task import Task
from train.methods.conditions import balanced_weights, class_numbers, measured_sizes
from train.methods.vae import ACTIVE


@dataclass(frozen=True)
class CvaeConfig(RunConfig):
    """What a CVAE run sets beside :class:`train.core.config.RunConfig`.

    Attributes
    ----------
    kind : str
        ``cvae`` or ``cvae-dense`` (Bastien et al. 2021).
    architecture : dict
        Arguments of the network, see :mod:`radioviz.models.cvae`.
    beta, beta_epochs : float
        Weight of the KL term, and epochs over which it rises to it.
    zoom : float
        Largest change of scale, as a fraction; the size asked for changes with it. (That of
        ``augment`` stays 0.)
    balance : float
        0 shows every galaxy equally often, 1 every class and size (in octaves).
    unlabelled : float
        Share of training images whose class is withheld, so that "any" can be asked for.
    size_weight, class_weight : float
        Weight of the errors of the heads that read size and class off the features.
    views : int
        Random views (scale, shift, orientation; mirrored or not) that are made of each galaxy.
    prior_steps : int
        Steps of training the prior.
    guidance : float
        Stress on the conditions in the prior: 1 is as learned.
    """

    kind: str = "cvae"
    architecture: dict[str, Any] = field(default_factory=dict)
    beta: float = 1.0
    beta_epochs: float = 10.0
    zoom: float = 0.0
    balance: float = 0.0
    unlabelled: float = 0.0
    size_weight: float = 20.0
    class_weight: float = 1.0
    views: int = 12
    prior_steps: int = 4000
    guidance: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.augment.zoom:
            raise TrainError("augment.zoom is set; set zoom, which changes the size asked for too")


class CvaeTask(Task[CvaeConfig]):
    """Loss, validation, prior and description of a CVAE run."""

    method = "cvae"
    config_class = CvaeConfig

    def __init__(self, config: CvaeConfig) -> None:
        super().__init__(config)
        self.arguments = {"size": config.preprocess.size, **config.architecture}
        self.module: nn.Module = build(config.kind, self.arguments)
        if not isinstance(self.module, ConvCVAE | DenseCVAE):
            raise TrainError(f"kind '{config.kind}' is no CVAE; expected cvae or cvae-dense")
        self.classes = self.module.classes
        self.arguments["classes"] = list(self.classes)
        self.sized = isinstance(self.module, ConvCVAE)
        if isinstance(self.module, ConvCVAE):
            self.arguments["size_range"] = list(self.module.asked.size_range)
            for parameter in self.module.prior.parameters():
                parameter.requires_grad_(False)  # learned afterwards

    def prepare(self, data: Data, device: torch.device) -> None:
        self.labels: dict[str, Tensor] = {}
        self.sizes: dict[str, Tensor] = {}
        for name, part in (("train", data.train), ("valid", data.valid)):
            self.labels[name] = class_numbers(part, self.classes).to(device)
            if isinstance(self.module, ConvCVAE):
                low, high = self.module.asked.size_range
                sizes = measured_sizes(part, self.config.preprocess).nan_to_num(low)
                self.sizes[name] = sizes.clamp(low, high).to(device)
        sizes = self.sizes.get("train", torch.ones(len(data.train)))
        self.weights = balanced_weights(
            self.labels["train"].cpu(), sizes.cpu(), self.config.balance
        )
        if isinstance(self.module, ConvCVAE):
            generator = torch.Generator().manual_seed(self.config.seed)
            self.bank = [self._views(data.train, generator) for _ in range(self.config.views)]

    def order(self, data: Data) -> Tensor:
        if not self.config.balance:
            return super().order(data)
        return torch.multinomial(self.weights, len(data.train), replacement=True)

    def loss(self, padded: Tensor, rows: Tensor, epoch: float) -> tuple[Tensor, dict[str, Tensor]]:
        config = self.config
        told = torch.rand(len(rows)) >= config.unlabelled
        labels = torch.where(told.to(rows.device), self.labels["train"][rows], -1)
        if isinstance(self.module, DenseCVAE):
            terms = self.module.elbo(self.view(padded), label=labels)
            nll, kl, heads = -terms.log_likelihood, terms.kl, torch.zeros(())
            figures: dict[str, Tensor] = {}
        else:
            frames, scale = self.bank[int(torch.randint(len(self.bank), ()))]
            images = frames[rows.to(frames.device)].to(padded)
            mirror = torch.rand(len(rows), 1, 1, 1, device=padded.device) < 0.5
            images = torch.where(mirror, images.flip(2), images)
            images = images.contiguous(memory_format=torch.channels_last)
            sizes = self.sizes["train"][rows] / scale[rows.to(scale.device)].to(padded)
            nll, kl, heads, figures = self._terms(self.module, images, labels, sizes)
        beta = config.beta * (min(1.0, epoch / config.beta_epochs) if config.beta_epochs else 1.0)
        figures = {"nll": nll.detach().mean(), "kl": kl.detach().sum(1).mean(), **figures}
        return nll.mean() + beta * kl.sum(1).mean() + heads, figures

    def _views(self, part: Part, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """One random view of each galaxy in its frame, half precision, and its scale ``(n,)``."""
        module, config = self.module, self.config
        assert isinstance(module, ConvCVAE)
        kept = torch.get_rng_state()
        torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))
        scale = (1 + config.zoom) ** (2 * torch.rand(len(part)) - 1)
        frames = [
            module.framed(config.augment(x, config.preprocess, s))[0].half()
            for x, s in zip(part.images.split(256), scale.split(256), strict=True)
        ]
        torch.set_rng_state(kept)
        return torch.cat(frames), scale

    def _terms(
        self, module: nn.Module, frames: Tensor, labels: Tensor, sizes: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]:
        """-log p ``(n,)``, KL ``(n, d)``, errors of the heads, and these by name."""
        assert isinstance(module, ConvCVAE)
        low, high = module.asked.size_range
        sizes = sizes.clamp(low, high)
        features = module.body(frames)
        angle = torch.zeros(len(frames), device=frames.device)
        terms = module.bound(frames, features, angle, None, labels, sizes)
        size_error = (module.measured(features) - module.scaled(sizes)).square().mean()
        logits = module.class_head(features).float()
        class_error = F.cross_entropy(logits, labels, ignore_index=-1)
        class_error = torch.nan_to_num(class_error)  # a batch of unknown classes alone
        heads = self.config.size_weight * size_error + self.config.class_weight * class_error
        figures = {"size_error": size_error.detach(), "class_error": class_error.detach()}
        return -terms.log_likelihood, terms.kl, heads, figures

    def validate(self, module: nn.Module, images: Tensor, rows: Tensor) -> dict[str, float]:
        labels = self.labels["valid"][rows.to(images.device)]
        if isinstance(module, DenseCVAE):
            terms = module.elbo(images, label=labels)
            nll, kl = -terms.log_likelihood, terms.kl
            figures: dict[str, Tensor] = {}
        else:
            assert isinstance(module, ConvCVAE)
            sizes = self.sizes["valid"][rows.to(images.device)]
            nll, kl, _, figures = self._terms(module, module.framed(images)[0], labels, sizes)
        return {
            "loss": float(nll.mean() + self.config.beta * kl.sum(1).mean()),
            "nll": float(nll.mean()),
            "kl": float(kl.sum(1).mean()),
            "active": float((kl.mean(0) > ACTIVE).sum()),
            **{k: float(v) for k, v in figures.items()},
        }

    def finish(self, data: Data) -> None:
        """Learn the prior, the sizes of each class and the latent box."""
        module = self.module
        if not isinstance(module, ConvCVAE):
            return
        self.prepare(data, torch.device("cpu"))
        module.eval()
        torch.manual_seed(self.config.seed)
        learned = [self._latents(data.train, "train") for _ in range(len(self.bank))]
        judged = self._latents(data.valid, "valid")
        latents = torch.cat([z[0] for z in learned])
        module.latent_low[: module.shape_dim] = latents.quantile(0.005, 0)
        module.latent_high[: module.shape_dim] = latents.quantile(0.995, 0)
        labels, sizes = self.labels["train"], self.sizes["train"]
        steps = torch.linspace(0, 1, module.size_quantiles.shape[1])
        for i, name in enumerate(self.classes):
            rows = labels == i
            if not rows.any():
                raise TrainError(f"no training image has the label '{name}'")
            module.class_shares[i] = rows.float().mean()
            module.size_quantiles[i] = sizes[rows].quantile(steps)
        module.guidance.fill_(self.config.guidance)
        self.prior_log = fit_prior(module, learned, judged, self.config)

    @torch.no_grad()
    def _latents(self, part: Part, name: str) -> tuple[Tensor, Tensor, Tensor]:
        """Means and widths of q(z | x) of one view of each galaxy, and conditions."""
        module = self.module
        assert isinstance(module, ConvCVAE)
        if name == "train":
            frames, scale = self.bank.pop()
        else:
            frames, scale = module.framed(part.images)[0], torch.ones(len(part))
        labels = self.labels[name]
        low, high = module.asked.size_range
        given = module.asked(len(part), labels, (self.sizes[name] / scale).clamp(low, high))
        means, widths = [], []
        for flip in (False, True):
            some = frames.flip(2) if flip else frames
            for x, c in zip(some.split(256), labels.split(256), strict=True):
                mean, log_variance = module.posterior(module.body(x.float()), c)
                means.append(mean)
                widths.append((0.5 * log_variance).exp())
        return torch.cat(means), torch.cat(widths), torch.cat([given, given])

    def describe(self) -> dict[str, Any]:
        sized = ("size",) if self.sized else ()
        paper = "Bastien et al. 2021, arXiv:2102.01007, Sec. 5.1"
        assert isinstance(self.module, ConvCVAE | DenseCVAE)
        return {
            "kind": self.config.kind,
            "architecture": self.arguments,
            "latent_dim": self.module.latent_dim,
            "capabilities": ("encode", "decode", "class", *sized),
            "paper": f"After {paper}; prior after Lipman et al. 2023" if sized else paper,
        }

    @torch.no_grad()
    def score(self, module: nn.Module, part: Part) -> dict[str, float]:
        assert isinstance(module, ConvCVAE | DenseCVAE)
        module.eval()
        generator = torch.Generator().manual_seed(1)
        labels = class_numbers(part, self.classes)
        terms, guesses = [], []
        for start in range(0, len(part), 256):
            x, known = part.images[start : start + 256], labels[start : start + 256]
            terms.append(module.elbo(x, generator, known))
            guesses.append(module.decode(module.encode(x, known), known))
        kl = torch.cat([t.kl for t in terms])
        out = {
            "elbo": float(torch.cat([t.value for t in terms]).mean()),
            "kl": float(kl.sum(1).mean()),
            "active_dimensions": float((kl.mean(0) > ACTIVE).sum()),
            **reconstruction_scores(
                np.asarray(part.images[:, 0]), np.asarray(torch.cat(guesses)[:, 0])
            ),
        }
        if isinstance(module, ConvCVAE):
            low, high = module.asked.size_range
            sizes = measured_sizes(part, self.config.preprocess).nan_to_num(low).clamp(low, high)
            frames = module.framed(part.images)[0]
            found = torch.cat([module.measured(module.body(v)) for v in frames.split(256)])
            error = (module.unscaled(found) / sizes - 1).abs()
            out["size_error"] = float(error.median())
        return out


def fit_prior(
    module: ConvCVAE,
    learned: list[tuple[Tensor, Tensor, Tensor]],
    judged: tuple[Tensor, Tensor, Tensor],
    config: CvaeConfig,
    batch: int = 512,
    every: int = 200,
) -> list[tuple[int, float, float]]:
    """Train ``module.prior`` and keep what is best on the validation galaxies.

    Returns
    -------
    list of (step, training loss, validation loss)
    """
    prior = module.prior
    means, widths, given = (torch.cat(parts) for parts in zip(*learned, strict=True))
    prior.mean.copy_(means.mean(0))
    prior.scale.copy_((means.var(0) + widths.square().mean(0)).sqrt())
    for parameter in prior.parameters():
        parameter.requires_grad_(True)
    optimiser = torch.optim.AdamW(prior.parameters(), lr=1e-3, weight_decay=0.01)
    average = copy.deepcopy(prior).eval()
    best, best_loss, log, running = copy.deepcopy(prior.state_dict()), math.inf, [], 0.0
    order = _endless(len(means), batch)
    for step in range(1, config.prior_steps + 1):
        rate = (
            1e-3
            * min(1.0, step / 200)
            * (0.5 + 0.5 * math.cos(math.pi * step / config.prior_steps))
        )
        for group in optimiser.param_groups:
            group["lr"] = rate
        rows = next(order)
        z = means[rows] + widths[rows] * torch.randn(len(rows), means.shape[1])
        prior.train()
        loss = prior.loss(z, given[rows]).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        running += float(loss.detach()) / every
        with torch.no_grad():
            memory = min(0.999, (1 + step) / (10 + step))
            for slow, fast in zip(average.parameters(), prior.parameters(), strict=True):
                slow.lerp_(fast, 1 - memory)
        if step % every == 0 or step == config.prior_steps:
            found = judge_prior(average, judged)
            log.append((step, running, found))
            print(f"prior: step {step}, loss {running:.4f}, validation {found:.4f}")
            running = 0.0
            if found < best_loss:
                best, best_loss = copy.deepcopy(average.state_dict()), found
    prior.load_state_dict(best)
    for parameter in prior.parameters():
        parameter.requires_grad_(False)
    prior.eval()
    return log


@torch.no_grad()
def judge_prior(prior: Any, judged: tuple[Tensor, Tensor, Tensor], draws: int = 16) -> float:
    """Loss of a prior on latent vectors of validation galaxies, the same draws each time."""
    generator = torch.Generator().manual_seed(1)
    mean, width, given = judged
    losses = []
    for _ in range(draws):
        z = mean + width * torch.randn(mean.shape, generator=generator)
        losses.append(prior.loss(z, given, generator).mean())
    return float(torch.stack(losses).mean())


def _endless(n: int, batch: int) -> Iterator[Tensor]:
    while True:
        order = torch.randperm(n)
        yield from (rows for rows in order.split(batch) if len(rows) == min(batch, n))
