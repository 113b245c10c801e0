"""Note 6 on attention, the scale: the lecture's code in cells."""

# %% imports
import torch
from torch import nn

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
