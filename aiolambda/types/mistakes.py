"""Wrong names of arguments: the texts that say which name was meant, and the class decorator that raises them.

Owns these texts. Must not know the meaning of a name, and never shows a value: it may be a payload or a secret.
"""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Never, TypeVar

__all__ = ["NotDictionary", "choices_text", "explain_arguments", "explains_arguments", "kind_of", "nearest", "unknown_name"]

Class = TypeVar("Class", bound=type)

_LIKENESS = 0.7
"""The share of letters that two names must have in common, as `difflib` counts it."""
_MOST_SHOWN = 80
"""Characters of a wrong name that an error may quote."""


def nearest(name: object, known: Iterable[str], *, likeness: float = _LIKENESS) -> str | None:
    """The known name that was probably meant; `None` if none is near.

    Names that differ only in case and underscores are the same: `FunctionName` means `function_name`.
    """
    if not isinstance(name, str):
        return None
    plain = {_plain(one): one for one in known}
    if (same := plain.get(_plain(name))) is not None:
        return same
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

    found = get_close_matches(_plain(name), plain, n=1, cutoff=likeness)
    return plain[found[0]] if found else None


def unknown_name(owner: str, kind: str, name: object, known: Iterable[str]) -> str:
    """The text for a name that `owner` does not have: the nearest name, else all names. `kind` is such as "argument"."""
    known = tuple(known)
    if not known:
        return f"{owner} takes no {kind}s; got {_name(name)}"
    meant = nearest(name, known) or _held_in(name, known)
    remedy = f"did you mean {meant}?" if meant is not None else f"it has {', '.join(known)}"
    return f"{owner} has no {kind} {_name(name)}; {remedy}"


def choices_text(value: object, choices: Iterable[str]) -> str:
    """The end of an error about a choice: all choices, and the one that was probably meant."""
    choices = tuple(choices)
    meant = nearest(value, choices)
    return f"choose from {', '.join(choices)}" + ("" if meant is None else f" (did you mean {meant!r}?)")


def kind_of(value: object) -> str:
    """The kind of a wrong value: "a list", "an int", "None", "the class Order". It shows nothing of the value."""
    if value is None:
        return "None"
    if isinstance(value, str | bytes | bytearray):
        return "a string" if isinstance(value, str) else "bytes"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def explains_arguments(kind: Class) -> Class:
    """A class decorator: its `__init__` names the argument that was probably meant, if it gets a name that it does not have.

    For classes that users build a few times: each construction costs one Python call more.
    """
    changed: Any = kind
    init: Callable[..., None] = changed.__init__

    @functools.wraps(init)
    def checked_init(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            init(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - raised below
            text = explain_arguments(kind, args, kwargs) if isinstance(error, TypeError) else None
            problem = error if text is None else TypeError(text)
        else:
            return
        finally:
            del args, kwargs  # a traceback that is printed with locals would show them
        raise problem.with_traceback(None)  # without the frames of generated code, which hold the values

    changed.__init__ = checked_init
    return kind


def explain_arguments(kind: type, args: Sequence[object], kwargs: Iterable[str], *, shown: type | None = None) -> str | None:
    """Why these arguments do not fit the `__init__` of a class; `None` if they do. `shown` is the class to name in the text."""
    import inspect  # noqa: PLC0415 - only a mistake needs it

    owner = (shown or kind).__name__
    parameters = [one for name, one in inspect.signature(kind).parameters.items() if not name.startswith("_")]
    ordered = [one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.POSITIONAL_ONLY)]
    named = [one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    needed = [one.name for one in parameters if one.default is one.empty]
    unknown = [name for name in kwargs if name not in named]
    missing = [f"{name}=..." for name in needed if name not in (*kwargs, *ordered[: len(args)])]
    got = kind_of(args[0]) if args else ""
    if unknown:
        return unknown_name(owner, "argument", unknown[0], named)
    if args and not named:
        return f"{owner} takes no arguments"
    if args and not ordered:
        return f"{owner} takes keyword arguments only, such as {owner}({named[0]}=...); got {got}"
    if missing and args and isinstance(args[0], Mapping):
        return f"{owner} takes separate arguments: {owner}({', '.join(f'{name}=...' for name in needed)}); got {got}"
    if missing:
        return f"{owner} needs {', '.join(missing)}"
    return None


class NotDictionary:
    """A mixin for results, which are dictionaries in boto3: it names the attribute to write in place of a key."""

    __slots__ = ()

    if not TYPE_CHECKING:  # a type checker finds this mistake by itself
        __iter__ = None  # else Python would try the keys 0, 1, ...

        def __getitem__(self, key: object) -> Never:
            raise TypeError(_attribute_of(self, key, ""))

        def __contains__(self, key: object) -> Never:
            raise TypeError(_attribute_of(self, key, " is not None"))


_BOTO3_KEYS = {"ResponseMetadata": "metadata"}
"""Keys of boto3 whose attribute has another name."""


def _attribute_of(owner: object, key: object, test: str) -> str:
    names = [name for name in dir(owner) if not name.startswith("_")]
    meant = _BOTO3_KEYS.get(key) if isinstance(key, str) else None
    meant = meant if meant in names else nearest(key, names)
    remedy = f"write output.{meant}{test}" if meant is not None else "its values are attributes, such as output.metadata"
    return f"{type(owner).__name__} is not a dictionary: {remedy}"


def _held_in(name: object, known: Iterable[str]) -> str | None:
    """The longest known name whose words are all in the name: `read_timeout` means `read`."""
    words = set(name.split("_")) if isinstance(name, str) else set[str]()
    return max((one for one in known if words.issuperset(one.split("_"))), key=len, default=None)


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _name(name: object) -> str:
    """A wrong name as an error quotes it. A value in the place of a name is not quoted."""
    return repr(name) if isinstance(name, str) and len(name) <= _MOST_SHOWN else f"of type {type(name).__name__}"
