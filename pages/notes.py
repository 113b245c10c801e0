from explorer.shared import widgets

widgets.heading(
    "Notes on attention", "What does attention know of order, of other rows, of the future, and why is it scaled?"
)

from explorer.lecture.kit import classroom  # noqa: E402
from explorer.lecture.notes import messages, scaled  # noqa: E402
from explorer.lecture.notes import panel as notes  # noqa: E402

with widgets.guarded():
    messages.passing()
with widgets.guarded():
    notes.permutation()
    notes.leaks()
    notes.cheating()
    notes.crossing()
    scaled.saturation()
    scaled.twins()
classroom.for_a_class("notes.py")
