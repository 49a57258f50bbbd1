"""Make the project's environment, .venv, or say in one sentence why that cannot be.

This file is read by whatever Python the reader has. It therefore keeps to a syntax that Python 2
can parse too, and hands over to _environment.py only when the version will do.
"""

import sys

MINIMUM = (3, 11)  # the same as requires-python in pyproject.toml; a test compares them


def complaint(version):
    """Return the sentence for a Python that is too old, or None."""
    if tuple(version[:2]) >= MINIMUM:
        return None
    numbers = tuple(version[:2]) + MINIMUM
    return (
        "environment: this is Python %d.%d and the book needs %d.%d or newer; "  # noqa: UP031
        "name one, for example: make book PY=python3.12" % numbers
    )


if __name__ == "__main__":
    sentence = complaint(sys.version_info)
    if sentence:
        sys.exit(sentence)
    from _environment import main

    sys.exit(main())
