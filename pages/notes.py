from explorer.lecture.notes import crossing, mask, messages, scale

messages.passing()
mask.permutation()
mask.leaks()
mask.cheating()
crossing.crossing()
scale.saturation()
scale.twins()
