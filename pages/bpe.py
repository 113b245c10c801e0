from explorer.after.bpe import panel

panel.merging()
chosen = panel.trained()
if chosen is not None:
    panel.examples(*chosen)
