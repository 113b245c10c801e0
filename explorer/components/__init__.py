"""Streamlit components of our own: Python on this side, HTML, CSS and JavaScript on the other."""
