"""What pages are called where there is little room."""


def short(name: str) -> str:
    """The title of a notebook where there is little room: 04_bptt_by_hand is "04 BPTT by hand"."""
    number, words = name.split("_", 1)
    words = words.replace("_", " ").replace("bptt", "BPTT").replace("rnn", "RNN")
    return f"{number} {words[0].upper()}{words[1:]}"
