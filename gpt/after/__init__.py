"""Computations by hand for the pages after the lecture, one file per page."""
