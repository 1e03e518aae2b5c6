"""What is wrong with the input, in one sentence."""


class Refused(Exception):
    """A line cannot be taken; the sentence says why, and what to write instead."""


class InputError(ValueError):
    """A spec, a line or a state that cannot be used.

    `line` counts from 1; None where it is not about a line. `history` says whose line it is.
    """

    def __init__(self, sentence: str, *, line: int | None = None, history: bool = False) -> None:
        """Put the line before the sentence."""
        where = f"line {line}: " if line is not None else ""
        super().__init__(f"{'history, ' if history and where else ''}{where}{sentence}")
        self.sentence = sentence
        self.line = line
        self.history = history
