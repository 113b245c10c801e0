from explorer.after.seeds import panel

panel.curves()
panel.births()
panel.heads()
panel.enough()
