"""Choosing the points of a scan: samplers, Pareto fronts, surrogates."""
