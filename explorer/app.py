"""The router: `streamlit run explorer/app.py`.

The server imports this file once, for `app`; each rerun of a page executes it, as `__main__`.
"""

import os
import sys
from functools import partial
from pathlib import Path

import streamlit as st

ROOT = str(Path(__file__).resolve().parents[1])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [ROOT, os.environ.get("PYTHONPATH")]))

# torch's threads sleep while they wait, so that they leave the cores to the browser: a prompt of 220 tokens for SmolLM2
# is painted after 1.3 s, not 2.2 s. OpenMP reads this when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if __name__ == "__main__":
    from explorer import navigation, start, state
    from explorer.lecture.exercises.places import drawing_exercises
    from explorer.lecture.kit import classroom, foot, moved, sections, speaker
    from explorer.opened import await_gpt
    from explorer.people import panel
    from explorer.shared import turns, uploads, widgets

    STATIC = Path(__file__).with_name("static")
    st.set_page_config(layout="wide", page_icon=str(STATIC / "icon.svg"))
    st.html(Path(__file__).with_name("page.css"))
    is_closed = partial(classroom.is_page_closed, words=classroom.words_of_address())
    page = st.navigation(navigation.sections(is_closed), position="top")
    entry = next(entry for entry in navigation.ENTRIES if entry.title == page.title)
    st.set_page_config(f"{entry.title} · {navigation.APP}")  # after the menu, which sets the title of a tab too
    st.logo(str(STATIC / "name.svg"), size="large")
    uploads.limit_uploads()
    moved.open_new_page(entry.file)
    state.enter(entry.title)
    start.strip(entry.title)
    tools = (panel.draw_person, partial(speaker.draw_notes, entry), partial(sections.follow_link, entry))
    widgets.heading(entry.title, entry.question, *tools)  # before the page, which may wait for torch
    panel.draw_hidden_note(entry.file)
    if classroom.is_page_closed(entry.file):
        widgets.empty_state("This page is hidden for now.", "Your teacher shows it later.")
        foot.draw_class_menu(entry)
        st.stop()
    await_gpt()
    with widgets.guarded(), turns.ending_turns(), drawing_exercises(entry.file), sections.anchoring(entry.file):
        page.run()
    if entry.section in navigation.COURSE:
        foot.draw_foot(entry)
else:
    from explorer import server

    app = st.App(__file__, routes=server.routes(), middleware=server.GUARD, lifespan=server.open_in_browser)
