from explorer.explore.logits import panel as logits
from explorer.shared.lens_controls import subject

chosen = subject("A bigram table answers in one step; pick a Transformer to see its answer form.")
if chosen is not None:
    logits.table(chosen)
    logits.attribution(chosen)
