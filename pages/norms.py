from explorer.lecture import norms

norms.axes()
norms.training()
