"""The events in the history of a durable execution, each with the details of its type.

Owns the table of types. Must not know how a history is read.
Source: the structure Event of the Lambda service model.
"""

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import attrs

from ..types.mistakes import NotDictionary
from .api import structures as _api

if TYPE_CHECKING:
    EventDetails = (
        _api.CallbackFailedDetails
        | _api.CallbackStartedDetails
        | _api.CallbackSucceededDetails
        | _api.CallbackTimedOutDetails
        | _api.ChainedInvokeFailedDetails
        | _api.ChainedInvokeStartedDetails
        | _api.ChainedInvokeStoppedDetails
        | _api.ChainedInvokeSucceededDetails
        | _api.ChainedInvokeTimedOutDetails
        | _api.ContextFailedDetails
        | _api.ContextStartedDetails
        | _api.ContextSucceededDetails
        | _api.ExecutionFailedDetails
        | _api.ExecutionPausedDetails
        | _api.ExecutionResumedDetails
        | _api.ExecutionStartedDetails
        | _api.ExecutionStoppedDetails
        | _api.ExecutionSucceededDetails
        | _api.ExecutionTimedOutDetails
        | _api.InvocationCompletedDetails
        | _api.StepFailedDetails
        | _api.StepStartedDetails
        | _api.StepSucceededDetails
        | _api.WaitCancelledDetails
        | _api.WaitStartedDetails
        | _api.WaitSucceededDetails
    )

__all__ = ["DETAILS", "ENDS", "DurableEvent", "event_of"]

DETAILS: Mapping[str, str] = {
    "CallbackFailed": "callback_failed_details",
    "CallbackStarted": "callback_started_details",
    "CallbackSucceeded": "callback_succeeded_details",
    "CallbackTimedOut": "callback_timed_out_details",
    "ChainedInvokeFailed": "chained_invoke_failed_details",
    "ChainedInvokeStarted": "chained_invoke_started_details",
    "ChainedInvokeStopped": "chained_invoke_stopped_details",
    "ChainedInvokeSucceeded": "chained_invoke_succeeded_details",
    "ChainedInvokeTimedOut": "chained_invoke_timed_out_details",
    "ContextFailed": "context_failed_details",
    "ContextStarted": "context_started_details",
    "ContextSucceeded": "context_succeeded_details",
    "ExecutionFailed": "execution_failed_details",
    "ExecutionPaused": "execution_paused_details",
    "ExecutionResumed": "execution_resumed_details",
    "ExecutionStarted": "execution_started_details",
    "ExecutionStopped": "execution_stopped_details",
    "ExecutionSucceeded": "execution_succeeded_details",
    "ExecutionTimedOut": "execution_timed_out_details",
    "InvocationCompleted": "invocation_completed_details",
    "StepFailed": "step_failed_details",
    "StepStarted": "step_started_details",
    "StepSucceeded": "step_succeeded_details",
    "WaitCancelled": "wait_cancelled_details",
    "WaitStarted": "wait_started_details",
    "WaitSucceeded": "wait_succeeded_details",
}
"""The member of an event that holds its details, by the type of the event."""

ENDS = frozenset({"ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionStopped"})
"""The types of the last event of an execution."""


@attrs.frozen(kw_only=True)
class DurableEvent(NotDictionary):
    """One event in the history of a durable execution.

    ::

        async for event in execution.history():
            print(event.event_id, event.timestamp, event.type, event.name)

    Args:
        type: The type, such as `"StepSucceeded"`.
        event_id: The number of the event in the history, from 1 on.
        id: The id of the operation that the event is about, such as a step; `None` if it is about the execution.
        name: The name of the operation; `None` if it has none.
        parent_id: The id of the operation around it; `None` if there is none.
        timestamp: The time of the event; `None` if the service gave none.
        details: The details of the type, such as `CallbackStartedDetails`; `None` for a type that this version does not know.
        raw: The event with all its members, as the API has it.
    """

    type: str
    """The type, such as `"StepSucceeded"`."""
    event_id: int | None = None
    """The number of the event in the history, from 1 on."""
    id: str | None = None
    """The id of the operation that the event is about, such as a step; `None` if it is about the execution."""
    name: str | None = None
    """The name of the operation; `None` if it has none."""
    parent_id: str | None = None
    """The id of the operation around it; `None` if there is none."""
    timestamp: dt.datetime | None = None
    """The time of the event; `None` if the service gave none."""
    details: "EventDetails | None" = attrs.field(default=None, repr=False)
    """The details of the type, such as `CallbackStartedDetails`; `None` for a type that this version does not know."""
    raw: _api.Event = attrs.field(factory=_api.Event, repr=False)
    """The event with all its members, as the API has it."""

    @property
    def is_end(self) -> bool:
        """Whether the execution ended with this event."""
        return self.type in ENDS


def event_of(raw: _api.Event) -> DurableEvent:
    """The event of an answer."""
    given: object = raw.event_type
    kind = given if isinstance(given, str) else ""
    details = getattr(raw, DETAILS[kind], None) if kind in DETAILS else None
    return DurableEvent(
        type=kind,
        event_id=raw.event_id,
        id=raw.id,
        name=raw.name,
        parent_id=raw.parent_id,
        timestamp=raw.event_timestamp,
        details=cast("EventDetails | None", details),
        raw=raw,
    )
