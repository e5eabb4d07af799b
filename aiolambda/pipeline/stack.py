"""The middleware stack: middlewares are added to it and removed from it, and it folds into one callable.

Laws: a folded stack is not looked at again; a change is seen by the next send. A fold holds for one class of commands, so
`only` costs nothing when a call runs. Middlewares that can be fused do the same, in the same order, as those that cannot.

Owns the stack and its folding; `entries` owns names and order. Must not know any middleware.
"""

import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Generic, TypeVar, cast, overload

import attrs

from ..errors import MiddlewareStackError
from ..types.loggers import log_quietly
from ..types.mistakes import Remedies, explains_call, kind_of
from . import entries
from .call import Call, CallNext, CommandOf, Middleware, Plugin, Priority, Relation, Step
from .entries import AbsoluteEntry, Entry, RelativeEntry

__all__ = ["ClientStack", "FusibleMiddleware", "MiddlewareStack"]

In = TypeVar("In")
Out = TypeVar("Out")
OnlyIn = TypeVar("OnlyIn")
OnlyOut = TypeVar("OnlyOut")

_ADDED_NEAR: Remedies = dict.fromkeys(
    ("relation", "to_middleware", "before", "after"), "write add_relative_to(middleware, relation=..., to_middleware=...)"
)
_ADDED_IN_A_STEP: Remedies = dict.fromkeys(
    ("step", "priority"), "the anchor decides: for a step, write add(middleware, step=...)"
)

_log = logging.getLogger("aiolambda.pipeline.stack")


class FusibleMiddleware:
    """A middleware that can be one with what stands behind it, if it knows that. A stack folds it with `fused`."""

    __slots__ = ()

    def __call__(self, call: Call[Any, Any], call_next: CallNext[Any, Any], /) -> Awaitable[Any]:
        raise NotImplementedError

    def fused(self, call_next: CallNext[Any, Any]) -> CallNext[Any, Any]:
        """The rest of the chain with this middleware in front. By default, neither knows the other."""
        return _link(self, call_next)


class Fold:
    """The stacks of a client and of a command, folded around a handler, at a version of each.

    - `chain`: the result.
    - `added`: the entries in it that are not built in, outermost first: they see the call, and may return anything.
    - `explains`: whether somebody may ask for the request before it is made, and needs a `NewCall` that explains this.
    """

    __slots__ = ("added", "chain", "explains", "handler", "own", "version")

    def __init__(
        self, handler: object, version: int, own: int, chain: CallNext[Any, Any], added: tuple[Entry, ...], *, explains: bool
    ) -> None:
        self.handler, self.version, self.own, self.chain = handler, version, own, chain
        self.added, self.explains = added, explains


class _BuiltIn:
    """In place of a built-in middleware: its name."""

    def __init__(self, name: str | None) -> None:
        self.name = name

    def __call__(self, call: Call[Any, Any], call_next: CallNext[Any, Any], /) -> Awaitable[Any]:
        raise NotImplementedError


