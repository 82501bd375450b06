"""RadioViz: walk through the latent space of radio galaxies."""

__version__ = "0.1.0"
