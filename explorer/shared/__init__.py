"""What several pages use: controls, charts, prompts, texts, and the caches behind them."""
