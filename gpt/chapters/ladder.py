"""The ladder goes on: the code in cells, one for each rung."""

# %% rms
import torch
from torch import nn
from torch.nn import functional as F


class RMSNorm(nn.Module):
    def __init__(self, n_embd, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(n_embd))  # γ; there is no β

    def forward(self, x):
        scale = (x.pow(2).mean(-1, keepdim=True) + self.eps).sqrt()  # no mean is taken out
        return self.weight * x / scale


torch.manual_seed(1337)
x = torch.randn(4, 8, 32)  # (B, T, n_embd)
print("mean of squares:", RMSNorm(32)(5 * x).pow(2).mean().item())


# %% rotary
def apply_rotary(x):  # (B, n_head, T, head_size)
    T, head_size = x.shape[-2:]
    theta = 10_000 ** (-torch.arange(0, head_size, 2) / head_size)  # radians a token, one for each pair
    angle = torch.arange(T)[:, None] * theta  # (T, head_size / 2)
    first, second = x.chunk(2, dim=-1)  # feature i and i + head_size / 2 make a pair
    cos, sin = angle.cos(), angle.sin()
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


q = k = apply_rotary(torch.ones(1, 1, 8, 16))
print("q · k one token apart:", (q[0, 0, 1:] * k[0, 0, :-1]).sum(-1))  # the same at every position


# %% swiglu
class SwiGLU(nn.Module):
    def __init__(self, n_embd, width):
        super().__init__()
        self.gate, self.up = nn.Linear(n_embd, width), nn.Linear(n_embd, width)
        self.down = nn.Linear(width, n_embd)

    def forward(self, x):
        return self.down(F.silu(self.gate(x)) * self.up(x))  # the gate decides how much of each feature passes


print("three matrices of 85 features, or two of 128:", 3 * 32 * 85, 2 * 32 * 128)


# %% norms
def normalise_queries_and_keys(q, k, q_norm, k_norm):  # (B, n_head, T, head_size) each
    q, k = q_norm(q), k_norm(k)
    return q, k  # the length of each is √head_size, so a score is at most √head_size


q, k = normalise_queries_and_keys(9 * torch.randn(1, 1, 8, 16), torch.randn(1, 1, 8, 16), RMSNorm(16), RMSNorm(16))
print("largest score:", (q @ k.transpose(-2, -1) / 16**0.5).max().item(), "of at most", 16**0.5)


# %% grouped
def share(k, n_head):  # (B, n_kv_head, T, head_size)
    n_kv_head = k.size(1)
    return k.repeat_interleave(n_head // n_kv_head, dim=1)  # (B, n_head, T, head_size)


k = torch.randn(1, 2, 8, 16)
print("numbers of a key in the cache:", k[:, :, 0].numel(), "in place of", share(k, n_head=4)[:, :, 0].numel())


# %% window
def sliding_window(T, window):
    distance = torch.arange(T)[:, None] - torch.arange(T)  # of a query, down, to a key, across
    return (distance >= 0) & (distance < window)  # not the future, not the far past


may_read = sliding_window(6, 3)
print(may_read.int())
print("keys that each query reads:", may_read.sum(-1).tolist())


# %% attention
class Attention(nn.Module):
    def __init__(self, n_embd, n_head, n_kv_head, window):
        super().__init__()
        self.n_head, self.window, self.head_size = n_head, window, n_embd // n_head
        self.query, self.proj = nn.Linear(n_embd, n_embd, bias=False), nn.Linear(n_embd, n_embd)
        self.key, self.value = (nn.Linear(n_embd, n_kv_head * self.head_size, bias=False) for _ in range(2))
        self.q_norm, self.k_norm = RMSNorm(self.head_size), RMSNorm(self.head_size)

    def forward(self, x):
        heads = (matrix(x).unflatten(-1, (-1, self.head_size)) for matrix in (self.query, self.key, self.value))
        q, k, v = (each.transpose(1, 2) for each in heads)  # (B, n_head or n_kv_head, T, head_size)
        q, k = normalise_queries_and_keys(q, k, self.q_norm, self.k_norm)
        q, k = apply_rotary(q), apply_rotary(k)
        k, v = share(k, self.n_head), share(v, self.n_head)
        wei = q @ k.transpose(-2, -1) * self.head_size**-0.5
        wei = wei.masked_fill(~sliding_window(x.size(1), self.window), -torch.inf).softmax(-1)
        return self.proj((wei @ v).transpose(1, 2).flatten(2))


print(Attention(32, n_head=4, n_kv_head=2, window=4)(x).shape)


# %% muon
@torch.no_grad()
def muon_step(w, mean, lr, momentum=0.95):  # w: a matrix with its gradient; mean: of its gradients so far
    mean.lerp_(w.grad, 1 - momentum)
    update = w.grad.lerp(mean, momentum)  # Nesterov: mixed with the gradient once more
    update = update / update.norm()
    for _ in range(5):  # Newton-Schulz: all singular values go towards 1
        gram = update @ update.T
        update = 3.4445 * update + (-4.7750 * gram + 2.0315 * gram @ gram) @ update
    w -= lr * 0.2 * max(w.shape) ** 0.5 * update  # as large as a step of Adam


w = nn.Parameter(torch.zeros(32, 32))
w.grad = torch.randn(32, 32)
muon_step(w, torch.zeros(32, 32), lr=1)
print("singular values of the step:", torch.linalg.svdvals(w.detach() / (0.2 * 32**0.5))[[0, -1]])


# %% experts
class Experts(nn.Module):
    def __init__(self, n_embd, width, n_experts):
        super().__init__()
        self.router = nn.Linear(n_embd, n_experts, bias=False)
        self.experts = nn.ModuleList(SwiGLU(n_embd, width) for _ in range(n_experts))
        self.register_buffer("balance", torch.zeros(n_experts))

    def forward(self, x):  # (B, T, n_embd)
        weights = self.router(x).softmax(-1)  # (B, T, n_experts)
        self.chosen = (weights + self.balance).argmax(-1)  # (B, T): one expert for each token
        out = torch.zeros_like(x)
        for i, expert in enumerate(self.experts):
            mine = self.chosen == i
            out[mine] = weights[mine][:, i, None] * expert(x[mine])
        return out


# %% balance
def move_balance(moe, step=0.001):  # after each training step
    load = moe.chosen.flatten().bincount(minlength=len(moe.experts)).float()  # tokens of each expert
    moe.balance += step * (load.mean() - load).sign()  # an expert with few tokens is chosen more often


moe = Experts(32, 32, n_experts=4)
print(moe(x).shape, "tokens of each expert:", moe.chosen.flatten().bincount(minlength=4))
move_balance(moe)
print("balance:", moe.balance)


# %% gain
def paired_gain(before, after):  # losses of two recipes with the same seeds, (n,)
    gains = before - after  # seed by seed: what a seed does to both drops out
    n = len(gains)
    error = gains.std() / n**0.5  # standard error of the mean
    t = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}[n]  # Student's t, for a 95 % interval
    return gains.mean().item(), t * error.item()


before = torch.tensor([2.12, 2.13, 2.09, 2.14, 2.11])
mean, half_width = paired_gain(before, before - torch.tensor([0.03, 0.01, 0.02, 0.04, 0.0]))
print(f"gain {mean:.4f} ± {half_width:.4f}", "clear" if abs(mean) > half_width else "nothing that these seeds can show")
