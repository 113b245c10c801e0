from explorer import widgets

widgets.heading(
    "Notes on attention", "What does attention know of order, of other rows, of the future, and why is it scaled?"
)

from explorer.lecture import classroom, messages, notes, scaled  # noqa: E402

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
