"""Training: starting guesses over the parameter ranges of a scan, their benchmark and their job."""
