"""Notes 1 to 3 on attention: the lecture's code in cells."""

# %% from data
import torch
from torch import nn

from data import get_batch, vocab_size

# %% communication
torch.manual_seed(1337)
T, head_size = 8, 16
q, k, v = torch.randn(3, T, head_size)
tril = torch.ones(T, T).tril()
wei = (q @ k.T * head_size**-0.5).masked_fill(tril == 0, -torch.inf).softmax(-1)

for t in range(T):  # one reader after another
    messages = wei[t, :, None] * v  # (T, head_size): a message from every token, its value times its weight
    out = messages.sum(0)  # what token t has gathered
    print(t, f"reads {int((wei[t] > 0).sum())} tokens,", torch.allclose(out, (wei @ v)[t], atol=1e-6))


# %% set
@torch.no_grad()
def change_by_order(m, idx, perm):
    """Shuffle the tokens, run the model, put its outputs back: how much has each token's changed?"""
    out = m(idx[None])[0]
    back = torch.empty_like(out)
    back[perm] = m(idx[perm][None])[0]
    return (back - out).abs().amax(-1)


token_embedding_table = nn.Embedding(vocab_size, 16)


def without_positions_or_mask(idx):
    x = token_embedding_table(idx)  # q, k and v are x itself here
    return (x @ x.transpose(-2, -1)).softmax(-1) @ x


print(change_by_order(without_positions_or_mask, torch.arange(6), torch.randperm(6)))  # 0, up to rounding


# %% batch
@torch.no_grad()
def change_by_edit(m, idx, row, position, token):
    """Change one token of a batch idx (B, T): how much does each place's output change?"""
    edited = idx.clone()
    edited[row, position] = token
    return (m(edited) - m(idx)).abs().amax(-1)  # (B, T): 0 in all other rows


xb, yb = get_batch("train")
print(change_by_edit(without_positions_or_mask, xb, row=1, position=5, token=0))
