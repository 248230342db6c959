"""Fluctuations around a state: spectra and oscillations."""
