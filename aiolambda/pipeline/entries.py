"""The entries of a middleware stack: their names, their places, and the order that follows.

Laws: entries with a step sort by step, priority and insertion. Entries anchored on another stand next to it, the last added
nearest on both sides. Closing entries stand after all others of their step. `only` never changes an order: a command skips
the entries that are not for it, and the others stay where they are.

Pure: every function here takes entries and gives entries. Must not know how a stack is folded, or that there is a request.
Source: the middleware stack of the AWS SDK for JavaScript v3 (`@smithy/middleware-stack`), in names and meaning.
"""

import functools
import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from types import CodeType, FunctionType
from typing import Any, cast

import attrs

from ..errors import MiddlewareStackError
from ..types.mistakes import choices_text, kind_of, nearest
from .call import CommandOf, Middleware

__all__ = [
    "PRIORITIES",
    "RELATIONS",
    "STEPS",
    "AbsoluteEntry",
    "Entry",
    "RelativeEntry",
    "check_anchor",
    "check_choice",
    "check_middleware",
    "check_text",
    "classes_of",
    "entries_with",
    "in_order",
    "name_of",
    "shown_entry",
    "texts_of",
    "without_place",
]

STEPS = ("initialize", "serialize", "build", "finalize", "deserialize")
BUILT_IN = frozenset(
    {
        "awsAuthMiddleware",
        "concurrencyMiddleware",
        "contentLengthMiddleware",
        "deserializerMiddleware",
        "endpointV2Middleware",
        "getUserAgentMiddleware",
        "hostHeaderMiddleware",
        "httpSigningMiddleware",
        "loggerMiddleware",
        "recursionDetectionMiddleware",
        "retryMiddleware",
        "serializerMiddleware",
        "validationMiddleware",
    }
)
_LIKENESS_OF_ANCHORS = 0.95
"""High: a user's own `myRetryMiddleware`, which is added later, is not a misspelt `retryMiddleware`."""
PRIORITIES = {"high": 0, "normal": 1, "low": 2}
RELATIONS = ("before", "after")
_NEXT = frozenset({"call_next", "handler", "next", "next_"})
"""Names of a parameter that takes the rest of the stack."""

CommandClass = type[CommandOf[Any, Any]]


@attrs.frozen(eq=False, repr=False, kw_only=True)
class _Entry:
    middleware: Middleware[Any, Any]
    name: str | None
    aliases: tuple[str, ...]
    tags: frozenset[str]
    override: bool
    only: tuple[CommandClass, ...] | None
    """The classes of commands that it is for; `None`: all commands."""

    @property
    def names(self) -> tuple[str, ...]:
        return self.aliases if self.name is None else (self.name, *self.aliases)

    @property
    def label(self) -> str:
        name = self.name or "anonymous"
        return f"{name} (a.k.a. {','.join(self.aliases)})" if self.aliases else name

    @property
    def audience(self) -> str:
        """The commands that it is for, as text; empty for all commands."""
        return "" if self.only is None else f"only {', '.join(kind.__name__ for kind in self.only)}"

    def is_for(self, kind: type) -> bool:
        """Whether commands of this class pass it."""
        return self.only is None or issubclass(kind, self.only)


@attrs.frozen(eq=False, repr=False, kw_only=True)
class AbsoluteEntry(_Entry):
    """An entry that stands in a step."""

    step: str
    priority: str
    closes: int = 0
    """0 for an ordinary entry; otherwise the rank among the entries that close the step."""

    @property
    def place(self) -> str:
        return self.step

    @property
    def order(self) -> tuple[int, int, int]:
        return STEPS.index(self.step), self.closes, 0 if self.closes else PRIORITIES[self.priority]

    def refusal_of(self, other: "Entry") -> str | None:
        """Why another entry may not replace this one; `None` if it may."""
        if isinstance(other, RelativeEntry):
            return f"{other.label!r} is anchored on a middleware, and cannot override {self.label!r}, which stands in a step"
        if other.step != self.step or (other.priority != self.priority and not self.closes):
            return (
                f"{self.label!r} middleware with {self.priority} priority in {self.step} step cannot be overridden by "
                f"{other.label!r} middleware with {other.priority} priority in {other.step} step"
            )
        return None


@attrs.frozen(eq=False, repr=False, kw_only=True)
class RelativeEntry(_Entry):
    """An entry that stands next to another, its anchor."""

    relation: str
    to_middleware: str
    added_at: str
    """The file and line that added it."""

    @property
    def place(self) -> str:
        return f"{self.relation} {self.to_middleware}"

    def refusal_of(self, other: "Entry") -> str | None:
        """Why another entry may not replace this one; `None` if it may."""
        if isinstance(other, AbsoluteEntry):
            return f"{other.label!r} stands in a step, and cannot override {self.label!r}, which is anchored on a middleware"
        if other.place != self.place:
            return (
                f"{self.label!r} middleware {self.relation} {self.to_middleware!r} middleware cannot be overridden by "
                f"{other.label!r} middleware {other.relation} {other.to_middleware!r} middleware"
            )
        return None


