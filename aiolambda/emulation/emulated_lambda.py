"""The methods that the fake and the local endpoint share: scripted failures, and records of calls and executions.

Must not know how a call arrives or how a function runs.
"""

from ..protocol import names
from .executions import Execution
from .failure_script import ScriptedFailures
from .recorded_call import RecordedCall

__all__ = ["EmulatedLambda"]


class EmulatedLambda(ScriptedFailures):
    """A stand-in for Lambda: it lets calls fail, and records what was sent and what ran."""

    def __init__(self) -> None:
        """Build one without failures and records."""
        super().__init__()
        self._calls: list[RecordedCall] = []
        self._executions: list[Execution] = []

    @property
    def calls(self) -> list[RecordedCall]:
        """Every request, in order, with each attempt of a call."""
        return self._calls

    def calls_of(self, function_name: str, /) -> list[RecordedCall]:
        """The requests for one function, in order, with any qualifier.

        Args:
            function_name: The name of the function.
        """
        return [call for call in self._calls if names.plain_name_of(call.function_name) == function_name]

    @property
    def events(self) -> list[RecordedCall]:
        """The requests of type `Event`, in order."""
        return [call for call in self._calls if call.invocation_type == "Event"]

    @property
    def executions(self) -> list[Execution]:
        """Every run of a function, in the order in which they ended, also runs that failed or were cancelled."""
        return self._executions

    def executions_of(self, function_name: str, /) -> list[Execution]:
        """The runs of one function, in the order in which they ended.

        Args:
            function_name: The name of the function.
        """
        return [execution for execution in self._executions if execution.function_name == function_name]

    def reset(self) -> None:
        """Forget all failures, delays, calls and executions. The functions stay."""
        super().reset()
        self._calls.clear()
        self._executions.clear()
