"""The Explore pages, one folder each: a model's heads, streams and tokens on the person's prompt."""