class MiddlewareStack(Generic[In, Out]):
    """An ordered set of middlewares, each `async def middleware(call, call_next)`.

    `client.middleware_stack` holds the middlewares of every call, so it takes those that handle every command:
    `Call[CommandInput, CommandOutput]`. `only=InvokeCommand` narrows one to commands of that class, in types and when it runs.
    `command.middleware_stack` holds those of one command.

    A change is seen by the next `send`, never by one in flight. Misuse raises `MiddlewareStackError`, a `ValueError`.
    `print(stack)` shows the middlewares in order.

    ::

        client.middleware_stack.add(stamped, step="build", name="stamped")
    """

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._version = 0
        self._identify_on_resolve = False
        self._folds: dict[type, Fold] = {}
        self._fuses = True
        """Whether neighbours that can be fused are. Tests switch it off: the results must be the same."""

    def __getstate__(self) -> dict[str, object]:
        """Pickle the entries without their folds, which hold functions that do not pickle."""
        return {**vars(self), "_folds": {}}

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return any(name in entry.names for entry in self._entries)

    @overload
    def add(  # noqa: D418 - editors show the text of an argument from its overload alone
        self,
        middleware: Middleware[In, Out],
        *,
        only: None = None,
        step: Step = "initialize",
        priority: Priority = "normal",
        name: str | None = None,
        aliases: Iterable[str] = (),
        tags: Iterable[str] = (),
        override: bool = False,
    ) -> Middleware[In, Out]:
        """Add a middleware to a step, and return it, so that `@stack.add` works too.

        Args:
            middleware: `async def middleware(call, call_next)`, which returns an output.
            only: A command class, or a tuple of them: every other command passes by. Default: all commands.
            step: `"initialize"` (the default), `"serialize"`, `"build"`, `"finalize"` or `"deserialize"`.
                The first three run once for each call, the last two once for each attempt.
            priority: `"high"`, `"normal"` (the default) or `"low"`: its place inside the step, before the order of adding.
            name: A name for `remove` and `add_relative_to`. Default: none.
            aliases: Further names.
            tags: Words for `remove_by_tag`.
            override: `True` replaces the middleware that has the same name or alias.
                Step and priority must be those of the replaced one.
        """

    @overload
    def add(  # noqa: D418 - editors show the text of an argument from its overload alone
        self,
        middleware: Middleware[OnlyIn, OnlyOut],
        *,
        only: type[CommandOf[OnlyIn, OnlyOut]] | tuple[type[CommandOf[OnlyIn, OnlyOut]], ...],
        step: Step = "initialize",
        priority: Priority = "normal",
        name: str | None = None,
        aliases: Iterable[str] = (),
        tags: Iterable[str] = (),
        override: bool = False,
    ) -> Middleware[OnlyIn, OnlyOut]:
        """Add a middleware to a step, and return it, so that `@stack.add` works too.

        Args:
            middleware: `async def middleware(call, call_next)`, which returns an output.
            only: A command class, or a tuple of them: every other command passes by. Default: all commands.
            step: `"initialize"` (the default), `"serialize"`, `"build"`, `"finalize"` or `"deserialize"`.
                The first three run once for each call, the last two once for each attempt.
            priority: `"high"`, `"normal"` (the default) or `"low"`: its place inside the step, before the order of adding.
            name: A name for `remove` and `add_relative_to`. Default: none.
            aliases: Further names.
            tags: Words for `remove_by_tag`.
            override: `True` replaces the middleware that has the same name or alias.
                Step and priority must be those of the replaced one.
        """

    @explains_call(_ADDED_NEAR, further="step")
    def add(
        self,
        middleware: Middleware[Any, Any],
        *,
        only: object = None,
        step: Step = "initialize",
        priority: Priority = "normal",
        name: str | None = None,
        aliases: Iterable[str] = (),
        tags: Iterable[str] = (),
        override: bool = False,
    ) -> Middleware[Any, Any]:
        """Add a middleware to a step, and return it, so that `@stack.add` works too.

        ::

            client.middleware_stack.add(cache, step="build", name="cache", only=InvokeCommand)

        Args:
            middleware: `async def middleware(call, call_next)`, which returns an output.
            only: A command class, or a tuple of them: every other command passes by. Default: all commands.
            step: `"initialize"` (the default), `"serialize"`, `"build"`, `"finalize"` or `"deserialize"`.
                The first three run once for each call, the last two once for each attempt.
            priority: `"high"`, `"normal"` (the default) or `"low"`: its place inside the step, before the order of adding.
            name: A name for `remove` and `add_relative_to`. Default: none.
            aliases: Further names.
            tags: Words for `remove_by_tag`.
            override: `True` replaces the middleware that has the same name or alias.
                Step and priority must be those of the replaced one.

        Raises:
            MiddlewareStackError: The name is taken, or the step does not exist.
        """
        if not isinstance(middleware, FusibleMiddleware):
            entries.check_middleware(middleware)
        step_here = _step(step)
        entries.check_choice("step", step_here, entries.STEPS)
        entries.check_choice("priority", priority, entries.PRIORITIES)
        self._insert(
            AbsoluteEntry(
                middleware=middleware,
                name=entries.name_of(name),
                aliases=entries.texts_of("aliases", aliases),
                tags=frozenset(entries.texts_of("tags", tags)),
                override=override,
                only=entries.classes_of(only),
                step=step_here,
                priority=priority,
            )
        )
        return middleware

    @overload
    def add_relative_to(  # noqa: D418 - editors show the text of an argument from its overload alone
        self,
        middleware: Middleware[In, Out],
        *,
        relation: Relation,
        to_middleware: str,
        only: None = None,
        name: str | None = None,
        aliases: Iterable[str] = (),
        tags: Iterable[str] = (),
        override: bool = False,
    ) -> Middleware[In, Out]:
        """Add a middleware next to another, its anchor, and return it. The last added stands nearest.

        Args:
            middleware: `async def middleware(call, call_next)`, which returns an output.
            relation: `"before"` or `"after"` the anchor.
            to_middleware: The name or an alias of the anchor. It may be added later.
            only: A command class, or a tuple of them: every other command passes by. Default: all commands.
            name: A name for `remove` and `add_relative_to`. Default: none.
            aliases: Further names.
            tags: Words for `remove_by_tag`.
            override: `True` replaces the middleware that has the same name or alias.
        """

    @overload
    def add_relative_to(  # noqa: D418 - editors show the text of an argument from its overload alone
        self,
        middleware: Middleware[OnlyIn, OnlyOut],
        *,
        relation: Relation,
        to_middleware: str,
        only: type[CommandOf[OnlyIn, OnlyOut]] | tuple[type[CommandOf[OnlyIn, OnlyOut]], ...],
        name: str | None = None,
        aliases: Iterable[str] = (),
        tags: Iterable[str] = (),
        override: bool = False,
    ) -> Middleware[OnlyIn, OnlyOut]:
        """Add a middleware next to another, its anchor, and return it. The last added stands nearest.

        Args:
            middleware: `async def middleware(call, call_next)`, which returns an output.
            relation: `"before"` or `"after"` the anchor.
            to_middleware: The name or an alias of the anchor. It may be added later.
            only: A command class, or a tuple of them: every other command passes by. Default: all commands.
            name: A name for `remove` and `add_relative_to`. Default: none.
            aliases: Further names.
            tags: Words for `remove_by_tag`.
            override: `True` replaces the middleware that has the same name or alias.
        """

    @explains_call(_ADDED_IN_A_STEP, further="relation")
    def add_relative_to(
        self,
        middleware: Middleware[Any, Any],
        *,
        relation: Relation,
        to_middleware: str,
        only: object = None,
        name: str | None = None,
        aliases: Iterable[str] = (),
        tags: Iterable[str] = (),
        override: bool = False,
    ) -> Middleware[Any, Any]:
        """Add a middleware next to another, its anchor, and return it. The last added stands nearest.

        If `only` keeps a command from the anchor, that command passes this middleware all the same, at the same place.

        ::

            client.middleware_stack.add_relative_to(gauge, relation="before", to_middleware="retryMiddleware")

        Args:
            middleware: `async def middleware(call, call_next)`, which returns an output.
            relation: `"before"` or `"after"` the anchor.
            to_middleware: The name or an alias of the anchor. It may be added later.
            only: A command class, or a tuple of them: every other command passes by. Default: all commands.
            name: A name for `remove` and `add_relative_to`. Default: none.
            aliases: Further names.
            tags: Words for `remove_by_tag`.
            override: `True` replaces the middleware that has the same name or alias.

        Raises:
            MiddlewareStackError: The name is taken.
        """
        if not isinstance(middleware, FusibleMiddleware):
            entries.check_middleware(middleware)
        entries.check_choice("relation", relation, entries.RELATIONS)
        entries.check_anchor(to_middleware, self._entries)
        self._insert(
            RelativeEntry(
                middleware=middleware,
                name=entries.name_of(name),
                aliases=entries.texts_of("aliases", aliases),
                tags=frozenset(entries.texts_of("tags", tags)),
                override=override,
                only=entries.classes_of(only),
                relation=relation,
                to_middleware=to_middleware,
                added_at=_caller(),
            )
        )
        return middleware

    def use(self, plugin: Plugin, /) -> None:
        """Let a plugin, or another stack, add its middlewares.

        Args:
            plugin: An object with `apply_to_stack`.
        """
        if not callable(getattr(plugin, "apply_to_stack", None)):
            remedy = "for a middleware, write add(middleware)" if callable(plugin) else "give an object that has it"
            raise MiddlewareStackError(f"a plugin has apply_to_stack(stack); {kind_of(plugin)} has not: {remedy}")
        plugin.apply_to_stack(self)

    def apply_to_stack(self, stack: "MiddlewareStack[Any, Any]", /) -> None:
        """Add these entries to another stack: a stack is a plugin too. If one is refused, none is added.

        Args:
            stack: The stack to add to.
        """
        joined = stack._entries
        for entry in sorted(self._entries, key=lambda entry: isinstance(entry, RelativeEntry)):
            joined = entries.entries_with(joined, entry)
        stack._entries = joined
        stack._version += len(self._entries)
        stack._identify_on_resolve |= self._identify_on_resolve

    def _take(self, taken: Iterable[Entry]) -> None:
        self._entries = list(taken)
        self._version += 1

    def remove(self, name_or_middleware: str | Middleware[Any, Any], /) -> bool:
        """Remove a middleware. Returns whether there was one.

        Args:
            name_or_middleware: Its name, an alias, or the middleware itself.
        """
        if isinstance(name_or_middleware, str):
            return self._keep(lambda entry: name_or_middleware not in entry.names)
        return self._keep(lambda entry: entry.middleware != name_or_middleware)

    def remove_by_tag(self, tag: str, /) -> bool:
        """Remove every middleware that has this tag. Returns whether there was one.

        Args:
            tag: The tag.
        """
        entries.check_text("tag", tag)
        return self._keep(lambda entry: tag not in entry.tags)

    def clone(self) -> "MiddlewareStack[In, Out]":
        """A new stack with the same entries. A change of one is not seen by the other."""
        copy: MiddlewareStack[In, Out] = MiddlewareStack()
        copy._entries, copy._fuses = self._entries.copy(), self._fuses
        copy._identify_on_resolve = self._identify_on_resolve
        return copy

    def concat(self, other: Plugin, /) -> "MiddlewareStack[In, Out]":
        """A new stack of both. Inside a step and priority, this stack's entries come first. Neither operand changes.

        Args:
            other: A plugin or another stack.
        """
        joined = self.clone()
        joined.use(other)
        return joined

    def identify(self) -> list[str]:
        """The stack in order, a line each: `name (a.k.a. alias) - step`, or `name - before anchor`.

        An entry with `only` ends with the classes: `cache - build - only InvokeCommand`. Entries without a place, because
        their anchor is missing or they are anchored on each other, are left out; `resolve` raises for them.
        """
        return [" - ".join(filter(None, (entry.label, entry.place, entry.audience))) for entry in self._in_order()]

    def identify_on_resolve(self, toggle: bool | None = None) -> bool:
        """Switch the logging of the stack on or off, and return the setting.

        When it is on, each folding of the stack logs it at INFO (logger `aiolambda.pipeline.stack`): the first send of a class
        of commands, and the first after each change.

        Args:
            toggle: `True` or `False`; `None` changes nothing.
        """
        if toggle is not None:
            self._identify_on_resolve = toggle
        return self._identify_on_resolve

    def resolve(self, handler: CallNext[In, Out]) -> CallNext[In, Out]:
        """The stack folded around a handler: one callable, which later changes of the stack do not affect.

        A middleware with `only` looks at `call.command` each time. A client has no need of that: it folds once for each class
        of commands.

        Args:
            handler: Called at the end of the stack.

        Raises:
            MiddlewareStackError: An anchor is missing, or middlewares are anchored on each other.
        """
        return self._fold(handler, None)

    def _fold(self, handler: CallNext[In, Out], kind: type | None) -> CallNext[In, Out]:
        """Fold the entries for one class of commands; `None`: for all.

        A link is not a coroutine of its own, so that a traceback shows one frame for each middleware of a user.
        """
        placed = self._in_order()
        if len(placed) < len(self._entries):
            raise entries.without_place(self._entries, placed)
        if self._identify_on_resolve:
            log_quietly(_log, logging.INFO, "%s", self)
        for entry in reversed(placed):
            if kind is not None and not entry.is_for(kind):
                continue
            middleware = entry.middleware if kind is not None or entry.only is None else _checked(entry)
            if self._fuses and isinstance(middleware, FusibleMiddleware):
                handler = middleware.fused(handler)
            else:
                handler = _link(cast("Middleware[In, Out]", middleware), handler)
        return handler

    def __str__(self) -> str:
        lines = [f"MiddlewareStack of {len(self)} middlewares, outermost first"]
        last_step = ""
        for step, entry in entries.in_order(self._entries):
            if step != last_step:
                lines.append(f"  {step}")
            last_step = step
            notes = ", ".join(filter(None, (entry.place if isinstance(entry, RelativeEntry) else "", entry.audience)))
            lines.append(f"    {entry.label}   {notes}".rstrip())
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<MiddlewareStack {', '.join(entry.name or 'anonymous' for entry in self._in_order())}>"

    def _insert(self, entry: Entry) -> None:
        self._entries = entries.entries_with(self._entries, entry)
        self._version += 1

    def _keep(self, is_kept: Callable[[Entry], bool]) -> bool:
        """Drop every other entry. Returns whether there was one."""
        kept = [entry for entry in self._entries if is_kept(entry)]
        has_changed = len(kept) < len(self._entries)
        self._entries = kept
        self._version += has_changed
        return has_changed

    def _in_order(self) -> list[Entry]:
        return [entry for _, entry in entries.in_order(self._entries)]


