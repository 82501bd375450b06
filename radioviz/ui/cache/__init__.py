"""What the server keeps for every session. The only place that uses Streamlit's caches."""

from radioviz.ui.cache.data_sets import (
    Located,
    atlas,
    atlas_names,
    available_data_sets,
    coverage,
    data_set,
    forget_data_set,
    galaxy_scores,
    is_open,
    known_data_sets,
    located,
    models,
    overlap,
    samp_link,
)
from radioviz.ui.cache.decoding import (
    DECODED,
    classifier,
    classifiers,
    decoded,
    encoder,
    explanation,
    generated,
    generator,
    held_out,
    plane_images,
    plane_png,
    plane_properties,
    reconstruction,
    templates,
    training,
    twins,
)
from radioviz.ui.cache.filter_columns import filter_columns, rows_that_pass
from radioviz.ui.cache.pictures import picture_sheet
from radioviz.ui.cache.searching import (
    Nulls,
    familiarity,
    latent_index,
    latents_alone,
    matched_latents,
    neighbourhood,
    nulls,
    rotated_views,
    whitening,
)
