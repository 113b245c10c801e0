import streamlit as st

from explorer.shared import widgets
from explorer.train import timetravel

ref, prompt = timetravel.run_and_prompt()

steps = timetravel.known_steps(ref)
timetravel.offer_new_snapshots(ref, steps)
if not steps:
    widgets.empty_state("This run has no snapshot yet.", "Training writes the first one when it starts.")
    st.stop()
reading = widgets.reading(ref, prompt)
if reading is None:
    st.stop()
reel = timetravel.load(ref, reading, steps)
if not reel.steps:
    widgets.empty_state("No snapshot of this run can be read.", "Pick another run, or train this one again.")
    st.stop()
look = timetravel.play_film(ref, reel)
widgets.caption("All pictures show the model after the same step." + timetravel.score_note(reel), "0:34:53")
timetravel.draw_scores(ref, reel, look)
timetravel.draw_fork(ref, look)
