"""One invocation that the endpoint has admitted: which version of which function runs, with which input, and what is scripted.

Must not know HTTP, or how a function runs.
"""

from collections.abc import Callable

import attrs

from ..emulation import api_errors
from ..emulation.durable_names import DurableExecution
from ..emulation.executions import Execution
from ..emulation.failure_script import Decision
from ..emulation.in_process import InProcessFunction
from .functions import LocalFunction
from .invocation_log import Watch
from .runtime.invocations import Invocation, ResponseWriter

__all__ = ["Job", "Selection", "check_configuration"]


def _do_nothing() -> None:
    """For an invocation that nothing depends on."""


@attrs.frozen
class Selection:
    """A function, and the version of it that runs."""

    function: LocalFunction | InProcessFunction
    version: str


def check_configuration(
    function: LocalFunction | InProcessFunction, qualifier: str | None, tenant_id: str | None = None
) -> None:
    """Raise an `ApiError` if the configuration of the function does not allow this invocation."""
    if not isinstance(function, LocalFunction):
        return
    if function.tenant_isolation is True and tenant_id is None:
        raise api_errors.tenant_id_missing()
    if function.tenant_isolation is False and tenant_id is not None:
        raise api_errors.tenant_id_unexpected()
    if function.durable and qualifier is None:
        raise api_errors.durable_function_unqualified()


@attrs.frozen(kw_only=True)
class Job:
    """An invocation to run. `on_end` gets the record of its run, and `watch` learns of its begin and end.

    `on_drop` is called at the end of an invocation that may not have run.

    Without `keeps_stream`, the record has no response of a function that streams, which may be long.

    If `repeats`, the durable execution exists, and its result is the answer. `is_handler_run` is one run of the handler of a
    durable execution that has begun.
    """

    selection: Selection
    invocation: Invocation
    decision: Decision
    on_end: Callable[[Execution], object]
    watch: Watch
    durable: DurableExecution | None = None
    repeats: bool = False
    keeps_stream: bool = True
    is_handler_run: bool = False
    on_drop: Callable[[], object] = _do_nothing

    def with_attempt(self, attempt: int) -> "Job":
        """The same, with the number of this run of an event in its record."""
        on_end = self.on_end

        def on_end_of_attempt(execution: Execution) -> None:
            on_end(attrs.evolve(execution, attempt=attempt))

        return attrs.evolve(self, on_end=on_end_of_attempt)

    def writing_to(self, writer: ResponseWriter) -> "Job":
        """The same, with this destination of its stream."""
        return attrs.evolve(self, invocation=self.invocation.writing_to(writer))
