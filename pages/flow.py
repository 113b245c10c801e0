from explorer.explore.flow import panel as flow
from explorer.shared.lens_controls import subject

chosen = subject("A bigram table sees the present token alone, so nothing flows; pick a Transformer.")
if chosen is not None:
    head, threshold = flow.controls(chosen)
    flow.one_head(chosen, head, threshold)
    flow.through_layers(chosen, head, threshold)
    flow.arrivals(chosen)
