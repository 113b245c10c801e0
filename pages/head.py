from explorer.lecture import head

head.taken_apart()
