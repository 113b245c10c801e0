from explorer.lecture.bigram import panel

panel.untrained_loss()
panel.training()
panel.noise()
