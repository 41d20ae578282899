"""Remember what was calculated: a slider need not wait for what it does not change."""

from functools import lru_cache, wraps

import numpy as np


def cached(most):
    """Remember what a function returned for its latest arguments: an array, or a tuple whose arrays become read-only.

    What cannot be remembered, such as a call with a list, goes to the function, which says what it thinks of it.

    Parameters
    ----------
    most : int
        How many results are remembered.
    """

    def decorator(function):
        def read_only(*args, **kwargs):
            found = function(*args, **kwargs)
            for part in found if isinstance(found, tuple) else (found,):
                if isinstance(part, np.ndarray):
                    part.flags.writeable = False
            return found

        remembered = lru_cache(most, typed=True)(read_only)  # typed: True is not 1 to a function that asks for a number

        @wraps(function)
        def remembering(*args, **kwargs):
            try:
                hash((args, *kwargs.values()))
            except TypeError:
                return read_only(*args, **kwargs)
            return remembered(*args, **kwargs)

        return remembering

    return decorator
