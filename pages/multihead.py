from explorer.lecture.multihead import heads, inserted

inserted.inserted()
heads.heads()
