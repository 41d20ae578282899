"""The tasks of the notebooks: is an answer right, and if not, which idea is missing?

``check("04.1", answer)`` belongs to the first task of notebook 04. Each notebook has a module of tasks here; what an
answer is held against is calculated, and never shown.
"""

from ._check import Answer, check

__all__ = ["Answer", "check"]
