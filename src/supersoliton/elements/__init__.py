"""Radial spectral elements and their linear algebra."""
