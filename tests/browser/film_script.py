"""A page with nothing but a film on known patterns, its size chosen by the URL; run by test_film_speed.py."""

import sys
from pathlib import Path

import numpy as np
import streamlit as st

ROOT = str(Path(__file__).resolve().parents[2])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

from explorer.components.film import Film, Look, packing, play  # noqa: E402

st.set_page_config(layout="wide")
S, n_layer, n_head, T = (int(part) for part in st.query_params.get("size", "50x6x6x64").split("x"))
draw = np.random.default_rng(0)
scores = draw.normal(size=(S, n_layer, n_head, T, T)) * np.linspace(0, 3, S)[:, None, None, None, None]
weights = np.exp(scores) * np.tri(T)
weights /= weights.sum(-1, keepdims=True)
answers = draw.dirichlet(np.ones(10), S)
steps = [10 * i for i in range(S)]
loss = 4 * np.exp(-np.arange(500) / 100)
film = Film(
    steps=steps,
    codes=np.stack([packing.encode(frame, causal=True) for frame in weights]),
    causal=True,
    tokens=list(("the quick brown fox jumps over a lazy dog " * T)[:T]),
    answers=list("abcdefghij"),
    probabilities=answers,
    likeliest=[("a", float(row.max())) for row in answers],
    samples=[f"what it wrote after step {step}" for step in steps],
    losses={name: (np.linspace(0, steps[-1], 500).tolist(), loss.tolist()) for name in ("batch", "mean", "validation")},
    scores={"induction": draw.uniform(size=(S, n_layer, n_head)).cumsum(0) / S},
    sentences={"induction": "A score that grows."},
    spans={"induction": (100, 300)},
)
play(film, Look(0), key="film")
