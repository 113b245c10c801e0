from explorer import widgets

widgets.heading(
    "The Transformer block",
    "What do positions, several heads, feedforward, residual connections and norms each do for a model?",
)

from explorer.lecture import block, classroom, norms, positions, residuals, rungs  # noqa: E402

with widgets.guarded():
    positions.similarity()
    positions.training()
    block.heads()
    block.feedforward()
    residuals.gradients()
    norms.axes()
    norms.training()
    rungs.rung_by_rung()
classroom.for_a_class("block.py")
