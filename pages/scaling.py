from explorer.lecture.scaling import panel

panel.dropout()
panel.largest()
panel.ladder()
