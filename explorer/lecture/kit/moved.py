"""Sections that have another page now: a link from before, which names a choice of theirs, opens that page."""

import streamlit as st

from explorer import navigation, state

MOVED = {  # page of an old link → a choice as this link names it → the page with that choice today
    "block.py": dict.fromkeys(("positions", "vectors"), "positions.py")
    | dict.fromkeys(("normalise", "over", "batches-seen", "seen"), "norms.py"),
    "notes.py": dict.fromkeys(("mask", "looks-at", "reads"), "mask.py")
    | dict.fromkeys(("head-size", "size", "twins-measured", "twins"), "scaled.py"),
    "chat.py": dict.fromkeys(("stages", "between"), "rewards.py"),
}
MATRICES = {"block.py": ("norms!", "norms.py"), "notes.py": ("notes:cross:", "mask.py")}  # edited ones, by their start


def new_page(file: str) -> str | None:
    """Return the page that an old link to this page means today; None where it means this one. file: of the page."""
    given = state.given_choices()
    asked = [page for name, page in MOVED.get(file, {}).items() if name in given]
    start, page = MATRICES.get(file, ("", ""))
    if start and any(matrix.startswith(start) for matrix in given.get("edits", "").split("~")):
        asked.append(page)
    return asked[0] if asked else None


def open_new_page(file: str) -> None:
    """Open the page that an old link to this page means today, with the link's choices. file: of the page."""
    page = new_page(file)
    if page:
        st.switch_page(navigation.page(page), query_params=state.given_choices())
