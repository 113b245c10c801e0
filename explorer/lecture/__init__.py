"""The lecture, one file or folder for each chapter page; `kit` is what chapters share."""
