"""Solutions with their kind, accuracy checks, certificate and observables."""
