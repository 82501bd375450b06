"""A page whose runs take a second, with a fragment that is drawn again and again."""

from __future__ import annotations

import time

import streamlit as st


def count() -> None:
    time.sleep(0.5)
    st.session_state["count"] += 1


@st.fragment(run_every=0.5)
def clock() -> None:
    time.sleep(0.3)
    st.caption(f"{time.time():.1f}")


st.session_state.setdefault("count", 0)
st.button("Count", on_click=count)
if st.button("Ten"):
    st.session_state["count"] += 10
    st.rerun()
if "clock" in st.query_params:
    clock()
name = st.text_input("Name")
number = st.slider("Number", 0, 10)
time.sleep(1)
st.html(f"<div id='said'>{st.session_state['count']} {name} {number}</div>")
