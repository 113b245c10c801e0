from explorer.lecture.head import panel

panel.taken_apart()
