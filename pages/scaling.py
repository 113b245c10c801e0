from explorer.shared import widgets

widgets.heading("Scaling up", "What does a larger model need, and what keeps it from learning by heart?")

from explorer.lecture.kit import classroom  # noqa: E402
from explorer.lecture.scaling import panel  # noqa: E402

with widgets.guarded():
    panel.dropout()
    panel.largest()
    panel.ladder()
classroom.for_a_class("scaling.py")
