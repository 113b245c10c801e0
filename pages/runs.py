from explorer.train.runs.panel import draw_runs

draw_runs()
