"""A page with nothing but a prompt. A run takes as many seconds as the link says; run by test_typing.py."""

import sys
import time
from pathlib import Path

import streamlit as st

ROOT = str(Path(__file__).resolve().parents[2])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

from explorer import state  # noqa: E402
from explorer.components.page_tools import page_tools  # noqa: E402
from explorer.shared.choices import PROMPT  # noqa: E402

seconds = float(st.query_params.get("seconds", 0))
state.enter("Typing")
page_tools()
prompt = PROMPT.read(default="Hello")
st.text_area(**PROMPT.bound(prompt))
st.session_state.runs = st.session_state.get("runs", 0) + 1
time.sleep(seconds)
st.text(f"read: {prompt}")
st.text(f"runs: {st.session_state.runs}")
