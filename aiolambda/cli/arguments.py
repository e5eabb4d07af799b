"""What a person may type: text, or the name of a file.

Owns that an argument which is no text is a usage error, whatever the option. Must not know what the options are.
"""

import argparse
from typing import Any

__all__ = ["Parser", "file_name", "text"]


class Parser(argparse.ArgumentParser):
    """A parser whose options take `text`, unless they say otherwise."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.register("type", None, text)


def text(value: str) -> str:
    """The value, if it is text. Python hands bytes that are not UTF-8 to a program as lone surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError("the value holds bytes that are not UTF-8") from None
    return value


def file_name(value: str) -> str:
    """The value: the name of a file may be any bytes."""
    return value
