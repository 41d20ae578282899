"""How a question, controls, a picture and a sentence become a page that answers quickly."""
