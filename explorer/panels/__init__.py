"""What stands on the pages, piece by piece: the controls and figures that pages/ puts in order."""
