"""The middleware stack: entries, their order, and how they fold into one callable.

Laws: entries with a step sort by step, priority and insertion; entries anchored on another stand next to it, the last added
nearest on both sides; closing entries stand after all others of their step. A stack that is folded is not looked at again.

Owns order, names and folding. Must not know what any middleware does, or that there is a request.
Source: the middleware stack of the AWS SDK for JavaScript v3 (`@smithy/middleware-stack`), in names and meaning.
"""

import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from typing import Any, Generic, TypeVar, cast

import attrs

from ..errors import MiddlewareStackError
from .call import Call, CallNext, Middleware, Plugin, Priority, Relation, Step

__all__ = ["MiddlewareStack", "SyncMiddleware"]

In = TypeVar("In")
Out = TypeVar("Out")

STEPS = ("initialize", "serialize", "build", "finalize", "deserialize")
_PRIORITIES = {"high": 0, "normal": 1, "low": 2}
_RELATIONS = ("before", "after")
_log = logging.getLogger("aiolambda.pipeline.stack")


@attrs.frozen(eq=False, repr=False)
class _Entry:
    """What absolute and relative entries share."""

    middleware: Middleware[Any, Any]
    name: str | None
    aliases: tuple[str, ...]
    tags: frozenset[str]
    override: bool

    @property
    def names(self) -> tuple[str, ...]:
        return self.aliases if self.name is None else (self.name, *self.aliases)

    @property
    def label(self) -> str:
        name = self.name or "anonymous"
        return f"{name} (a.k.a. {','.join(self.aliases)})" if self.aliases else name


@attrs.frozen(eq=False, repr=False)
class _Absolute(_Entry):
    step: str
    priority: str
    closes: int = 0
    """0 for an ordinary entry; a closing entry has its place among those that close its step."""

    @property
    def place(self) -> str:
        return self.step

    @property
    def order(self) -> tuple[int, int, int]:
        return STEPS.index(self.step), self.closes, 0 if self.closes else _PRIORITIES[self.priority]

    def refuses(self, other: "_Absolute | _Relative") -> str | None:
        """Why another entry may not take this one's place; `None` where it may."""
        if isinstance(other, _Relative):
            return f"{other.label!r} is anchored on a middleware, and cannot override {self.label!r}, which stands in a step"
        if other.step != self.step or (other.priority != self.priority and not self.closes):
            return (
                f"{self.label!r} middleware with {self.priority} priority in {self.step} step cannot be overridden by "
                f"{other.label!r} middleware with {other.priority} priority in {other.step} step"
            )
        return None


@attrs.frozen(eq=False, repr=False)
class _Relative(_Entry):
    relation: str
    to_middleware: str

    @property
    def place(self) -> str:
        return f"{self.relation} {self.to_middleware}"

    def refuses(self, other: "_Absolute | _Relative") -> str | None:
        """Why another entry may not take this one's place; `None` where it may."""
        if isinstance(other, _Absolute):
            return f"{other.label!r} stands in a step, and cannot override {self.label!r}, which is anchored on a middleware"
        if other.place != self.place:
            return (
                f"{self.label!r} middleware {self.relation} {self.to_middleware!r} middleware cannot be overridden by "
                f"{other.label!r} middleware {other.relation} {other.to_middleware!r} middleware"
            )
        return None


@attrs.frozen(eq=False, repr=False)
class SyncMiddleware:
    """A middleware that does something to the call and goes on. It waits only for an awaitable that `prepare` gives."""

    prepare: Callable[[Call[Any, Any]], Awaitable[None] | None]

    async def __call__(self, call: Call[Any, Any], call_next: CallNext[Any, Any], /) -> Any:
        if (rest := self.prepare(call)) is not None:
            await rest
        return await call_next(call)


