import streamlit as st

from explorer import state
from explorer.shared import widgets

widgets.heading("The averaging trick", "How can every token learn about all tokens before it, in one matrix product?")

from explorer.lecture import averaging  # noqa: E402
from explorer.lecture.kit import classroom  # noqa: E402

seed = st.number_input(
    "Seed", 0, 2**31 - 1, help="Of the numbers in x.", **state.bound("seed", state.number("seed") or 1337), width=160
)
x = averaging.toy(seed)
averaging.loops(x)
averaging.products(x)
averaging.compared(x)
averaging.softmaxed(x)
classroom.for_a_class("averaging.py")
