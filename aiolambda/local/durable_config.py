"""The configuration of a durable function, with the names of Lambda's `DurableConfig`.

Must not know how an execution runs.
"""

import attrs

from ..errors.checks import check_whole
from ..types.mistakes import explains_arguments

__all__ = ["DurableConfig"]

LONGEST_EXECUTION = 31_622_400
"""Seconds: 366 days."""


@explains_arguments
@attrs.frozen(kw_only=True)
class DurableConfig:
    """Marks a function as durable: its calls run as executions with checkpoints, waits and callbacks.

    ::

        LocalFunction(name="orders", handler="app.handler", root=Path("src"), durable=DurableConfig(execution_timeout=600))

    The handler is one of `aws-durable-execution-sdk-python`. Executions need `aws-durable-execution-sdk-python-testing`, in the
    same Python or in that of `LocalEndpoint(durable_python=...)`.

    Args:
        execution_timeout: The longest duration of an execution with all its waits, in whole seconds: 1 to 31,622,400.
            Default 3,600. `LocalFunction(timeout=...)` limits each of its invocations.
        retention_days: How long Lambda keeps an execution after its end, in days: 1 to 90. Default 14.
            The endpoint reports it, and keeps executions until it is closed.

    Raises:
        ConfigurationError: A value is out of its range.
    """

    execution_timeout: int = 3_600
    """The longest duration of an execution with all its waits, in whole seconds. Default 3,600."""
    retention_days: int = 14
    """How long Lambda keeps an execution after its end, in days. Default 14."""

    def __attrs_post_init__(self) -> None:
        check_whole("execution_timeout", self.execution_timeout, least=1, most=LONGEST_EXECUTION)
        check_whole("retention_days", self.retention_days, least=1, most=90)
