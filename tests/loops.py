"""Many small cases in one test: what pytest does for each test takes longer than they do."""

import functools
import inspect

import pytest


def for_each(names, cases):
    """Like ``pytest.mark.parametrize``, in one test: all cases are run, and those that fail are named, one and all.

    Of a fixture all of them get the same: nothing for a test that changes what it is given.
    """
    names = names.replace(" ", "").split(",") if isinstance(names, str) else names
    cases = [dict(zip(names, case if len(names) > 1 else (case,), strict=True)) for case in cases]
    assert cases, "no case"

    def decorate(test):
        @functools.wraps(test)
        def through_all(**fixtures):
            failures = []
            for case in cases:
                try:
                    test(**case, **fixtures)
                except (Exception, pytest.fail.Exception) as failure:
                    failure.add_note(f"with {case}")
                    failures.append(failure)
            if failures:
                raise BaseExceptionGroup(f"{len(failures)} of {len(cases)} cases fail", failures)

        signature = inspect.signature(test)
        rest = [parameter for name, parameter in signature.parameters.items() if name not in names]
        through_all.__signature__ = signature.replace(parameters=rest)
        return through_all

    return decorate
