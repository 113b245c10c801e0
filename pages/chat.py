from explorer.lecture.chat import asking, shifts, stages
from explorer.shared import widgets

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
