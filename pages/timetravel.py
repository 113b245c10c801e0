import streamlit as st

from explorer.shared import widgets
from explorer.train.timetravel import panel
from explorer.train.timetravel.reel import load_reel

opened, prompt = panel.run_and_prompt()

steps = panel.known_steps(opened)
panel.offer_new_snapshots(opened, steps)
if not steps:
    widgets.empty_state("This run has no snapshot yet.", "Training writes the first one when it starts.")
    st.stop()
reading = widgets.reading(opened, prompt)
if reading is None:
    st.stop()
reel = load_reel(opened, reading, steps)
if not reel.steps:
    widgets.empty_state("No snapshot of this run can be read.", "Pick another run, or train this one again.")
    st.stop()
look = panel.play_film(opened, reel)
widgets.caption("All pictures show the model after the same step." + panel.score_note(reel), "0:34:53")
panel.draw_scores(opened, reel, look)
panel.draw_fork(opened, look)
