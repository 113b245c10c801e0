from explorer.lecture import nanogpt

nanogpt.loop()
nanogpt.same_module()
