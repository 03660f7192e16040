"""The base of everything that an operator is told in one line instead of a trace."""


class Failure(Exception):
    """Something expected went wrong; the message is one line that says what, and what to do if that is known."""