Entry = AbsoluteEntry | RelativeEntry


def entries_with(entries: Sequence[Entry], entry: Entry) -> list[Entry]:
    """The entries and one more. With `override`, it replaces those that have one of its names."""
    replaced = [other for other in entries if not set(entry.names).isdisjoint(other.names)]
    if replaced and not entry.override:
        raise MiddlewareStackError(f"Duplicate middleware name {entry.label!r}; override=True replaces it")
    for other in replaced:
        reason = other.refusal_of(entry) or _narrowing(other, entry)
        if reason is not None:
            raise MiddlewareStackError(reason)
    if isinstance(entry, AbsoluteEntry):
        closes = max(other.closes for other in (entry, *replaced) if isinstance(other, AbsoluteEntry))
        entry = attrs.evolve(entry, closes=closes)
    return [*(other for other in entries if other not in replaced), entry]


def _narrowing(replaced: Entry, entry: Entry) -> str | None:
    """Why an entry may not replace one that is for more commands; `None` if it may."""
    if entry.only is None or (replaced.only is not None and all(entry.is_for(kind) for kind in replaced.only)):
        return None
    return (
        f"{entry.label!r} ({entry.audience}) cannot override {replaced.label!r} ({replaced.audience or 'every command'}): "
        "the other commands would lose it; leave out only=, or add a middleware of another name"
    )


def in_order(entries: Iterable[Entry]) -> Iterator[tuple[str, Entry]]:
    """Each entry that has a place, with its step, in order. Anchored entries stand in the step of their anchor."""
    entries = tuple(entries)
    by_name = {name: entry for entry in entries for name in entry.names}
    neighbours: dict[Entry, list[RelativeEntry]] = {}
    for entry in entries:
        if isinstance(entry, RelativeEntry) and entry.to_middleware in by_name:
            neighbours.setdefault(by_name[entry.to_middleware], []).append(entry)
    absolute = [entry for entry in entries if isinstance(entry, AbsoluteEntry)]
    for entry in sorted(absolute, key=lambda entry: entry.order):
        for near in _with_neighbours(entry, neighbours):
            yield entry.step, near


def _with_neighbours(entry: Entry, neighbours: Mapping[Entry, Sequence[RelativeEntry]]) -> Iterator[Entry]:
    near = neighbours.get(entry, ())
    for neighbour in near:
        if neighbour.relation == "before":
            yield from _with_neighbours(neighbour, neighbours)
    yield entry
    for neighbour in reversed(near):
        if neighbour.relation == "after":
            yield from _with_neighbours(neighbour, neighbours)


def without_place(entries: Iterable[Entry], placed: Iterable[Entry]) -> MiddlewareStackError:
    """The error for entries that `in_order` left out: an anchor is missing, or they are anchored on each other."""
    entries, placed = tuple(entries), set(placed)
    names = {name for entry in entries for name in entry.names}
    for entry in entries:
        if isinstance(entry, RelativeEntry) and entry.to_middleware not in names:
            meant = nearest(entry.to_middleware, names)
            hint = "" if meant is None else f" (did you mean {meant!r}?)"
            return MiddlewareStackError(
                f"{entry.to_middleware} is not found when adding {entry.label} middleware {entry.place}; "
                f"at {entry.added_at}: add that middleware{hint}, or remove this one"
            )
    circle = ", ".join(entry.label for entry in entries if entry not in placed)
    return MiddlewareStackError(f"these middlewares are anchored on each other in a circle: {circle}")


def check_middleware(middleware: object) -> None:
    """`MiddlewareStackError` unless it can be called as `await middleware(call, call_next)`, as far as that shows."""
    if isinstance(middleware, FunctionType) and _is_of_two(code := middleware.__code__) and not _is_swapped(code.co_varnames):
        return
    if isinstance(middleware, type):
        problem = f"{middleware.__name__} is a class: create an instance of it"
    elif inspect.iscoroutine(middleware):
        problem = f"{middleware.__qualname__} was called already: pass the function itself, without (...)"
        middleware.close()  # else Python warns that it was never awaited
    elif not callable(middleware):
        problem = f"{kind_of(middleware)} cannot be called"
    else:
        function = _function_in(middleware)
        if hasattr(function, "__code__") and not inspect.iscoroutinefunction(function):
            problem = f"{_shown(function)} is no async function"
        elif (parameters := _wrong_parameters(middleware)) is not None:
            problem = f"{_shown(function)} takes ({parameters})"
        elif _is_swapped(names := _parameters_of(middleware)):
            problem = f"{_shown(function)} takes ({', '.join(names)}): the call comes first, and call_next second"
        else:
            return
    raise MiddlewareStackError(
        f"a middleware is `async def middleware(call, call_next): return await call_next(call)`; {problem}"
    )


