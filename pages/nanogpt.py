from explorer.shared import widgets

widgets.heading("nanoGPT", "How does the model of the lecture become one that can hold GPT-2?")

from explorer.lecture import nanogpt  # noqa: E402
from explorer.lecture.kit import classroom  # noqa: E402

with widgets.guarded():
    nanogpt.loop()
    nanogpt.same_module()
classroom.for_a_class("nanogpt.py")
