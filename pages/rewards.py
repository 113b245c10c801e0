from explorer.lecture.rewards import panel, scale, shifts

panel.rewarding()
panel.policy()
panel.leash()
shifts.attention()
scale.at_scale()
