"""Encoder and decoder: the lecture's code in cells."""

# %% attention
import torch
from torch import nn
from torch.nn import functional as F


class MultiHeadAttention(nn.Module):
    def __init__(self, n_embd, n_head):
        super().__init__()
        self.n_head = n_head
        self.query, self.key, self.value, self.proj = (nn.Linear(n_embd, n_embd) for _ in range(4))

    def forward(self, x, memory=None, tril=None):
        source = x if memory is None else memory  # cross-attention reads another sequence
        q, k, v = (
            layer(of).unflatten(-1, (self.n_head, -1)).transpose(1, 2)  # (B, n_head, T or S, head_size)
            for layer, of in ((self.query, x), (self.key, source), (self.value, source))
        )
        wei = q @ k.transpose(-2, -1) * k.size(-1) ** -0.5  # (B, n_head, T, S)
        if tril is not None:
            wei = wei.masked_fill(tril == 0, -torch.inf)
        self.wei = wei.softmax(-1)
        return self.proj((self.wei @ v).transpose(1, 2).flatten(2))


# %% blocks
class EncoderBlock(nn.Module):
    def __init__(self, n_embd, n_head):
        super().__init__()
        self.sa, self.ln1, self.ln2 = MultiHeadAttention(n_embd, n_head), nn.LayerNorm(n_embd), nn.LayerNorm(n_embd)
        self.ffwd = nn.Sequential(nn.Linear(n_embd, 4 * n_embd), nn.ReLU(), nn.Linear(4 * n_embd, n_embd))

    def forward(self, x, tril=None):
        x = x + self.sa(self.ln1(x), tril=tril)  # an encoder gives no tril: every token reads all
        return x + self.ffwd(self.ln2(x))


class DecoderBlock(EncoderBlock):
    def __init__(self, n_embd, n_head):
        super().__init__(n_embd, n_head)
        self.cross, self.ln3 = MultiHeadAttention(n_embd, n_head), nn.LayerNorm(n_embd)

    def forward(self, x, memory):
        x = x + self.sa(self.ln1(x), tril=torch.ones(x.size(1), x.size(1)).tril())  # no token from the future
        x = x + self.cross(self.ln3(x), memory)  # queries of the decoder, keys and values of the encoder
        return x + self.ffwd(self.ln2(x))


# %% model
class EncoderDecoder(nn.Module):
    def __init__(self, vocab_size, n_embd=32, n_head=4, block_size=16):
        super().__init__()
        self.token_embedding_table = nn.Embedding(vocab_size, n_embd)
        self.position_embedding_table = nn.Embedding(block_size, n_embd)
        self.encoder, self.ln_e = EncoderBlock(n_embd, n_head), nn.LayerNorm(n_embd)
        self.decoder, self.ln_f = DecoderBlock(n_embd, n_head), nn.LayerNorm(n_embd)
        self.lm_head = nn.Linear(n_embd, vocab_size)

    def embed(self, idx):
        return self.token_embedding_table(idx) + self.position_embedding_table(torch.arange(idx.size(1)))

    def encode(self, source):
        return self.ln_e(self.encoder(self.embed(source)))  # memory (B, S, n_embd)

    def decode(self, target, memory):
        return self.lm_head(self.ln_f(self.decoder(self.embed(target), memory)))  # logits (B, T, vocab_size)


# %% train
torch.manual_seed(1337)
START, V, S = 10, 11, 6  # the task: write six digits in reverse
m = EncoderDecoder(V)
optimizer = torch.optim.AdamW(m.parameters(), lr=3e-3)
for _ in range(300):
    source = torch.randint(10, (64, S))
    target = source.flip(1)
    read = torch.cat((torch.full((64, 1), START), target[:, :-1]), dim=1)  # what the decoder has written so far
    loss = F.cross_entropy(m.decode(read, m.encode(source)).flatten(0, 1), target.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"loss {loss.item():.3f}, a guess has {torch.tensor(10.0).log():.3f}")


# %% translate
@torch.no_grad()
def translate(m, source, start, end=None, longest=16):
    """Write the likeliest next token, again and again. source: (1, S)."""
    memory = m.encode(source)  # once: the source does not change
    idx = torch.tensor([[start]])
    while idx.size(1) <= longest:
        idx_next = m.decode(idx, memory)[:, -1].argmax(-1, keepdim=True)
        idx = torch.cat((idx, idx_next), dim=1)
        if idx_next.item() == end:
            break
    return idx[:, 1:]


source = torch.randint(10, (1, S))
print(source.tolist(), "→", translate(m, source, START, longest=S).tolist())


# %% alignment
def alignment(wei, origins):
    """The weight on the source tokens that determine each written token, more than uniform attention has.

    wei: (n_head, T, S) of cross-attention; origins: for each written token, the places of these source tokens.
    """
    rows = [wei[:, t, list(places)].sum(-1) - len(places) / wei.size(-1) for t, places in enumerate(origins) if places]
    return torch.stack(rows).mean(0)  # (n_head,)


print(alignment(m.decoder.cross.wei[0], [(S - 1 - t,) for t in range(S)]))

# %% three kinds
kinds = {"encoder": m.encoder.sa, "decoder": m.decoder.sa, "cross-attention": m.decoder.cross}
m.decode(torch.tensor([[START, 1, 2, 3]]), m.encode(source))
for name, attention in kinds.items():
    wei = attention.wei[0]  # (n_head, queries, keys)
    future = wei.triu(1).sum().item() if wei.size(1) == wei.size(2) else float("nan")
    print(f"{name}: {tuple(wei.shape[1:])}, weight above the diagonal {future:.2f}")
    print(wei[0].round(decimals=2))
