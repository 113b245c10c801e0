"""The router: `streamlit run explorer/app.py`."""

import os
import sys
from pathlib import Path

import streamlit as st

ROOT = str(Path(__file__).resolve().parents[1])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [ROOT, os.environ.get("PYTHONPATH")]))

from explorer import loading, navigation, state  # noqa: E402

ICON = Path(__file__).with_name("static") / "icon.svg"
st.set_page_config(layout="wide", initial_sidebar_state=280, page_icon=str(ICON))
st.html(Path(__file__).with_name("page.css"))
loading.warm_up()
page = st.navigation(navigation.sections())
state.enter(page.title)
page.run()
