"""Where a scan goes next: samplers, Pareto fronts, surrogates."""
