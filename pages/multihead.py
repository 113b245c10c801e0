from explorer.lecture.multihead import concatenated, heads, inserted

inserted.inserted()
heads.heads()
concatenated.slices()
