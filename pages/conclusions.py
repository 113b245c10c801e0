from explorer.lecture.conclusions import guessed, panel

panel.own_runs()
guessed.own_guesses()