class ClientStack(MiddlewareStack[In, Out]):
    """The stack of a client: it has closing entries, and folds itself with the stack of each command that is sent."""

    def __dir__(self) -> list[str]:
        """The names of a stack: those below are for the client alone."""
        return [name for name in super().__dir__() if name not in ("add_closing", "described", "fold_for", "rebuild")]

    def described(self) -> tuple[list[Entry], list[Entry]]:
        """The entries for the stack of another client, with the name of each built-in middleware in its place; and the others.

        A built-in middleware works with the state of its client, so another client has to use its own.
        """
        added = [entry for entry in self._entries if not _is_built_in(entry)]
        described = [
            entry if entry in added else attrs.evolve(entry, middleware=_BuiltIn(entry.name)) for entry in self._entries
        ]
        return described, added

    def rebuild(self, described: Iterable[Entry]) -> None:
        """Take the entries of the stack of another client, with the built-in middlewares of this one.

        Args:
            described: What `described` of the other stack returned.
        """
        own = {entry.name: entry.middleware for entry in self._entries}
        self._take(
            attrs.evolve(entry, middleware=own[entry.middleware.name]) if isinstance(entry.middleware, _BuiltIn) else entry
            for entry in described
        )

    def add_closing(
        self,
        middleware: Middleware[In, Out],
        *,
        step: Step,
        rank: int,
        name: str,
        aliases: Iterable[str] = (),
        tags: Iterable[str] = (),
    ) -> None:
        """Add a middleware that stands after every entry of its step, at any priority. `rank` (1, 2, ...) orders these."""
        self._insert(
            AbsoluteEntry(
                middleware=middleware,
                name=name,
                aliases=tuple(aliases),
                tags=frozenset(tags),
                override=False,
                only=None,
                step=step,
                priority="low",
                closes=rank,
            )
        )

    def fold_for(self, kind: type, own: MiddlewareStack[Any, Any] | None, handler: CallNext[Any, Any]) -> Fold:
        """Join a command's own stack to this one, and fold both around the handler for commands of this class.

        A fold is kept until one of the two stacks changes. This stack keeps those for commands without middlewares of their
        own, one for each class; the stack of a command keeps any other.
        """
        keeper: MiddlewareStack[Any, Any] = self if own is None or not own._entries else own
        kept = keeper._folds.get(kind)
        if kept is None or kept.handler is not handler or kept.version != self._version or kept.own != keeper._version:
            joined: MiddlewareStack[Any, Any] = self if keeper is self else self.concat(keeper)
            chain = joined._fold(handler, kind)
            added = tuple(entry for entry in joined._in_order() if entry.is_for(kind) and not _is_built_in(entry))
            explains = bool(added) or not any("serializerMiddleware" in entry.names for entry in joined._entries)
            kept = keeper._folds[kind] = Fold(handler, self._version, keeper._version, chain, added, explains=explains)
        return kept


def _is_built_in(entry: Entry) -> bool:
    return isinstance(entry.middleware, FusibleMiddleware)


def _caller() -> str:
    """The file and line that called the method which calls this, past the wrapper of `explains_call`."""
    frame = inspect.currentframe()
    for _ in range(3):
        frame = frame and frame.f_back
    return "an unknown place" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _step(step: str) -> str:
    """The step under its name here; the SDK for JavaScript has another name for one of them."""
    return "finalize" if step == "finalizeRequest" else step


def _link(middleware: Middleware[In, Out], call_next: CallNext[In, Out]) -> CallNext[In, Out]:
    def link(call: Call[In, Out]) -> Any:
        return middleware(call, call_next)

    return link


def _checked(entry: Entry) -> Middleware[Any, Any]:
    """The middleware of an entry with `only`, for a chain that any command may take."""

    def check(call: Call[Any, Any], call_next: CallNext[Any, Any], /) -> Awaitable[Any]:
        return entry.middleware(call, call_next) if entry.is_for(type(call.command)) else call_next(call)

    return check
