"""Closed forms that the pictures are held against: what theory says of powers, products, chaos, cliffs and angles.

Each function says where its law comes from and where it holds. Exponents are natural logarithms per step; what may
leave the range of float64 is a log10, in decades. Gradients flow through W^T, which has the same eigenvalues,
singular values and, if W is Gaussian, the same distribution.
"""

from ._alignment import Angle, angle, angle_quantiles, log10_tan
from ._cliff import Folds, Separatrix, folds, separatrix
from ._common import LN10 as LN10
from ._gaussian_products import FreshProducts, fresh_products, log10_repeated_bound
from ._mean_field import MeanField, edge_of_chaos, mean_field
from ._powers import Conditions, Modes, Triangle, conditions, log10_bound, modes, triangle

__all__ = [
    "Modes",
    "modes",
    "Triangle",
    "triangle",
    "log10_bound",
    "Conditions",
    "conditions",
    "FreshProducts",
    "fresh_products",
    "log10_repeated_bound",
    "MeanField",
    "mean_field",
    "edge_of_chaos",
    "Folds",
    "folds",
    "Separatrix",
    "separatrix",
    "Angle",
    "angle",
    "angle_quantiles",
    "log10_tan",
]
