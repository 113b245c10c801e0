from explorer import widgets
from explorer.panels import logits
from explorer.panels.lens_controls import subject

widgets.heading("Logit lens", "What would the model say at each layer, and which of its parts speak for the answer?")
with widgets.guarded():
    chosen = subject("A bigram table answers in one step; pick a Transformer to see its answer form.")
    if chosen is not None:
        logits.table(chosen)
        logits.attribution(chosen)
