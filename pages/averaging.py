import streamlit as st

from explorer import state
from explorer.lecture import averaging

seed = st.number_input(
    "Seed", 0, 2**31 - 1, help="Of the numbers in x.", **state.bound("seed", state.number("seed") or 1337), width=160
)
x = averaging.toy(seed)
averaging.loops(x)
averaging.products(x)
averaging.compared(x)
averaging.softmaxed(x)
