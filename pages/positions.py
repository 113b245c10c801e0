from explorer.lecture import positions

positions.added()
positions.similarity()
positions.training()
