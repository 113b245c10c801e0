"""The Train pages: start a run, watch it, list runs, replay one, race several."""
