"""Wrong names: the texts that say which name was meant, and the decorators of classes and functions that raise them.

A table of remedies has the names that other libraries use, in snake case, and for each the text that says what to write here.

Owns the form of these texts. Must not know the meaning of a name, and never shows a value: it may be a payload or a secret.
"""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Never, TypeVar, cast

__all__ = [
    "HidesNamesElsewhere",
    "NamedElsewhere",
    "NotDictionary",
    "Remedies",
    "choices_text",
    "explain_arguments",
    "explain_call",
    "explains_arguments",
    "explains_call",
    "kind_of",
    "name_elsewhere",
    "nearest",
    "remedy_of",
    "snake",
    "unknown_name",
]

Class = TypeVar("Class", bound=type)
Function = TypeVar("Function", bound=Callable[..., Any])

Remedies = Mapping[str, str]
"""What to write in place of names that other libraries have, in snake case."""
_NO_REMEDIES: Remedies = {}

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


def remedy_of(
    name: object, known: Iterable[str], remedies: Remedies = _NO_REMEDIES, *, suffix: str = "", likeness: float = _LIKENESS
) -> str | None:
    """What to write in place of a name that does not exist; `None` if nothing is near.

    The same name in another spelling comes first, then the remedy for the name, then the nearest of both. `suffix` is appended
    to a name that was meant.
    """
    known = tuple(known)
    plain = snake(name) if isinstance(name, str) else ""
    meant = nearest(name, known, likeness=1.0)
    if meant is None and plain in remedies:
        return remedies[plain]
    meant = meant or nearest(name, (*known, *remedies), likeness=likeness) or _held_in(name, known)
    return None if meant is None else f"did you mean {meant}{suffix}?" if meant in known else remedies[meant]


def unknown_name(owner: str, kind: str, name: object, known: Iterable[str], remedies: Remedies = _NO_REMEDIES) -> str:
    """The text for a name that `owner` does not have: its remedy, else all names. `kind` is such as "argument"."""
    known = tuple(known)
    remedy = remedy_of(name, known, remedies)
    if remedy is None:
        if not known:
            return f"{owner} takes no {kind}s; got {_name(name)}"
        remedy = f"it has {', '.join(known)}"
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


def explains_call(remedies: Remedies = _NO_REMEDIES, *, further: str = "") -> Callable[[Function], Function]:
    """A decorator: a function names the argument that was probably meant, if it gets one that it does not have.

    Its signature stays that of the function, for `help()` and type checkers. Each call costs one Python call more.

    Args:
        remedies: What to write in place of names that other libraries have.
        further: The keyword that a further positional argument probably stands for. Default: the first.
    """

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def checked(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except TypeError:
                text = explain_call(function, args, kwargs, remedies, further=further)
                if text is None:
                    raise
            finally:
                del args, kwargs  # a traceback that is printed with locals would show them
            raise TypeError(text)

        return cast("Function", checked)

    return decorate


def explain_call(
    function: Callable[..., object],
    args: Sequence[object],
    kwargs: Mapping[str, object],
    remedies: Remedies = _NO_REMEDIES,
    *,
    further: str = "",
) -> str | None:
    """Why these arguments do not fit a function; `None` if they do. A first parameter `self` is not counted."""
    import inspect  # noqa: PLC0415 - as above

    signature = inspect.signature(function)
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        pass
    else:
        return None
    parameters = list(signature.parameters.values())
    if parameters and parameters[0].name == "self":
        parameters, args = parameters[1:], args[1:]
    owner = f"{function.__qualname__}()"
    ordered = [one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.POSITIONAL_ONLY)]
    named = [one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    unknown = [name for name in kwargs if name not in named]
    if unknown and (by_position := [name for name in ordered if name not in named][len(args) :]):
        return f"{owner} takes {by_position[0]} by position: write {function.__name__}({by_position[0]})"
    if unknown:
        first, *others = [unknown_name(owner, "argument", name, named, remedies) for name in unknown]
        return "; ".join([first, *(text.removeprefix(f"{owner} has ") for text in others)])
    if len(args) > len(ordered):
        return _too_many(owner, ordered, named, args[len(ordered)], remedies, further)
    twice = [name for name in ordered[: len(args)] if name in kwargs]
    if twice:
        return f"{owner} got {twice[0]} twice, by position and by name"
    missing = [one.name for one in parameters if one.default is one.empty and one.name not in (*ordered[: len(args)], *kwargs)]
    return f"{owner} needs {', '.join(f'{name}=...' if name in named else name for name in missing)}"


def _too_many(
    owner: str, ordered: Sequence[str], named: Sequence[str], excess: object, remedies: Remedies, further: str
) -> str:
    """The text for a positional argument too many: a dictionary of options, or a value without its name."""
    options = [name for name in named if name not in ordered]
    if isinstance(excess, Mapping):
        names = [name for name in cast("Mapping[object, object]", excess) if isinstance(name, str)]
        written = [f"{snake(name)}=..." for name in names if snake(name) in options]
        told = [remedy_of(name, options, remedies) for name in names if snake(name) not in options]
        said = [f"write {', '.join(written)}"] if written else []
        return "; ".join([f"{owner} takes keyword arguments, not a dictionary", *said, *filter(None, dict.fromkeys(told))])
    shown = f"{', '.join(ordered)} by position" if ordered else "no positional argument"
    hint = f": write {further or options[0]}=..." if options else ""
    return f"{owner} takes {shown}; got {kind_of(excess)} too{hint}"


class NamedElsewhere:
    """An attribute that a class does not have, under a name of another library: the error says what to write.

    In place of `__getattr__`, which slows down every attribute of an instance.
    """

    def __init__(self, name: str, remedy: str) -> None:
        self._name = name
        self._remedy = remedy

    def __get__(self, instance: object, owner: type) -> Any:
        raise AttributeError(f"{owner.__name__!r} object has no attribute {self._name!r}; {self._remedy}")


class HidesNamesElsewhere(type):
    """The class of a class whose `NamedElsewhere` attributes neither `dir()` nor `help()` lists."""

    def __dir__(cls) -> list[str]:
        return [name for name in super().__dir__() if not _is_elsewhere(cls, name)]


def name_elsewhere(remedies: Remedies) -> Callable[[Class], Class]:
    """A class decorator: attributes that other libraries have, and that this class does not have, say what to write.

    `dir()` of an instance does not list them; `HidesNamesElsewhere` hides them in the class, too.
    """

    def decorate(kind: Class) -> Class:
        changed: Any = kind
        for name, remedy in remedies.items():
            setattr(changed, name, NamedElsewhere(name, remedy))
        listed: Callable[[object], Iterable[str]] = changed.__dir__

        def without_these(self: object) -> list[str]:
            return [name for name in listed(self) if not _is_elsewhere(type(self), name)]

        changed.__dir__ = without_these
        return kind

    return decorate


def _is_elsewhere(kind: type, name: str) -> bool:
    return any(isinstance(vars(base).get(name), NamedElsewhere) for base in kind.__mro__)


def snake(name: str) -> str:
    """`maxAttempts` as `max_attempts`, and `FunctionName` as `function_name`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_").replace("-", "_")


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _name(name: object) -> str:
    """A wrong name as an error quotes it. A value in the place of a name is not quoted."""
    return repr(name) if isinstance(name, str) and len(name) <= _MOST_SHOWN else f"of type {type(name).__name__}"
