"""Middlewares that only prepare the call, and runs of them that one function does, from templates where calls are alike.

Laws: a run does what its middlewares do one after another. It keeps what they made of a call as a template for the calls that
are alike. A call that is like no other goes through each of them. A template dies with the settings that it was made with.

Owns the templates of a run. Must not know the members of an input: the operation tells which requests are alike.
"""

from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any, Literal

from ..protocol.head_form import is_fit
from ..protocol.request_template import RequestTemplate, TemplateHeaders, follows, is_unread
from ..protocol.tracing import TRACE_ID, trace_id_for
from ..types.http import Request, Response
from .call import Call, CallNext, NewCall
from .context import PipelineContext, PipelineState
from .operation import TemplatedOperation, UnreadFile
from .stack import FusibleMiddleware

__all__ = ["FusedChain", "OutputOf", "Preparation", "Prepare", "Role", "prepare_all", "unwrapped"]

Prepare = Callable[[Call[Any, Any]], Awaitable[None] | None]
"""Does something to a call. It returns an awaitable if it has to wait."""

OutputOf = Callable[[Call[Any, Any], Response], Any]
"""Makes the output of an answer, or raises its error."""

Role = Literal["check", "endpoint", "request", "length", "field", "trace", "sign"]
"""What a preparation does: it checks the input, chooses the endpoint, makes the request, sets the length, a header field that
follows from settings and URL, or the trace id, or signs."""

_MOST_TEMPLATES = 1000
"""Templates of one run. After so many, all are forgotten."""
_FIELDS = frozenset({"length", "field", "trace"})


class FusedChain:
    """The rest of a chain, with what its beginning is made of, so that the next middleware can be one with it.

    - `walk`: the chain itself.
    - `steps`: the preparations at its beginning. `rest`: the chain behind them.
    - `after`: makes the chain with a preparation in front of it, without a coroutine of its own. `None` if it cannot.
    - `output_of`: the function that ends the chain, if the chain is nothing but the dispatch and this.
    """

    __slots__ = ("after", "output_of", "rest", "steps", "walk")

    def __init__(
        self,
        walk: CallNext[Any, Any],
        *,
        steps: "tuple[Preparation, ...]" = (),
        rest: CallNext[Any, Any],
        after: Callable[[Prepare], CallNext[Any, Any]] | None = None,
        output_of: OutputOf | None = None,
    ) -> None:
        self.walk, self.steps, self.rest, self.after, self.output_of = walk, steps, rest, after, output_of

    def __call__(self, call: Call[Any, Any], /) -> Awaitable[Any]:
        return self.walk(call)


FusedChain.__name__ = FusedChain.__qualname__ = "CallNext"
FusedChain.__call__.__qualname__ = "call_next"
"""As a middleware knows it, which a wrong use quotes: "call_next() missing 1 required positional argument"."""


def unwrapped(call_next: CallNext[Any, Any]) -> CallNext[Any, Any]:
    """The chain itself, without the frame of `FusedChain`."""
    return call_next.walk if isinstance(call_next, FusedChain) else call_next


class Preparation(FusibleMiddleware):
    """A middleware that does something to the call and goes on. Neighbours of the kind become one run."""

    __slots__ = ("prepare", "role", "state")

    def __init__(self, state: PipelineState, prepare: Prepare, role: Role) -> None:
        self.state, self.prepare, self.role = state, prepare, role

    def __call__(self, call: Call[Any, Any], call_next: CallNext[Any, Any], /) -> Awaitable[Any]:
        return _going_on(self.prepare, call_next)(call)

    def fused(self, call_next: CallNext[Any, Any]) -> CallNext[Any, Any]:
        steps: tuple[Preparation, ...] = (self,)
        rest = call_next
        if isinstance(call_next, FusedChain) and call_next.steps:
            steps, rest = (self, *call_next.steps), call_next.rest
        prepare = prepare_all(self.state, steps)
        if isinstance(rest, FusedChain) and rest.after is not None:
            walk = rest.after(prepare)
        else:
            walk = _going_on(prepare, unwrapped(rest))
        return FusedChain(walk, steps=steps, rest=rest)


def _going_on(prepare: Prepare, call_next: CallNext[Any, Any]) -> CallNext[Any, Any]:
    async def prepare_and_go_on(call: Call[Any, Any], /) -> Any:
        if (rest := prepare(call)) is not None:
            await rest
        return await call_next(call)

    return prepare_and_go_on


def prepare_all(state: PipelineState, steps: tuple[Preparation, ...]) -> Prepare:
    """One function for all of the steps."""
    roles = [step.role for step in steps]
    if len(steps) == 1 and roles[0] not in _FIELDS:
        return steps[0].prepare
    if ("endpoint", "request") in pairwise(roles) and "sign" not in roles:
        return _MakingRun(state, steps).prepare
    if _FIELDS.issuperset(roles):
        return _AddingRun(state, steps).prepare
    return _Run(state, steps).in_turn


