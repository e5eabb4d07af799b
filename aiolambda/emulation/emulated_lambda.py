"""The methods that the fake and the local endpoint share: scripted failures and states, and records of calls and executions.

Must not know how a call arrives or how a function runs.
"""

from typing import Literal

from ..errors import ConfigurationError
from ..errors.checks import check_text, check_whole
from ..protocol import names
from ..types.mistakes import nearest
from ..types.values import shown
from .executions import Execution
from .failure_script import ScriptedFailures
from .function_states import FunctionState, FunctionStates, Provisioned
from .recorded_call import RecordedCall, RecordedOperation

__all__ = ["EmulatedLambda"]

_STATES = ("Pending", "Active", "Inactive", "Failed", "Deactivating", "Deactivated", "ActiveNonInvocable", "Deleting")
_UPDATES = ("Successful", "InProgress", "Failed")
_PROVISIONED = ("READY", "IN_PROGRESS", "FAILED")
_State = Literal["Pending", "Active", "Inactive", "Failed", "Deactivating", "Deactivated", "ActiveNonInvocable", "Deleting"]
_Update = Literal["Successful", "InProgress", "Failed"]
_ProvisionedStatus = Literal["READY", "IN_PROGRESS", "FAILED"]


class EmulatedLambda(ScriptedFailures):
    """A stand-in for Lambda: it lets calls fail, and records what was sent and what ran."""

    def __init__(self) -> None:
        """Build one without failures and records."""
        super().__init__()
        self._calls: list[RecordedCall] = []
        self._executions: list[Execution] = []
        self._control_plane_calls: list[RecordedOperation] = []
        self._states = FunctionStates()

    def set_state(
        self,
        function_name: str,
        state: _State,
        /,
        *,
        times: int | None = None,
        reason: str | None = None,
        reason_code: str | None = None,
    ) -> None:
        """Let a function be in a state, for tests of code that waits until it is active.

        ::

            fake.set_state("orders", "Pending", times=2)
            fake.set_state("orders", "Failed", reason="The image was deleted.", reason_code="ImageDeleted")

        States apply in the order in which they were set: here the first two descriptions say `Pending`, and all others
        `Failed`. Afterwards, and without any, a function is `Active`. GetFunction and GetFunctionConfiguration count as a
        description. An invocation of a function that is `Pending` or `Failed` is refused with `ResourceConflictException`.

        Args:
            function_name: The name of the function, also as `name:qualifier`.
            state: The state.
            times: The number of descriptions that show it. Default `None`: all, until another state is set.
            reason: The text of `StateReason`. Default `None`: there is none.
            reason_code: The code of `StateReasonCode`, such as `"Creating"`. Default `None`: there is none.

        Raises:
            ConfigurationError: The function or the state is unknown.
        """
        name, qualifier = self._checked(function_name, "state", state, _STATES, times, reason, reason_code)
        value = FunctionState(status=state, reason=reason, reason_code=reason_code)
        self._states.states.set(name, qualifier, value, times)

    def set_update(
        self,
        function_name: str,
        status: _Update,
        /,
        *,
        times: int | None = None,
        reason: str | None = None,
        reason_code: str | None = None,
    ) -> None:
        """Let the last update of a function be in progress, or failed, for tests of code that waits for it.

        Statuses apply in the order in which they were set, as with `set_state`. Afterwards the update is `Successful`.

        Args:
            function_name: The name of the function, also as `name:qualifier`.
            status: The status of the update.
            times: The number of descriptions that show it. Default `None`: all, until another status is set.
            reason: The text of `LastUpdateStatusReason`. Default `None`: there is none.
            reason_code: The code of `LastUpdateStatusReasonCode`. Default `None`: there is none.

        Raises:
            ConfigurationError: The function or the status is unknown.
        """
        name, qualifier = self._checked(function_name, "status", status, _UPDATES, times, reason, reason_code)
        value = FunctionState(status=status, reason=reason, reason_code=reason_code)
        self._states.updates.set(name, qualifier, value, times)

    def set_provisioned_concurrency(
        self,
        function_name: str,
        executions: int,
        /,
        *,
        status: _ProvisionedStatus = "READY",
        times: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Let a version or an alias have provisioned concurrency. It runs no processes.

        ::

            fake.set_provisioned_concurrency("orders:live", 5, status="IN_PROGRESS", times=2)

        Args:
            function_name: The name of the function and the version or alias: `name:qualifier`.
            executions: The provisioned concurrency, 1 or more.
            status: The status. Default `"READY"`.
            times: The number of answers that show it; afterwards it is `READY`. Default `None`: all.
            reason: The text of `StatusReason`. Default `None`: there is none.

        Raises:
            ConfigurationError: The function or the status is unknown, or the name has no qualifier.
        """
        name, qualifier = self._checked(function_name, "status", status, _PROVISIONED, times, reason, None)
        check_whole("executions", executions, least=1)
        if qualifier is None:
            raise ConfigurationError(f"provisioned concurrency is that of a version or an alias: write {name + ':live'!r}")
        self._states.provisioned.set(name, qualifier, Provisioned(executions=executions, status=status, reason=reason), times)

    def _checked(
        self,
        function_name: str,
        member: str,
        value: str,
        known: tuple[str, ...],
        times: int | None,
        reason: str | None,
        reason_code: str | None,
    ) -> tuple[str, str | None]:
        """The name and the qualifier. Raises `ConfigurationError` for a wrong argument."""
        names.check_function_name(function_name)
        name, qualifier = names.plain_name_of(function_name), names.qualifier_of(function_name)
        self._check_known(name)
        if value not in known:
            meant = nearest(str(value), known)
            hint = f"did you mean {meant}?" if meant is not None else f"choose from {', '.join(known)}"
            raise ConfigurationError(f"there is no {member} {shown(value)}; {hint}")
        if times is not None:
            check_whole("times", times, least=1)
        check_text("reason", reason)
        check_text("reason_code", reason_code)
        return name, None if qualifier == "$LATEST" else qualifier

    @property
    def control_plane_calls(self) -> list[RecordedOperation]:
        """Every request of an operation that runs no function, in order, with each attempt of a call."""
        return self._control_plane_calls

    @property
    def calls(self) -> list[RecordedCall]:
        """Every invocation, in order, with each attempt of a call."""
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
        """Forget all failures, delays, states, calls and executions. The functions stay."""
        super().reset()
        self._states.clear()
        self._control_plane_calls.clear()
        self._calls.clear()
        self._executions.clear()
