"""Train a conditional VAE: ``python -m train cvae --run cvae|bastien2021-cvae-d32``.

Minimises -log p(x | z, c) + beta KL(q(z | x, c) || p(z)) in nats per image. The angular size of a
training image is measured on that image by :mod:`radioviz.morphology` and multiplied by its random
change of scale, so that generated galaxies have the requested size when measured. Classes and sizes
are balanced (suggested by Bastien et al. 2021, Sec. 7). After training, the prior p(z | c) is
fitted to the posteriors of the training galaxies in all orientations and scales, and selected on
the validation galaxies.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from radioviz.models.cvae import ConvCVAE
from radioviz.models.cvae_dense import DenseCVAE
from radioviz.models.registry import build
from train.core.config import RunConfig, TrainError
from train.core.data import Data, Part
from train.core.task import Task
from train.methods.conditions import class_numbers, measured_sizes
from train.methods.latent_prior import fit_prior
from train.methods.vae import ACTIVE, elbo_scores, warm_up

Network = ConvCVAE | DenseCVAE


@dataclass(frozen=True)
class CvaeConfig(RunConfig):
    """Settings of a CVAE, in addition to :class:`train.core.config.RunConfig`."""

    kind: str = "cvae"  # ``cvae`` or ``cvae-dense`` (Bastien et al. 2021)
    # Arguments of the network (:mod:`radioviz.models.cvae`).
    architecture: dict[str, Any] = field(default_factory=dict)
    # beta, beta_epochs: weight of the KL term, and epochs over which it rises from 0
    beta: float = 1.0
    beta_epochs: float = 10.0
    # Largest change of scale, as a fraction; the conditioning size changes with it.
    # ``augment.zoom`` must be 0.
    zoom: float = 0.0
    balance: float = 0.0  # 0 samples every galaxy equally often, 1 every class and size octave
    # Share of training images whose class is hidden, so that "any" is a possible request.
    unlabelled: float = 0.0
    # size_weight, class_weight: weights of the losses of the heads that predict size and class from
    # the features
    size_weight: float = 20.0
    class_weight: float = 1.0
    views: int = 12  # random views (scale, shift, orientation, mirroring) of each galaxy
    prior_steps: int = 4000  # training steps of the prior
    # Classifier-free guidance of the prior: 1 is the learned prior, more follows the conditions
    # more closely.
    guidance: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.augment.zoom:
            raise TrainError("augment.zoom is set; set zoom, which also changes the requested size")


class CvaeTask(Task[CvaeConfig, Any]):
    """Loss, validation, prior and description of a CVAE run."""

    method = "cvae"
    config_class = CvaeConfig

    def __init__(self, config: CvaeConfig) -> None:
        super().__init__(config)
        self.arguments = {"size": config.preprocess.size, **config.architecture}
        self.module = build(config.kind, self.arguments)
        if not isinstance(self.module, ConvCVAE | DenseCVAE):
            raise TrainError(f"kind '{config.kind}' is not a CVAE; expected cvae or cvae-dense")
        self.classes = self.module.classes
        self.arguments["classes"] = list(self.classes)
        self.sized = isinstance(self.module, ConvCVAE)
        if isinstance(self.module, ConvCVAE):
            self.arguments["size_range"] = list(self.module.conditions.size_range)
            self.module.prior.requires_grad_(False)  # trained afterwards

    def prepare(self, data: Data, device: torch.device) -> None:
        self.labels: dict[str, Tensor] = {}
        self.sizes: dict[str, Tensor] = {}
        for name, part in (("train", data.train), ("valid", data.valid)):
            self.labels[name] = class_numbers(part, self.classes).to(device)
            if isinstance(self.module, ConvCVAE):
                low, high = self.module.conditions.size_range
                sizes = measured_sizes(part, self.config.preprocess).nan_to_num(low)
                self.sizes[name] = sizes.clamp(low, high).to(device)
        sizes = self.sizes.get("train", torch.ones(len(data.train)))
        self.balance(self.labels["train"].cpu(), sizes.cpu(), self.config.balance)
        if isinstance(self.module, ConvCVAE):
            generator = torch.Generator().manual_seed(self.config.seed)
            self.bank = [self._views(data.train, generator) for _ in range(self.config.views)]

    def loss(self, padded: Tensor, rows: Tensor, epoch: float) -> tuple[Tensor, dict[str, Tensor]]:
        config = self.config
        labelled = torch.rand(len(rows)) >= config.unlabelled
        labels = torch.where(labelled.to(rows.device), self.labels["train"][rows], -1)
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
        beta = config.beta * warm_up(epoch, config.beta_epochs)
        figures = {"nll": nll.detach().mean(), "kl": kl.detach().sum(1).mean(), **figures}
        return nll.mean() + beta * kl.sum(1).mean() + heads, figures

    def _views(self, part: Part, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """One random view of each galaxy in its frame, half precision, and its scale ``(n,)``."""
        module, config = self.module, self.config
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
        self, module: ConvCVAE, frames: Tensor, labels: Tensor, sizes: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]:
        """-log p ``(n,)``, KL ``(n, d)``, weighted losses of the heads, and these by name."""
        low, high = module.conditions.size_range
        sizes = sizes.clamp(low, high)
        features = module.body(frames)
        angle = torch.zeros(len(frames), device=frames.device)
        terms = module.bound(frames, features, angle, None, labels, sizes)
        size_error = (module.measured(features) - module.scaled(sizes)).square().mean()
        logits = module.class_head(features).float()
        class_error = F.cross_entropy(logits, labels, ignore_index=-1)
        class_error = torch.nan_to_num(class_error)  # a batch of only unknown classes
        heads = self.config.size_weight * size_error + self.config.class_weight * class_error
        figures = {"size_error": size_error.detach(), "class_error": class_error.detach()}
        return -terms.log_likelihood, terms.kl, heads, figures

    def validate(self, module: Network, images: Tensor, rows: Tensor) -> dict[str, float]:
        labels = self.labels["valid"][rows.to(images.device)]
        if isinstance(module, DenseCVAE):
            terms = module.elbo(images, label=labels)
            nll, kl = -terms.log_likelihood, terms.kl
            figures: dict[str, Tensor] = {}
        else:
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
        """Fit the prior, the size distribution of each class and the latent box."""
        module = self.module
        if not isinstance(module, ConvCVAE):
            return
        self.prepare(data, torch.device("cpu"))
        module.eval()
        torch.manual_seed(self.config.seed)
        learned = [self._latents(data.train, "train") for _ in range(len(self.bank))]
        valid = self._latents(data.valid, "valid")
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
        fit_prior(module.prior, learned, valid, self.config.prior_steps)

    @torch.no_grad()
    def _latents(self, part: Part, name: str) -> tuple[Tensor, Tensor, Tensor]:
        """Means and widths of q(z | x) of one view of each galaxy, and its conditions."""
        module = self.module
        if name == "train":
            frames, scale = self.bank.pop()
        else:
            frames, scale = module.framed(part.images)[0], torch.ones(len(part))
        labels = self.labels[name]
        low, high = module.conditions.size_range
        given = module.conditions(len(part), labels, (self.sizes[name] / scale).clamp(low, high))
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
        return {
            "kind": self.config.kind,
            "architecture": self.arguments,
            "latent_dim": self.module.latent_dim,
            "capabilities": ("encode", "decode", "class", *sized),
            "paper": f"After {paper}; prior after Lipman et al. 2023" if sized else paper,
        }

    @torch.no_grad()
    def score(self, module: Network, part: Part) -> dict[str, float]:
        module.eval()
        generator = torch.Generator().manual_seed(1)
        labels = class_numbers(part, self.classes)
        terms, guesses = [], []
        for start in range(0, len(part), 256):
            x, known = part.images[start : start + 256], labels[start : start + 256]
            terms.append(module.elbo(x, generator, known))
            guesses.append(module.decode(module.encode(x, known), known))
        out = elbo_scores(terms, part.images, torch.cat(guesses))
        if isinstance(module, ConvCVAE):
            low, high = module.conditions.size_range
            sizes = measured_sizes(part, self.config.preprocess).nan_to_num(low).clamp(low, high)
            frames = module.framed(part.images)[0]
            found = torch.cat([module.measured(module.body(v)) for v in frames.split(256)])
            error = (module.unscaled(found) / sizes - 1).abs()
            out["size_error"] = float(error.median())
        return out
