"""RadioViz: walk through the latent space of radio galaxies. Start: streamlit run app.py"""

from pathlib import Path

import streamlit as st

from radioviz.ui import server


def main() -> None:
    """Draw the page that the address names; runs at every interaction of every session."""
    st.set_page_config(
        page_title="RadioViz",
        page_icon=Path(server.__file__).parent / "icon.png",
        layout="wide",
        initial_sidebar_state="auto",
    )
    st.navigation(
        [
            st.Page("pages/overview.py", title="Overview", icon=":material/home:", default=True),
            st.Page("pages/latent_map.py", title="Latent map", icon=":material/scatter_plot:"),
            st.Page("pages/table.py", title="Table", icon=":material/table:"),
            st.Page("pages/relations.py", title="Relations", icon=":material/function:"),
            st.Page("pages/grid_walk.py", title="Grid walk", icon=":material/grid_view:"),
            st.Page("pages/generate.py", title="Generate", icon=":material/auto_awesome:"),
            st.Page("pages/similar.py", title="Similar", icon=":material/image_search:"),
            st.Page("pages/likelihood.py", title="Likelihood", icon=":material/query_stats:"),
            st.Page("pages/two_classes.py", title="Two classes", icon=":material/call_split:"),
            st.Page(
                "pages/inspect_galaxy.py", title="Inspect", icon=":material/center_focus_strong:"
            ),
            st.Page("pages/benchmarks.py", title="Benchmarks", icon=":material/speed:"),
            st.Page("pages/your_data.py", title="Your data", icon=":material/upload:"),
        ]
    ).run()
    server.freeze_gc()


if __name__ == "__main__":
    main()
else:
    from starlette.middleware import Middleware
    from starlette.routing import Route

    from radioviz.ui import health, sky_tiles
    from radioviz.ui.exports import export_routes
    from radioviz.ui.guard import Guard
    from radioviz.ui.packed_files import PackedFiles
    from radioviz.ui.page_address import PageAddress, home_route
    from radioviz.ui.upload_memory import UploadMemory

    # `streamlit run` imports the file once, to serve this; each page run executes it as __main__.
    app = st.App(
        __file__,
        lifespan=server.lifespan,
        routes=[
            *export_routes.routes(),
            *sky_tiles.routes(),
            home_route(),
            Route(health.PATH, health.answer),
        ],
        middleware=[
            Middleware(Guard),
            Middleware(UploadMemory),
            Middleware(PackedFiles),
            Middleware(PageAddress),
        ],
    )
