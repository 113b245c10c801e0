"""Layernorm and batchnorm: the lecture's code in cells."""

# %% imports
import torch


# %% layernorm
def layernorm(x, eps=1e-5):
    """Each row, one token, gets mean 0 and variance 1 over its features. x: (B, C)."""
    return (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True, unbiased=False) + eps).sqrt()


def batchnorm(x, eps=1e-5):
    """Each column, one feature, gets mean 0 and variance 1 over the batch."""
    return (x - x.mean(0, keepdim=True)) / (x.var(0, keepdim=True, unbiased=False) + eps).sqrt()


x = torch.randn(6, 4)
print(layernorm(x).mean(1), batchnorm(x).mean(0))  # all 0, up to rounding


# %% running statistics
class BatchNorm1d:
    def __init__(self, dim, momentum=0.1):
        self.momentum, self.training = momentum, True
        self.running_mean, self.running_var = torch.zeros(dim), torch.ones(dim)

    def __call__(self, x, eps=1e-5):
        mean, var = self.running_mean, self.running_var
        if self.training:  # the statistics of this batch; the running ones follow them
            mean, var = x.mean(0), x.var(0, unbiased=False)
            self.running_mean = self.running_mean.lerp(mean, self.momentum)
            self.running_var = self.running_var.lerp(x.var(0), self.momentum)
        return (x - mean) / (var + eps).sqrt()


# %% in use
batchnorm1d = BatchNorm1d(4)
for _ in range(5):
    activations = batchnorm1d(torch.randn(6, 4) * 2 + 1)
print(activations.mean(0))  # 0: the mean of this batch is taken away

batchnorm1d.training = False
single = batchnorm1d(torch.randn(1, 4) * 2 + 1)
print(single)  # one example has no batch: the running statistics take its place
print(layernorm(torch.randn(1, 4)))  # layernorm needs none
