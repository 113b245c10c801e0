from explorer.shared import widgets

widgets.heading(
    "Notes on attention", "What does attention know of order, of other rows, of the future, and why is it scaled?"
)

from explorer.lecture.kit import classroom  # noqa: E402
from explorer.lecture.notes import mask, messages, scale  # noqa: E402

with widgets.guarded():
    messages.passing()
with widgets.guarded():
    mask.permutation()
    mask.leaks()
    mask.cheating()
    mask.crossing()
    scale.saturation()
    scale.twins()
classroom.for_a_class("notes.py")
