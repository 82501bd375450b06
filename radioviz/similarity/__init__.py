"""Similarity search over the latents of any encoder.

The similarity of two galaxies is the cosine of the angle between their latent vectors
(Andrianomena & Tang 2023, section 4.3),

    s(x, q) = x . q / (|x| |q|).

A query may have several positive and negative examples:

    s(x) = mean over positives of s(x, p)  -  mean over negatives of s(x, n),

so that -1 <= s <= 1 without negatives and -2 <= s <= 2 with them. Every latent is compared, by one
matrix product; only data sets too large for that use an approximate index.
"""

from radioviz.images.dihedral import dihedral_views
from radioviz.similarity.index import LatentIndex
from radioviz.similarity.metric import Whitening
from radioviz.similarity.neighbourhood import Neighbourhood
from radioviz.similarity.null import NullDistribution
from radioviz.similarity.query import Query, compose_query, query_of
from radioviz.similarity.search import scores, search
