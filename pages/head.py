from explorer.shared import widgets

widgets.heading("One head", "How does a token find out what it needs from those before it?")

from explorer.lecture import head  # noqa: E402
from explorer.lecture.kit import classroom  # noqa: E402

with widgets.guarded():
    head.taken_apart()
    head.inserted()
classroom.for_a_class("head.py")
