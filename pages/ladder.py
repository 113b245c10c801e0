from explorer.after.ladder import panel

panel.gains()
panel.one_rung()
panel.experts()
