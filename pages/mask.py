from explorer.lecture.mask import crossing, decoders

decoders.leaks()
decoders.cheating()
crossing.crossing()
