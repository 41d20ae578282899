"""The section itself: every numbered display with its proof, and what readers ask about them."""

__all__ = ["equations", "questions"]
