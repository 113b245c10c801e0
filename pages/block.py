from explorer.shared import widgets

widgets.heading(
    "The Transformer block",
    "What do positions, several heads, feedforward, residual connections and norms each do for a model?",
)

from explorer.lecture.block import norms, parts, positions, residuals, rungs  # noqa: E402
from explorer.lecture.kit import classroom  # noqa: E402

with widgets.guarded():
    positions.similarity()
    positions.training()
    parts.heads()
    parts.feedforward()
    residuals.gradients()
    norms.axes()
    norms.training()
    rungs.rung_by_rung()
classroom.for_a_class("block.py")
