"""Is this gradient right? The check, and what it is made of, in the order in which it goes.

========================  ======================================================================
``check``                 the way, from the call to the verdict
``under_test``            the gradient under test: its answer, checked and in tables
``linearization``         what the gradient is made of along the stored states
``reference``             the right gradient, by the complex step along the stored states
``perturbation``          how far rounding carries a gradient: stored numbers moved by one unit
``tolerance``             from that spread to a bound, at a rate of false alarms
``finding``               the comparison, entry by entry, and what failed in it
``localization``          in which steps a sum is wrong
``diagnosis``             which mistake it may be; ``patterns`` and ``truncations`` hold those that it knows
``report``                what the reader gets
``functions``             the check of any scalar function of arrays; ``entries``, which of them it looks at
``mistakes``              backward passes with a mistake, to try the check with
``finite_differences``    derivatives of any function by the complex step and by differences
``step_size``             how small the step h should be
========================  ======================================================================
"""

__all__ = ["check", "finite_differences", "mistakes", "report", "step_size"]
