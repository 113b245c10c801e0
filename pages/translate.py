from explorer.lecture.translate import halves, maps, steps, subject

chosen = subject.pick_subject()
if chosen is not None:
    steps.translating(chosen)
    maps.maps(chosen)
    maps.reading_the_month(chosen)
halves.comparison()
halves.training()
