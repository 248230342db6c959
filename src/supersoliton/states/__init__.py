"""A solution and what is known about it: kind, accuracy, certificate, observables."""
