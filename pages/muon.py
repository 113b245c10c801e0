from explorer.after.muon import panel, race

chosen = panel.steps()
panel.momentum(chosen)
panel.owners(chosen)
race.race()
