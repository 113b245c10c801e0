from explorer.explore.residual import panel as residual
from explorer.shared import widgets
from explorer.shared.lens_controls import subject

widgets.heading("Residual stream", "What does each layer add to the vector that a token carries through the model?")
with widgets.guarded():
    chosen = subject("A bigram table looks the next token up directly; pick a Transformer to follow its stream.")
    if chosen is not None:
        residual.stream(chosen)
        residual.layernorm(chosen)
