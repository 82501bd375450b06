"""Find more like this: exact cosine search over the latents of any encoder.

The similarity of two galaxies is the cosine of the angle between their latent vectors
(Andrianomena & Tang 2023, section 4.3),

    s(x, q) = x . q / (|x| |q|),

and a query of several examples is a wish and what it is not,

    s(x) = mean over positives of s(x, p)  -  mean over negatives of s(x, n),

so that -1 <= s <= 1 without negatives and -2 <= s <= 2 with them. Every latent is compared
(no index, no approximation): one matrix product, at the speed of memory.
"""

from radioviz.images.dihedral import dihedral_views
from radioviz.similarity.index import LatentIndex
from radioviz.similarity.metric import Whitening
from radioviz.similarity.neighbourhood import Neighbourhood
from radioviz.similarity.null import NullDistribution
from radioviz.similarity.query import Query, compose_query, query_of
from radioviz.similarity.search import scores, search

__all__ = [
    "LatentIndex",
    "Neighbourhood",
    "NullDistribution",
    "Query",
    "Whitening",
    "compose_query",
    "dihedral_views",
    "query_of",
    "scores",
    "search",
]
