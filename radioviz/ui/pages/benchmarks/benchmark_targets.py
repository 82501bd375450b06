"""What was to be reached: the figures of ``trained/benchmarks.json`` that have a target.

Published values are those of the papers that RadioViz follows, or the best known to us; None of
them was measured here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SECTIONS = {
    "rec": "Reconstruction",
    "gen": "Generated galaxies",
    "fr": "Classification",
    "codes": "What the latent vectors hold",
    "sim": "Similarity search",
    "ood": "What is strange",
    "speed": "Speed",
}


@dataclass(frozen=True)
class Target:
    """A figure with its bounds.

    Attributes
    ----------
    name : str
        Key in ``trained/benchmarks.json``.
    section : str
        Key of :data:`SECTIONS`.
    title : str
    low, high : float or None
        The value should lie within; None leaves a side open.
    published : str
        What others reached, and who.
    percent : bool
        Shown in per cent.
    """

    name: str
    section: str
    title: str
    low: float | None = None
    high: float | None = None
    published: str = ""
    percent: bool = False

    def text(self) -> str:
        """The bounds in words."""
        show = f"{{:.{0 if self.percent else 2}{'%' if self.percent else 'f'}}}".format
        if self.low is not None and self.high is not None:
            return f"{show(self.low)} to {show(self.high)}"
        if self.low is not None:
            return f"≥ {show(self.low)}"
        return f"≤ {show(self.high)}" if self.high is not None else ""

    def status(self, entry: dict[str, Any] | None) -> str:
        """``reached``, ``missed``, or ``absent``: by the value, not by its interval."""
        value = (entry or {}).get("value")
        if value is None:
            return "absent"
        above = self.low is None or value >= self.low
        below = self.high is None or value <= self.high
        return "reached" if above and below else "missed"


_SSL = "0.73 (Andrianomena & Tang 2023)"
TARGETS = (
    Target("rec.flux_ratio", "rec", "Reconstructed over true flux, median", 0.95, 1.05),
    Target("rec.ssim", "rec", "Structural similarity over the source"),
    Target("rec.relative_error", "rec", "Squared residual over squared image, median"),
    Target(
        *("gen.ramis_ratio", "gen", "RAMIS over that of real galaxies", 0.95),
        published="0.84 (Bastien et al. 2021)",
    ),
    Target(
        *("gen.fri_fraction", "gen", "Asked for FRI, classified FRI", 0.90),
        published="65.0 % (Bastien et al. 2021)",
        percent=True,
    ),
    Target(
        *("gen.frii_fraction", "gen", "Asked for FRII, classified FRII", 0.90),
        published="35.6 % (Bastien et al. 2021)",
        percent=True,
    ),
    Target("gen.size_spearman", "gen", "Asked against measured angular size, Spearman", 0.90),
    Target(
        *("gen.size_median_rel_error", "gen", "Error of the angular size, median", None, 0.15),
        percent=True,
    ),
    Target("gen.tstr_ratio", "gen", "Classifier trained on generated over trained on real", 0.90),
    Target("gen.coverage", "gen", "Coverage: real galaxies with a generated one near", 0.80),
    Target("gen.density", "gen", "Density: generated galaxies among real ones", 0.80),
    Target(
        *("gen.copies_fraction", "gen", "As good as copies of a training image", None, 0.01),
        percent=True,
    ),
    Target(
        "gen.kid_sigmas", "gen", "KID above its real-to-real floor, in standard errors", None, 3
    ),
    Target("gen.sharpness", "gen", "Power at high spatial frequencies over real (1: as sharp)"),
    Target(
        *("frcnn.mbc.accuracy", "fr", "FR classifier of the app, MBC test"),
        published="0.93–0.94 (plain CNN), 0.969 (Bayesian CNN)",
    ),
    Target("frcnn.mbc.auc", "fr", "The same, ROC AUC", published="0.984 (plain CNN)"),
    Target("frcnn.mbc.calibration_error", "fr", "The same, expected calibration error"),
    Target("frcnn.frdeep_first.accuracy", "fr", "FR classifier of the app, FR-DEEP FIRST test"),
    Target(
        *("mbc.finetuned.accuracy", "fr", "Fine-tuned encoder, MBC test", 0.97),
        published="0.98 (BYOL pretrained on RGZ)",
    ),
    Target("mbc.finetuned.cv_accuracy", "fr", "The same, 10-fold over all of MBC", 0.96),
    Target(
        *("mbc.labels145.error", "fr", "Error on MBC with 145 labels", None, 0.08),
        published="7.79 % (with RGZ pretraining)",
        percent=True,
    ),
    Target(
        *("first4.accuracy", "fr", "Four classes of FIRST, accuracy", 0.84),
        published="0.8135 (CNN with wGAN)",
    ),
    Target("first4.bent_f1", "fr", "The same, F1 of Bent", 0.78, published="0.74"),
    Target("first4.brier", "fr", "The same, Brier score", None, 0.25, published="0.293"),
    Target(
        *("mbc.vae_codes.best.accuracy", "codes", "MBC from VAE codes, best accuracy", 0.87),
        published="0.82 (Andrianomena & Tang 2023)",
    ),
    Target(
        *("mbc.vae_codes.best.auc", "codes", "MBC from VAE codes, best ROC AUC", 0.94),
        published="0.90 (Andrianomena & Tang 2023)",
    ),
    Target(
        *("mbc.ssl.knn5.accuracy", "codes", "MBC from self-supervised features, k-NN", 0.86),
        published=_SSL,
    ),
    Target(
        *("mbc.ssl.linear.accuracy", "codes", "The same, linear", 0.89),
        published=_SSL,
    ),
    Target(
        *("frdeep_nvss.best.accuracy", "codes", "FR-DEEP NVSS, best accuracy", 0.88),
        published="0.86 (Andrianomena & Tang 2023)",
    ),
    Target(
        *("frdeep_nvss.best.auc", "codes", "FR-DEEP NVSS, best ROC AUC", 0.92),
        published="0.88 (Andrianomena & Tang 2023)",
    ),
    Target("size.r2", "codes", "Angular size from codes, R²", 0.95),
    Target("map.size_neighbour_spearman", "codes", "Size against that of map neighbours", 0.90),
    Target("sim.mbc_to_first.precision10", "sim", "MBC into FIRST, class precision@10", 0.80),
    Target("sim.first4.map", "sim", "Within FIRST, four classes, mean average precision", 0.70),
    Target("sim.first4.map_finetuned", "sim", "The same, fine-tuned encoder", 0.80),
    Target("ood.bent.auroc", "ood", "Bent against FRI and FRII, AUROC", 0.80),
    Target("ood.artefacts.auroc", "ood", "Planted artefacts, AUROC", 0.95),
    Target("ood.nvss.auroc", "ood", "NVSS seen as FIRST, AUROC", 0.95),
    Target(
        *("ood.loco.gmean", "ood", "Leave one class out, G-mean"),
        published="0.79 (other radio data)",
    ),
    Target("scale.map.open_s.100000", "speed", "Page to map, 100,000 points [s]", high=2.0),
    Target("scale.map.open_s.1000000", "speed", "The same, 1,000,000", high=6.0),
    Target("scale.map.frame_ms.100000", "speed", "Pan and zoom, 100,000: a frame [ms]", high=33.0),
    Target("scale.map.frame_ms.1000000", "speed", "The same, 1,000,000", high=100.0),
    Target("scale.map.lasso_s.100000", "speed", "Lasso of a tenth, 100,000 [s]", high=0.8),
    Target("scale.map.lasso_s.1000000", "speed", "The same, 1,000,000", high=1.5),
    Target("scale.map.recolour_s.100000", "speed", "Another colour, 100,000 [s]", high=0.3),
    Target("scale.map.recolour_s.1000000", "speed", "The same, 1,000,000", high=1.0),
    Target(
        "scale.search.recall_at_10.1000000", "speed", "Search index, 1,000,000: recall@10", 0.98
    ),
    Target("scale.search.top100_p95_ms.1000000", "speed", "The same: p95 [ms]", high=10.0),
    Target("scale.atlas.open_s.1000000", "speed", "Open an Atlas of 1,000,000 x 256 [s]", high=1.0),
    Target("scale.atlas.resident_mb.1000000", "speed", "The same: memory [MB]", high=500.0),
)
"""Every figure that has a target or is shown beside those, in the order of the page."""


def number(value: float | None, percent: bool = False) -> str:
    """A figure as shown: three significant digits, or per cent."""
    if value is None:
        return "–"
    if percent:
        return f"{100 * value:.1f} %"
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if size >= 10 else f"{value:.3f}"
