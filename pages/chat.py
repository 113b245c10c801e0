from explorer.lecture.chat import asking, scale, shifts, stages

asking.asking()
stages.finetuning()
stages.rewarding()
stages.policy()
stages.leash()
shifts.attention()
scale.at_scale()
