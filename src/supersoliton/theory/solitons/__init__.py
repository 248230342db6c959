"""Solitons with radial symmetry that have names: one theory per file."""
