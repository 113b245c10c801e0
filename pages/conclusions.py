from explorer.lecture.conclusions import guessed, panel, solved

panel.own_runs()
guessed.own_guesses()
solved.own_exercises()
