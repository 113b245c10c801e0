"""The app: everything between the models in `gpt` and the pages a person sees."""
