from explorer.lecture.scaled import panel

panel.saturation()
panel.twins()
