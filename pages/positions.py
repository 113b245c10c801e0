from explorer.lecture import positions

positions.similarity()
positions.training()
