"""Notes on attention: the lecture's code in cells."""

# %% from data
import torch
from torch import nn
from torch.nn import functional as F

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


# %% decoder
class Head(nn.Module):
    def __init__(self, n_embd, head_size, decoder=True):
        super().__init__()
        self.key, self.query, self.value = (nn.Linear(n_embd, head_size, bias=False) for _ in range(3))
        self.decoder = decoder

    def forward(self, x):
        T = x.size(1)
        wei = self.query(x) @ self.key(x).transpose(-2, -1) * self.key.out_features**-0.5
        if self.decoder:  # an encoder has no such line
            wei = wei.masked_fill(torch.ones(T, T).tril() == 0, -torch.inf)
        return wei.softmax(-1) @ self.value(x)


# %% cheating
for decoder in (True, False):
    torch.manual_seed(1337)
    m = nn.Sequential(nn.Embedding(vocab_size, 32), Head(32, 32, decoder), nn.ReLU(), nn.Linear(32, vocab_size))
    optimizer = torch.optim.AdamW(m.parameters(), lr=1e-2)
    for _ in range(200):
        xb, yb = get_batch("train", batch_size=32)
        loss = F.cross_entropy(m(xb).flatten(0, 1), yb.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print("with the mask" if decoder else "without it, the model reads its targets", round(loss.item(), 2))

# %% cross
torch.manual_seed(1337)
n_embd, head_size = 4, 4
x, y = torch.randn(4, n_embd), torch.randn(6, n_embd)  # tokens of a decoder, and of an encoder
query, key, value = (nn.Linear(n_embd, head_size, bias=False) for _ in range(3))
for name, source in (("self-attention", x), ("cross-attention", y)):
    q, k, v = query(x), key(source), value(source)  # x asks; the source answers
    wei = q @ k.T * head_size**-0.5  # (4, 4), or (4, 6)
    if source is x:
        wei = wei.masked_fill(torch.ones(4, 4).tril() == 0, -torch.inf)
    wei = wei.softmax(-1)
    print(name, tuple(wei.shape), tuple((wei @ v).shape))

# %% scale
B, T, C, head_size = 4, 8, 32, 16
torch.manual_seed(1337)
torch.randn(B, T, C), [nn.Linear(C, head_size, bias=False) for _ in range(3)]  # the lecture's numbers before these
k = torch.randn(B, T, head_size)
q = torch.randn(B, T, head_size)
wei = q @ k.transpose(-2, -1)
print(f"variance of k {k.var():.4f}, of q {q.var():.4f}, of q @ k {wei.var():.4f}")  # 1.0449 1.0700 17.4690
wei = wei * head_size**-0.5
print(f"scaled by 1/√{head_size}: {wei.var():.4f}")  # 1.0918

# %% saturation
scores = torch.tensor([0.1, -0.2, 0.3, -0.2, 0.5])
p, sharp = scores.softmax(-1), (scores * 8).softmax(-1)
print(p)  # 0.1925 0.1426 0.2351 0.1426 0.2872
print(sharp)  # 0.0326 0.0030 0.1615 0.0030 0.8000

for weights in (p, sharp):
    slopes = weights.diag() - weights[:, None] * weights  # ∂ weight i / ∂ score j
    print(slopes.diag())  # p (1 − p): at most 1/4, near 0 for a sure softmax


# %% gradients
def statistics(scores):
    """The variance of the scores that may be read, and a row's entropy as a share of uniform attention's. (…, T, T)"""
    tril = torch.ones(scores.shape[-2:]).tril()
    wei = scores.masked_fill(tril == 0, -torch.inf).softmax(-1)
    entropy = torch.special.entr(wei).sum(-1)[..., 1:]  # nats; the first row has no choice
    shares = entropy / tril.sum(-1)[1:].log()
    return scores[..., tril == 1].var(), shares.mean()


for head_size in (16, 128):
    for scale in (1.0, head_size**-0.5):
        torch.manual_seed(1337)
        q, k, v = (torch.randn(32, head_size, requires_grad=True) for _ in range(3))
        variance, entropy = statistics(q @ k.T * scale)
        wei = (q @ k.T * scale).masked_fill(torch.ones(32, 32).tril() == 0, -torch.inf).softmax(-1)
        (wei @ v).square().mean().backward()
        print(f"{head_size}, scale {scale:.2f}: variance {variance:.1f}, entropy {entropy:.0%}, {q.grad.norm():.3f}")
