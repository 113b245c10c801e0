from explorer.lecture.bigram import panel

panel.knowing_nothing()
panel.training()
panel.noise()
