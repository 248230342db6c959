"""Trained starting guesses."""
