"""Pure functions from numpy arrays to Plotly figures."""
