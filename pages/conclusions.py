from explorer.lecture.conclusions import panel

panel.own_runs()
