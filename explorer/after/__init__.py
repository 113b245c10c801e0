"""The pages after the lecture, one file or folder each."""
