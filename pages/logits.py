from explorer.explore.logits import panel as logits
from explorer.shared import widgets
from explorer.shared.lens_controls import subject

widgets.heading("Logit lens", "What would the model say at each layer, and which of its parts speak for the answer?")
with widgets.guarded():
    chosen = subject("A bigram table answers in one step; pick a Transformer to see its answer form.")
    if chosen is not None:
        logits.table(chosen)
        logits.attribution(chosen)
