from explorer.after.rotary import panel, training

panel.arrows()
panel.speeds()
training.training()
