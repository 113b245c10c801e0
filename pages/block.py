from explorer.lecture.block import norms, parts, positions, residuals

positions.similarity()
positions.training()
parts.heads()
parts.feedforward()
residuals.gradients()
norms.axes()
norms.training()
parts.rung_by_rung()
