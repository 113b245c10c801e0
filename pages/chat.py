from explorer.shared import widgets

widgets.heading("ChatGPT in miniature", "What turns a model that continues text into one that answers?")

from explorer.lecture.chat import asking, shifts, stages  # noqa: E402
from explorer.lecture.kit import classroom  # noqa: E402

for part in (
    asking.asking,
    stages.finetuning,
    stages.rewarding,
    stages.policy,
    stages.leash,
    shifts.attention,
    asking.at_scale,
):
    with widgets.guarded():
        part()
classroom.for_a_class("chat.py")
