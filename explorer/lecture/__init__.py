"""The lecture, chapter by chapter: what stands on its pages, made of `gpt.lecture` and of the models themselves."""
