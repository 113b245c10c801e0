from explorer.shared import widgets

widgets.heading("Runs", "Which runs are there, how far is each, and which learns best?")

from explorer.train.runs.panel import runs  # noqa: E402

runs()
