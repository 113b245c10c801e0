from explorer import widgets

widgets.heading("Conclusions", "What have you trained, and how far up the ladder does it reach?")

from explorer.lecture import classroom, conclusions  # noqa: E402

with widgets.guarded():
    conclusions.own_runs()
classroom.for_a_class("conclusions.py")
