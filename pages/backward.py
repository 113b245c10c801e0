from explorer.after import backward

backward.by_hand()
