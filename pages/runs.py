from explorer.shared import widgets

widgets.heading("Runs", "Which runs are there, how far is each, and which learns best?")

from explorer.train.runs.panel import draw_runs  # noqa: E402

draw_runs()
