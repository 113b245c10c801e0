from explorer.shared import widgets

widgets.heading("Conclusions", "What have you trained, and how far up the ladder does it reach?")

from explorer.lecture.conclusions import panel  # noqa: E402
from explorer.lecture.kit import classroom  # noqa: E402

with widgets.guarded():
    panel.own_runs()
classroom.for_a_class("conclusions.py")
