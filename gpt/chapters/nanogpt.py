"""nanoGPT: the lecture's code in cells."""

# %% from block
import torch
from torch import nn
from torch.nn import functional as F

from block import GPTLanguageModel
from multihead import MultiHeadAttention


# %% batched
class CausalSelfAttention(nn.Module):
    def __init__(self, n_embd, n_head):
        super().__init__()
        self.n_head = n_head
        self.qkv = nn.Linear(n_embd, 3 * n_embd, bias=False)  # all heads' queries, keys and values at once
        self.proj = nn.Linear(n_embd, n_embd)

    def forward(self, x, fused=False):
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.n_head, C // self.n_head).permute(2, 0, 3, 1, 4)  # (B, nh, T, hs)
        if fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # wei is never written to memory
        else:
            wei = q @ k.transpose(-2, -1) * k.size(-1) ** -0.5  # (B, nh, T, T): a heads' axis, like a batch's
            wei = wei.masked_fill(torch.ones(T, T).tril() == 0, -torch.inf).softmax(-1)
            out = wei @ v
        return self.proj(out.transpose(1, 2).reshape(B, T, C))


# %% same numbers
torch.manual_seed(1337)
loop = MultiHeadAttention(64, 8, block_size=16)  # the lecture's: one head after another
batched = CausalSelfAttention(64, 8)
with torch.no_grad():
    of_heads = [[getattr(h, name).weight for h in loop.heads] for name in ("query", "key", "value")]
    batched.qkv.weight.copy_(torch.cat([weight for weights in of_heads for weight in weights]))
    batched.proj.load_state_dict(loop.proj.state_dict())
    x = torch.randn(2, 16, 64)
    print(torch.allclose(loop(x), batched(x), atol=1e-6), torch.allclose(loop(x), batched(x, fused=True), atol=1e-6))

# %% sizes
gpt2 = {
    "GPT-2": {"n_layer": 12, "n_head": 12, "n_embd": 768},
    "GPT-2 XL": {"n_layer": 48, "n_head": 25, "n_embd": 1600},
}
for name, sizes in gpt2.items():
    with torch.device("meta"):  # shapes without memory
        m = GPTLanguageModel(50257, block_size=1024, **sizes)
    n = sum(p.numel() for p in m.parameters())
    tied = n - m.lm_head.weight.numel() - m.lm_head.bias.numel()  # GPT-2's lm_head is its embedding, without a bias
    print(f"{name}: {tied / 1e6:.0f} million parameters; the biases of q, k and v are not counted")
