"""The torch doorway: images to latent vectors and back, new galaxies, class probabilities.

Everything else in RadioViz works without torch. Importing this package does not import torch
either; loading a model does, which takes seconds the first time.
"""

from radioviz.encode.classifier import Classifier, default_classifier
from radioviz.encode.editor import EditedGalaxy, Editor
from radioviz.encode.encoder import BATCH, PLANE_BATCH, VIEWS_BATCH, Encoder
from radioviz.encode.generation import CARDS, MODES, GeneratedGalaxies, GenerationRequest
from radioviz.encode.generator import Generator
