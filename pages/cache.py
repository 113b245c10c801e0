from explorer.after.cache import panel

panel.rows()
panel.timing()
panel.grouped()
