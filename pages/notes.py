from explorer.lecture.notes import batch, messages, order

messages.passing()
order.permutation()
batch.rows()
