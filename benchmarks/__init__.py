"""Benchmarks, run on request: python -m benchmarks (or make bench)."""
