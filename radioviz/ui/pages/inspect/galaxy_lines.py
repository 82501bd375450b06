"""A galaxy of the Inspect page as lines of the Python API."""

from __future__ import annotations

from radioviz.ui import cache
from radioviz.ui.code.script import Expression, Script, call
from radioviz.ui.controls import View
from radioviz.ui.pages.inspect.state import Pair, inspect_state


def galaxy_script(view: View, pair: Pair) -> Script:
    """Image, facts, neighbours, outlier scores and reconstructions of a galaxy."""
    script, (data_set, source_id) = Script(), pair
    script.put("source_id", source_id)
    script.put("sample", call("radioviz.open_data_set", data_set, measured=True))
    script.put("image", Expression("sample.image(source_id)"))
    row = "sample.row_of(source_id)"
    script.put("facts", Expression(f"sample.table.iloc[{row}]"))
    if view.model is not None and view.model in cache.atlas_names(data_set):
        script.needs("import numpy as np")
        script.note("The nearest galaxies in latent space.")
        script.put("atlas", call("radioviz.open_atlas", data_set, view.model))
        script.put("here", Expression("int(atlas.rows_of([source_id])[0])"))
        script.put("latents", Expression('np.asarray(atlas.latents, dtype="float32")'))
        distance = Expression("np.linalg.norm(latents - latents[here], axis=1)")
        script.put("distance", distance)
        script.line("distance[here] = np.inf")
        nearest = Expression('atlas.source_ids[np.argsort(distance, kind="stable")[:12]]')
        script.put("neighbours", nearest)
        script.note("Its outlier scores.")
        scores = call("radioviz.outlier_scores", data_set, view.model)
        script.put("scores", Expression(f"{scores}.loc[source_id]"))
    for name in sorted(inspect_state().reconstructed & set(cache.models())):
        variable = f"again_{name}".replace("-", "_").replace(".", "_")
        again = call("radioviz.reconstruct_galaxies", data_set, [Expression("source_id")], name)
        script.note(f"As {name} sees it, and reconstructs it.")
        script.put(f"seen, {variable}", again)
    return script
