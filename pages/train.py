import streamlit as st

from explorer import state
from explorer.shared import widgets

widgets.heading("Train", "What does a model learn from this text, and how fast?")

from explorer.shared import loading  # noqa: E402
from explorer.train import jobs  # noqa: E402
from explorer.train.fork import fork_chosen  # noqa: E402
from explorer.train.form import START, recipe_form  # noqa: E402
from explorer.train.progress import training  # noqa: E402
from explorer.train.watched_heads import watched_heads  # noqa: E402

order = recipe_form()
if order:
    with widgets.acting(START, "Preparing the text …"):
        run = jobs.create(loading.runs_folder(), order.name, order.recipe, order.corpus, order.title)
        state.choose(run=run.name, **{"form.name": None})
        st.rerun()
training()
watched_heads()
fork_chosen()
