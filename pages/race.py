from explorer.train.race import draw_form, draw_links, draw_race

draw_form()
draw_race()
draw_links()
