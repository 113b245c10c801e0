from explorer.lecture.block import depth, one_token, parts, residuals

parts.feedforward()
one_token.one_token()
residuals.gradients()
depth.by_depth()
parts.rung_by_rung()