class MiddlewareStack(Generic[In, Out]):
    """An ordered set of middlewares, each `async def middleware(call, call_next)`.

    Every change is seen by the next `send` and never by one that is in flight. All misuse raises `MiddlewareStackError`.
    """

    def __init__(self) -> None:
        self._entries: list[_Absolute | _Relative] = []
        self._version = 0
        self._identify_on_resolve = False
        self._folded: tuple[object, int, int, CallNext[In, Out]] | None = None

    @property
    def version(self) -> int:
        """Grows with every change: who folds a stack compares it to know whether the fold still holds."""
        return self._version

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return any(name in entry.names for entry in self._entries)

    def add(
        self,
        middleware: Middleware[In, Out],
        *,
        step: Step = "initialize",
        priority: Priority = "normal",
        name: str | None = None,
        aliases: Iterable[str] = (),
        tags: Iterable[str] = (),
        override: bool = False,
    ) -> None:
        """Add a middleware to a step; `override` lets it take the place of the one that has its name."""
        _check_choice("step", _step(step), STEPS)
        _check_choice("priority", priority, _PRIORITIES)
        self._insert(
            _Absolute(
                middleware, name, _texts("aliases", aliases), frozenset(_texts("tags", tags)), override, _step(step), priority
            )
        )

    def add_closing(
        self,
        middleware: Middleware[In, Out],
        *,
        step: Step,
        place: int,
        name: str,
        aliases: Iterable[str] = (),
        tags: Iterable[str] = (),
    ) -> None:
        """Add a middleware that stands after every entry of its step, at any priority; `place` (1, 2, ...) orders these."""
        self._insert(
            _Absolute(
                middleware,
                name,
                tuple(aliases),
                frozenset(tags),
                override=False,
                step=_step(step),
                priority="low",
                closes=place,
            )
        )

    def add_relative_to(
        self,
        middleware: Middleware[In, Out],
        *,
        relation: Relation,
        to_middleware: str,
        name: str | None = None,
        aliases: Iterable[str] = (),
        tags: Iterable[str] = (),
        override: bool = False,
    ) -> None:
        """Add a middleware next to another, which is named, by name or alias, and may come later."""
        _check_choice("relation", relation, _RELATIONS)
        self._insert(
            _Relative(
                middleware, name, _texts("aliases", aliases), frozenset(_texts("tags", tags)), override, relation, to_middleware
            )
        )

    def use(self, plugin: Plugin, /) -> None:
        """Let a plugin (or another stack) add its middlewares."""
        plugin.apply_to_stack(self)

    def apply_to_stack(self, stack: "MiddlewareStack[Any, Any]", /) -> None:
        """Add these entries to another stack: a stack is a plugin too. All of them, or none where one is refused."""
        stack._take_over(self)

    def remove(self, name_or_middleware: str | Middleware[In, Out], /) -> bool:
        """Remove by name, by alias, or by the middleware itself; says whether there was one."""
        if isinstance(name_or_middleware, str):
            return self._remove(lambda entry: name_or_middleware in entry.names)
        return self._remove(lambda entry: entry.middleware == name_or_middleware)

    def remove_by_tag(self, tag: str, /) -> bool:
        """Remove every middleware that has this tag; says whether there was one."""
        return self._remove(lambda entry: tag in entry.tags)

    def clone(self) -> "MiddlewareStack[In, Out]":
        """A stack of its own with the same entries."""
        copy: MiddlewareStack[In, Out] = MiddlewareStack()
        copy._entries = self._entries.copy()
        copy._identify_on_resolve = self._identify_on_resolve
        return copy

    def concat(self, other: Plugin, /) -> "MiddlewareStack[In, Out]":
        """A new stack of both; this one's entries come first inside a step and priority. Neither operand changes."""
        joined = self.clone()
        joined.use(other)
        return joined

    def identify(self) -> list[str]:
        """The stack in order, a line each: `name (a.k.a. alias) - step`, or `name - before anchor`.

        Entries without a place (an anchor that is missing, a cycle) are left out; `resolve` raises for them.
        """
        return [f"{entry.label} - {entry.place}" for entry in self._ordered(strict=False)]

    def identify_on_resolve(self, toggle: bool | None = None) -> bool:
        """Switch on or off that each `resolve` logs the stack (logger `aiolambda.pipeline.stack`, INFO); gives the setting."""
        if toggle is not None:
            self._identify_on_resolve = toggle
        return self._identify_on_resolve

    def resolve(self, handler: CallNext[In, Out]) -> CallNext[In, Out]:
        """The stack folded around a handler: one callable that holds while the stack does not change.

        A link is not a coroutine of its own, so that a traceback shows one frame for each middleware. Neighbours that only
        prepare the call are run one after another, without a coroutine for each.
        """
        entries = self._ordered(strict=True)
        if self._identify_on_resolve:
            _log.info("%s", self)
        preparations: list[Callable[[Call[In, Out]], Awaitable[None] | None]] = []
        for entry in reversed(entries):
            if isinstance(entry.middleware, SyncMiddleware):
                preparations.append(entry.middleware.prepare)
                continue
            handler = _link(cast("Middleware[In, Out]", entry.middleware), _prepared(preparations, handler))
            preparations = []
        return _prepared(preparations, handler)

    def resolve_behind(self, stack: "MiddlewareStack[Any, Any]", handler: CallNext[In, Any]) -> CallNext[In, Out]:
        """Another stack with this one joined behind it, folded; folded anew only once one of the two has changed."""
        kept = self._folded
        if kept is None or kept[0] is not handler or kept[1] != stack._version or kept[2] != self._version:
            folded = stack.concat(self).resolve(handler)
            kept = self._folded = (handler, stack.version, self.version, folded)
        return kept[3]

    def __str__(self) -> str:
        lines = [f"{type(self).__name__} of {len(self)} middlewares, outermost first"]
        step = ""
        for entry, home in self._placed(strict=False):
            if home.step != step:
                step = home.step
                lines.append(f"  {step}")
            where = f"   {entry.place}" if isinstance(entry, _Relative) else ""
            lines.append(f"    {entry.label}{where}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(entry.name or 'anonymous' for entry in self._ordered(strict=False))}>"

    def _take_over(self, other: "MiddlewareStack[Any, Any]") -> None:
        before = self._entries
        try:
            for entry in sorted(other._entries, key=lambda entry: isinstance(entry, _Relative)):
                self._insert(entry)
        except MiddlewareStackError:
            self._entries = before
            raise
        self._identify_on_resolve |= other._identify_on_resolve

    def _insert(self, entry: _Absolute | _Relative) -> None:
        if not callable(entry.middleware):
            raise MiddlewareStackError(f"a middleware is called with a call and call_next; {entry.label} cannot be called")
        replaced = [other for other in self._entries if not set(entry.names).isdisjoint(other.names)]
        if replaced and not entry.override:
            raise MiddlewareStackError(f"Duplicate middleware name {entry.label!r}; override=True replaces it")
        for other in replaced:
            reason = other.refuses(entry)
            if reason is not None:
                raise MiddlewareStackError(reason)
        if isinstance(entry, _Absolute):
            closes = max(other.closes for other in (entry, *replaced) if isinstance(other, _Absolute))
            entry = attrs.evolve(entry, closes=closes)
        self._entries = [*(other for other in self._entries if other not in replaced), entry]
        self._version += 1

    def _remove(self, chosen: Callable[[_Absolute | _Relative], bool]) -> bool:
        kept = [entry for entry in self._entries if not chosen(entry)]
        found = len(kept) < len(self._entries)
        self._entries = kept
        self._version += found
        return found

    def _ordered(self, *, strict: bool) -> list[_Absolute | _Relative]:
        return [entry for entry, _ in self._placed(strict=strict)]

    def _placed(self, *, strict: bool) -> list[tuple[_Absolute | _Relative, _Absolute]]:
        """Every entry with the absolute one that it goes with, in order. `strict` raises for those without a place."""
        by_name = {name: entry for entry in self._entries for name in entry.names}
        anchored: dict[int, list[_Relative]] = {}
        for entry in self._entries:
            if isinstance(entry, _Relative):
                anchor = by_name.get(entry.to_middleware)
                if anchor is not None:
                    anchored.setdefault(id(anchor), []).append(entry)
                elif strict:
                    raise MiddlewareStackError(
                        f"{entry.to_middleware} is not found when adding {entry.label} middleware "
                        f"{entry.relation} {entry.to_middleware}"
                    )
        homes = sorted((entry for entry in self._entries if isinstance(entry, _Absolute)), key=lambda entry: entry.order)
        placed = [(entry, home) for home in homes for entry in _expanded(home, anchored)]
        if strict and len(placed) < len(self._entries):
            reached = {id(entry) for entry, _ in placed}
            circle = [entry.label for entry in self._entries if id(entry) not in reached]
            raise MiddlewareStackError(f"these middlewares are anchored on each other in a circle: {', '.join(circle)}")
        return placed


def _expanded(entry: _Absolute | _Relative, anchored: dict[int, list[_Relative]]) -> Iterator[_Absolute | _Relative]:
    neighbours = anchored.get(id(entry), [])
    for neighbour in neighbours:
        if neighbour.relation == "before":
            yield from _expanded(neighbour, anchored)
    yield entry
    for neighbour in reversed(neighbours):
        if neighbour.relation == "after":
            yield from _expanded(neighbour, anchored)


def _texts(what: str, texts: Iterable[str]) -> tuple[str, ...]:
    if isinstance(texts, str):
        raise MiddlewareStackError(f"{what} are several strings, and {texts!r} is one; write [{texts!r}]")
    return tuple(texts)


def _check_choice(what: str, value: str, choices: Collection[str]) -> None:
    if value not in choices:
        raise MiddlewareStackError(f"{value!r} is not a {what}; choose from {', '.join(choices)}")


def _step(step: str) -> str:
    """The step by its name here; JS calls one of them by another."""
    return "finalize" if step == "finalizeRequest" else step


def _prepared(
    preparations: list[Callable[[Call[In, Out]], Awaitable[None] | None]], call_next: CallNext[In, Out]
) -> CallNext[In, Out]:
    """Preparations, the last one first, and what comes behind them."""
    if not preparations:
        return call_next
    in_order = tuple(reversed(preparations))

    async def prepare_and_go_on(call: Call[In, Out]) -> Any:
        for prepare in in_order:
            if (rest := prepare(call)) is not None:
                await rest
        return await call_next(call)

    return prepare_and_go_on


def _link(middleware: Middleware[In, Out], call_next: CallNext[In, Out]) -> CallNext[In, Out]:
    def link(call: Call[In, Out]) -> Any:
        return middleware(call, call_next)

    return link