def _is_of_two(code: CodeType) -> bool:
    """Whether it is the code of an async function of two parameters, as of nearly every middleware."""
    return bool(code.co_flags & inspect.CO_COROUTINE) and code.co_argcount == 2 and not code.co_kwonlyargcount


def _is_swapped(names: Sequence[str]) -> bool:
    """Whether the first two parameters are named in the order of the SDK for JavaScript, which has (next, context)."""
    return len(names) >= 2 and names[0] in _NEXT and names[1] not in _NEXT


def _function_in(middleware: Callable[..., object]) -> Any:
    """The function that a decorator or `functools.partial` wraps; anything else as it is."""
    function: Any = inspect.unwrap(middleware)
    return _function_in(function.func) if isinstance(function, functools.partial) else function


def _parameters_of(middleware: Callable[..., object]) -> tuple[str, ...]:
    """The names of its parameters, as far as they are known."""
    try:
        return tuple(inspect.signature(middleware).parameters)
    except (TypeError, ValueError):  # a function in C need not have a signature
        return ()


def _wrong_parameters(middleware: Callable[..., object]) -> str | None:
    """The parameters of a function that cannot be called with two arguments; `None` if it can be."""
    try:
        signature = inspect.signature(middleware)
    except (TypeError, ValueError):  # a function in C need not have one
        return None
    try:
        signature.bind(None, None)
    except TypeError:
        return ", ".join(signature.parameters)
    return None


def _shown(function: Any) -> str:
    """A function with the place where it is written, if it has one."""
    name, code = getattr(function, "__qualname__", type(function).__name__), getattr(function, "__code__", None)
    return name if code is None else f"{name} ({code.co_filename}:{code.co_firstlineno})"


def shown_entry(entry: Entry) -> str:
    """A middleware with its name, and the place where it is written."""
    function = _function_in(entry.middleware)
    kind = cast("type[object]", type(function))
    shown = _shown(function if hasattr(function, "__code__") else vars(kind).get("__call__", function))
    return shown if entry.name is None else f"{entry.name!r}, {shown}"


def check_anchor(anchor: object, entries: Iterable[Entry]) -> None:
    """`MiddlewareStackError` for an anchor that is no name, or is nearly the name of a built-in middleware.

    Any other name may be added later.
    """
    if not isinstance(anchor, str):
        raise MiddlewareStackError(f"to_middleware is the name of a middleware, as text; got {kind_of(anchor)}")
    names = {name for entry in entries for name in entry.names}
    meant = None if anchor in names else nearest(anchor, BUILT_IN & names, likeness=_LIKENESS_OF_ANCHORS)
    if meant is not None:
        raise MiddlewareStackError(f"to_middleware={anchor!r} is not the name of a middleware; did you mean {meant!r}?")


def classes_of(only: object) -> tuple[CommandClass, ...] | None:
    """The classes of `only`, which is a command class, a tuple of them, or `None` for every command."""
    if only is None:
        return None
    classes = cast("tuple[object, ...]", only) if isinstance(only, tuple) else (only,)
    if not classes:
        raise MiddlewareStackError("only=() is for no command; name a command class, such as InvokeCommand, or leave it out")
    for kind in classes:
        if not (isinstance(kind, type) and hasattr(kind, "operation")):
            shown = kind.__name__ if isinstance(kind, type) else repr(kind)
            raise MiddlewareStackError(
                f"only= takes command classes, such as InvokeCommand, and {shown} is none: a command class has an `operation`"
            )
    return cast("tuple[CommandClass, ...]", classes)


def name_of(name: object) -> str | None:
    """The name of a middleware, which is a string or `None`."""
    if name is not None and not isinstance(name, str):
        raise MiddlewareStackError(f"name must be a string; got {kind_of(name)}")
    return name


def texts_of(option: str, texts: Iterable[str]) -> tuple[str, ...]:
    """The strings of an option that takes several."""
    if isinstance(texts, str):
        raise MiddlewareStackError(f"{option} are several strings, and {texts!r} is one; write [{texts!r}]")
    try:
        several = tuple(texts)
    except TypeError:
        raise MiddlewareStackError(f"{option} must be strings, as in {option}=['a']; got {kind_of(texts)}") from None
    for text in several:
        check_text(option, text)
    return several


def check_text(option: str, text: object) -> None:
    """`MiddlewareStackError` for a tag or an alias that is no string."""
    if not isinstance(text, str):
        raise MiddlewareStackError(f"{option} must be {'a string' if option == 'tag' else 'strings'}; got {kind_of(text)}")


def check_choice(option: str, value: str, choices: Collection[str]) -> None:
    """`MiddlewareStackError` for a step, a priority or a relation that there is not."""
    if not isinstance(value, str) or value not in choices:  # pyright: ignore[reportUnnecessaryIsInstance] - callers need not be typed
        raise MiddlewareStackError(f"{value!r} is not a {option}; {choices_text(value, choices)}")