class _Run:
    """Preparations one after another."""

    def __init__(self, state: PipelineState, steps: tuple[Preparation, ...]) -> None:
        self._state = state
        self._steps = steps
        self._sets_length = any(step.role == "length" for step in steps)
        self._context: PipelineContext | None = None
        self._templates: dict[object, RequestTemplate] = {}

    def in_turn(self, call: Call[Any, Any], begin: int = 0) -> Awaitable[None] | None:
        """Do each step. If one has to wait, a coroutine does the others."""
        for index, step in enumerate(self._steps[begin:], begin):
            if (rest := step.prepare(call)) is not None:
                return self._go_on(call, rest, index + 1)
        return None

    async def _go_on(self, call: Call[Any, Any], rest: Awaitable[None], begin: int) -> None:
        await rest
        if (rest_of_steps := self.in_turn(call, begin)) is not None:
            await rest_of_steps

    def _found(self, key: object) -> RequestTemplate | None:
        """The template for calls with this key, if there is one that holds for the settings of now."""
        context = self._state.context
        if self._context is not context:
            self._context, self._templates = context, {}
        return self._templates.get(key)

    def _trace_id_of(self, call: Call[Any, Any], template: RequestTemplate) -> str | None:
        """The trace id of the request, if this run sets it and no middleware has."""
        context = self._state.context
        if template.sets_trace_id and (call.trace_id is not None or context.in_function):
            return trace_id_for(call.trace_id, context.environment if context.in_function else None)
        return None

    def _do_and_keep(
        self, call: Call[Any, Any], key: object, length_at: int | None = None, *, varies: bool = False
    ) -> Awaitable[None] | None:
        """Do each step, and keep the request as a template for the key. `content-length` stands at `length_at`."""
        sets_trace_id = False
        for index, step in enumerate(self._steps):
            if step.role == "length":
                length_at = len(call.request.headers.fields)
            elif step.role == "trace":
                sets_trace_id = TRACE_ID not in call.request.headers.fields
            if (rest := step.prepare(call)) is not None:
                return self._go_on(call, rest, index + 1)
        fields = call.request.headers.fields
        if all(map(is_fit, (call.request.url, *fields, *fields.values()))):
            if len(self._templates) >= _MOST_TEMPLATES:
                self._templates.clear()
            self._templates[key] = RequestTemplate(
                call.request,
                len(fields) if length_at is None else length_at,
                endpoint=call.endpoint,
                signing_region=call.signing_region,
                signs=call.signs,
                sets_trace_id=sets_trace_id,
                varies=varies,
            )
        return None


class _MakingRun(_Run):
    """Preparations that make the request, from its endpoint on."""

    def prepare(self, call: Call[Any, Any]) -> Awaitable[None] | None:  # noqa: C901 - no frame more in each call
        operation = call.command.operation
        if not isinstance(operation, TemplatedOperation) or (key := operation.template_key(call.input)) is None:
            return self.in_turn(call)
        context = self._state.context
        template = self._found(key) if context is not self._context else self._templates.get(key)
        if template is None:
            return self._do_first(call, operation, key)
        if template.varies:
            template = template.at(operation.varying_url(call.input, key) or template.url)
        try:
            body = operation.body(call.input, codec=context.codec, limits=context.limits)
        except UnreadFile:
            return self.in_turn(call)
        call.endpoint = template.endpoint
        if template.signing_region is not None:
            call.signing_region = template.signing_region
        if not template.signs:
            call.signs = False
        headers = TemplateHeaders(template, (len(body) or None) if self._sets_length else None)
        if call.trace_id is not None or context.in_function:
            headers.trace_id = self._trace_id_of(call, template)
        call.request = Request(template.method, template.url, headers, body, call.timeouts)
        if type(call) is NewCall:
            call.__class__ = Call  # type: ignore[assignment] # see `NewCall`
        return None

    def _do_first(self, call: Call[Any, Any], operation: TemplatedOperation, key: tuple[object, ...]) -> Awaitable[None] | None:
        if call.signing_region is not None:  # that a middleware has set: it says nothing about other calls
            return self.in_turn(call)
        return self._do_and_keep(call, key, varies=operation.varying_url(call.input, key) is not None)


class _AddingRun(_Run):
    """Preparations that set header fields of the request."""

    def prepare(self, call: Call[Any, Any]) -> Awaitable[None] | None:
        request = call.request
        headers = request.headers
        if not is_unread(headers) or headers.attempt or headers.template is None or not follows(request, headers.template):
            return self.in_turn(call)
        given = headers.template
        key = given.base or given
        template = self._found(key)
        if template is None:
            return self._do_and_keep(call, key, len(given.before), varies=given.base is not None)
        headers.template = template.at(given.url) if template.varies else template
        if self._sets_length:
            headers.length = len(request.body) or None
        if template.sets_trace_id:
            headers.trace_id = self._trace_id_of(call, template)
        return None
