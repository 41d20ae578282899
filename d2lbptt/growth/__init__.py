"""How gradients grow and shrink: norms and spectra in logarithms, perturbed runs, scales, the cliff."""

__all__ = ["cliff", "gradient_norms", "perturbed_runs", "scales", "spectra"]
