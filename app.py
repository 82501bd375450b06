"""RadioViz: walk through the latent space of radio galaxies. Start: streamlit run app.py"""

from pathlib import Path

import streamlit as st

st.set_page_config(
    page_title="RadioViz",
    page_icon=Path(__file__).parent / "radioviz" / "ui" / "icon.png",
    layout="wide",
    initial_sidebar_state="expanded",
)
st.navigation(
    [
        st.Page("pages/overview.py", title="Overview", icon=":material/home:", default=True),
        st.Page("pages/latent_map.py", title="Latent map", icon=":material/scatter_plot:"),
        st.Page("pages/inspect_galaxy.py", title="Inspect", icon=":material/center_focus_strong:"),
    ]
).run()
