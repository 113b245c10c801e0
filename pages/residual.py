from explorer.explore.residual import panel as residual
from explorer.shared.lens_controls import subject

chosen = subject("A bigram table looks the next token up directly; pick a Transformer to follow its stream.")
if chosen is not None:
    residual.stream(chosen)
    residual.layernorm(chosen)
