from explorer import widgets

widgets.heading("The Transformer block", "What do positions, residual connections and layernorm do for a deep model?")

from explorer.lecture import block  # noqa: E402

with widgets.guarded():
    block.positions()
    block.residuals()
    block.norms()
    block.loop()
