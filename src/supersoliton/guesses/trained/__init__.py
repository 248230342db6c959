"""Trained starting guesses: models that predict the states of a branch from the couplings."""
