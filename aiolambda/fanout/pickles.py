"""Pickles for another process: what pickles, and why something does not.

Law: a text about a value that does not pickle never quotes the value.

Owns the check for names that another process cannot import. Must not know what is pickled, or where it goes.
"""

import io
import pickle
import re
from types import FunctionType
from typing import Any

__all__ = ["NotPicklable", "pickled"]

_OF_TYPE = re.compile(r"cannot pickle '[\w.]+' object")


class NotPicklable(Exception):
    """The value cannot be pickled. The text is the reason."""


class _Pickler(pickle.Pickler):
    """Refuses names of `__main__`: that is another module in another process."""

    def reducer_override(self, obj: Any, /) -> Any:
        if isinstance(obj, FunctionType | type) and obj.__module__ == "__main__":
            raise NotPicklable(f"{obj.__qualname__} is defined in __main__; move it to a module that can be imported")
        return NotImplemented


def pickled(value: object) -> bytes:
    """The pickle of a value. `NotPicklable` if there is none, or if another process could not read it."""
    stream = io.BytesIO()
    try:
        _Pickler(stream, pickle.HIGHEST_PROTOCOL).dump(value)
    except NotPicklable:
        raise
    except Exception as error:  # noqa: BLE001 - objects of users may raise anything
        found = _OF_TYPE.search(str(error))
        reason = "it cannot be pickled" if found is None else found[0]
        if found is None and "<locals>" in str(error):
            reason = "it is or holds a function or class that is defined inside a function; define it in a module"
        elif found is None and "<lambda>" in str(error):
            reason = "it is or holds a lambda; write a function in a module"
    else:
        return stream.getvalue()
    raise NotPicklable(reason) from None
