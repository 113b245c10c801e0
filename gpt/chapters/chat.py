"""ChatGPT in miniature, finetuning: the lecture's code in cells."""

# %% from block
import torch
from torch.nn import functional as F

from block import GPTLanguageModel
from data import decode, encode, stoi, vocab_size

# %% answer
END = "\n\n"  # a blank line ends an answer


@torch.no_grad()
def answer(m, question, encode, decode, longest=90, temperature=1.0, block_size=256):
    """Sample an answer to a question, one character at a time."""
    idx = torch.tensor([encode(f"Question:\n{question}{END}Answer:\n")])
    text = ""
    while len(text) < longest and not text.endswith(END):
        logits = m(idx[:, -block_size:])[:, -1]
        idx_next = torch.multinomial(F.softmax(logits / temperature, dim=-1), num_samples=1)
        idx = torch.cat((idx, idx_next), dim=1)
        text += decode(idx_next[0].tolist())
    return text


# %% pretrained
def encode_known(s):
    return encode("".join(c if c in stoi else " " for c in s))


torch.manual_seed(1337)
pretrained = GPTLanguageModel(vocab_size, block_size=256)
policy = GPTLanguageModel(vocab_size, block_size=256)
policy.load_state_dict(pretrained.state_dict())  # every stage starts from the one before
print(repr(answer(policy, "Who art thou?", encode_known, decode, longest=30)))  # untrained here: noise
tokens = torch.tensor(
    [encode_known("Who?  I, sir.  "), encode_known("Who?  A cat.   ")]
)  # (B, T): two questions with answers
is_answer = torch.zeros_like(tokens, dtype=torch.bool)
is_answer[:, 6:] = True


# %% finetune
def log_probs(m, tokens, is_answer):
    """The log-probability of each token of the answers, 0 elsewhere, (B, T − 1) nats."""
    logits = m(tokens[:, :-1])
    nats = F.cross_entropy(logits.transpose(1, 2), tokens[:, 1:], reduction="none")
    return -nats * is_answer[:, 1:]


def finetuning_loss(m, tokens, is_answer):
    """The loss of pretraining, counted only at the answers."""
    return -(log_probs(m, tokens, is_answer).sum(1) / is_answer.sum(1)).mean()


loss = finetuning_loss(policy, tokens, is_answer)
loss.backward()
print(loss.item())
