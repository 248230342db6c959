"""Small perturbations of a state: fluctuation spectra and oscillation frequencies."""
