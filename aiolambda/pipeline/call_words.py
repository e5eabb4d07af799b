"""The words of the log: what a verdict, an end and a repeat mean, for an invocation and for a call that manages functions.

Owns these sentences. Must not know a record, or when it is logged.
"""

from collections.abc import Mapping
from typing import NamedTuple

from ..types.events import CallFacts, Outcome
from ..types.values import Delivery, RetryAction

__all__ = ["Words", "words_of"]


class Words(NamedTuple):
    """What the log says of one kind of calls."""

    means: Mapping[Delivery, str]
    """What a verdict on an attempt means."""
    ends: Mapping[Outcome, str]
    """How a call ended."""
    safe: Mapping[RetryAction, str]
    """Why another attempt is safe, for the kinds of retry that say it by themselves."""
    safe_by_verdict: Mapping[Delivery, str]
    """Why another attempt is safe, for the others."""
    advice: str
    """What to do about throttles without an end."""


def words_of(facts: CallFacts) -> Words:
    """The words for a call."""
    return _INVOCATION if facts.invocation_type else _OPERATION


_NOT_DELIVERED = "the request did not reach Lambda"
_REPEAT = "Sending again is safe, because the server had closed the connection before the request reached it"
_NEW_CLOCK = "the next request is signed with the time of the service"
_NEW_CREDENTIALS = "the next request is signed with new credentials"

_INVOCATION = Words(
    means={
        Delivery.NOT_DELIVERED: _NOT_DELIVERED,
        Delivery.REFUSED: "the function did not run",
        Delivery.UNKNOWN: "the function may have run",
        Delivery.ACCEPTED: "Lambda queued the event",
        Delivery.EXECUTED: "the function ran",
    },
    ends={
        Outcome.EXECUTED: "done",
        Outcome.FUNCTION_ERROR: "the function failed",
        Outcome.ACCEPTED: "the event is queued",
        Outcome.NOT_RUN: "done without running the function",
        Outcome.INCOMPLETE: "the function ran, and its answer was not read to its end",
        Outcome.THROTTLED: "throttled, the function did not run",
        Outcome.REFUSED: "refused, the function did not run",
        Outcome.NOT_DELIVERED: "not delivered, the function did not run",
        Outcome.UNKNOWN: "failed, and the function may have run",
        Outcome.CANCELLED: "cancelled by the caller",
    },
    safe={
        RetryAction.REPEAT: _REPEAT,
        RetryAction.SET_CLOCK: f"The function did not run; {_NEW_CLOCK}",
        RetryAction.RENEW_CREDENTIALS: f"The function did not run; {_NEW_CREDENTIALS}",
    },
    safe_by_verdict={
        Delivery.NOT_DELIVERED: f"Sending again is safe, because {_NOT_DELIVERED}",
        Delivery.REFUSED: "Sending again is safe, because the function did not run",
        Delivery.UNKNOWN: "The function may have run; sending again is safe, because the call is idempotent",
    },
    advice="raise that limit, or send less",
)
_OPERATION = Words(
    means={
        Delivery.NOT_DELIVERED: _NOT_DELIVERED,
        Delivery.REFUSED: "nothing was carried out",
        Delivery.UNKNOWN: "it may have been carried out",
        Delivery.ACCEPTED: "Lambda accepted it",
        Delivery.EXECUTED: "it was carried out",
    },
    ends={
        Outcome.EXECUTED: "done",
        Outcome.FUNCTION_ERROR: "failed",
        Outcome.ACCEPTED: "accepted",
        Outcome.NOT_RUN: "done without Lambda",
        Outcome.INCOMPLETE: "carried out, and its answer could not be read",
        Outcome.THROTTLED: "throttled, nothing was carried out",
        Outcome.REFUSED: "refused, nothing was carried out",
        Outcome.NOT_DELIVERED: "not delivered, nothing was carried out",
        Outcome.UNKNOWN: "failed, and it may have been carried out",
        Outcome.CANCELLED: "cancelled by the caller",
    },
    safe={
        RetryAction.REPEAT: _REPEAT,
        RetryAction.SET_CLOCK: f"Nothing was carried out; {_NEW_CLOCK}",
        RetryAction.RENEW_CREDENTIALS: f"Nothing was carried out; {_NEW_CREDENTIALS}",
    },
    safe_by_verdict={
        Delivery.NOT_DELIVERED: f"Sending again is safe, because {_NOT_DELIVERED}",
        Delivery.REFUSED: "Sending again is safe, because nothing was carried out",
        Delivery.UNKNOWN: "It may have been carried out; sending again is safe, because the operation is idempotent",
    },
    advice="make fewer of these calls",
)
"""For operations that read, too: a repeat of them does no harm."""
