from explorer.lecture.block import parts, residuals

parts.feedforward()
residuals.gradients()
parts.rung_by_rung()
