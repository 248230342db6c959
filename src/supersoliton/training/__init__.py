"""Training of starting guesses over the parameter ranges of a scan, and their benchmark."""
