from explorer.lecture.chat import asking, stages

asking.asking()
stages.finetuning()
