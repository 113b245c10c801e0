from explorer import widgets

widgets.heading("Runs", "Which runs are there, how far is each, and which learns best?")

from explorer.panels.runs import runs  # noqa: E402

runs()
