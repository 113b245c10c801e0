from explorer import widgets

widgets.heading("Conclusions", "What have you trained, and how far up the ladder does it reach?")

from explorer.lecture.conclusions import own_runs  # noqa: E402

with widgets.guarded():
    own_runs()
