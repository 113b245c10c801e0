"""Looking into a model: what it expects, where it reads, what matters to its answer."""
