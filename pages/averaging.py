from explorer.lecture import averaging

x = averaging.toy(averaging.pick_seed())
averaging.loops(x)
averaging.products()
averaging.compared(x)
averaging.softmaxed(x)
