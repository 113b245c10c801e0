from explorer.train.wall.panel import draw_wall

draw_wall()
