"""The Compare page: two models on the same text."""
