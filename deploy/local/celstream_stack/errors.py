"""The one error of the stack: a line for a person."""


class StackError(Exception):
    """A server could not be installed, started or reached; the text says which, why, and what to do."""
