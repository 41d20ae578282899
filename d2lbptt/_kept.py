"""Remember what was calculated: a slider need not wait for what it does not change."""

from functools import lru_cache, wraps


def kept(most):
    """Remember the array or arrays that a function returned for its latest arguments, and make them read-only.

    Parameters
    ----------
    most : int
        How many results are remembered.
    """

    def decorator(function):
        @lru_cache(most)
        @wraps(function)
        def remembering(*args, **kwargs):
            found = function(*args, **kwargs)
            for array in found if isinstance(found, tuple) else (found,):
                array.flags.writeable = False
            return found

        return remembering

    return decorator
