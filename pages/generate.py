"""Generate: new galaxies as asked for."""

from __future__ import annotations

import streamlit as st

from radioviz.ui import controls


def main() -> None:
    controls.sidebar()
    st.title("Generate")


main()
