from explorer.lecture.block import norms, parts, positions, residuals, rungs

positions.similarity()
positions.training()
parts.heads()
parts.feedforward()
residuals.gradients()
norms.axes()
norms.training()
rungs.rung_by_rung()
