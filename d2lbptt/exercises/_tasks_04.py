"""The tasks of notebook 04: the whole backward pass."""

import numpy as np

from ._task import Task, Wrong

CASES = [(np.array([1.0, 2.0]), np.array([0.5, 4.0]), 4)]
TASKS = [
    Task(
        key="04.1",
        right=lambda o, y, T: (o - y) / T,
        hint="dL/do_t is the slope of the loss of step t alone, times its share of L: 9.7.11.",
        wrong=(Wrong(lambda o, y, T: o - y, "The factor 1/T of the mean is missing: 9.7.10."),),
        cases=CASES,
    ),
]
