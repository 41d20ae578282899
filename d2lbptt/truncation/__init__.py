"""What truncation does to the gradient: the pairs (t, k), the variance of random gates, influence balancing."""

__all__ = ["influence", "pairs", "randomized_variance"]
