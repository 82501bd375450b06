"""How good generated galaxies and classifiers are. Nothing here imports torch.

One idea a module: :mod:`~radioviz.metrics.calibration` (can a probability be believed).
"""
