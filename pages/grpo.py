from explorer.after.grpo import compared, panel, training

panel.group()
training.training()
compared.compared()
