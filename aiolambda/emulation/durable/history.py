"""The history of an execution: its events, with ids that count up from 1.

Must not know when an event happens, or what a step does.
Source: the shape `Event` of the Lambda service model, and the details of each of its types.
"""

from collections.abc import Mapping, Sequence

import attrs

__all__ = ["Data", "History"]


@attrs.frozen
class Data:
    """A payload, a result, an error or a reason: left out of an answer without the data of the execution."""

    payload: object = attrs.field(repr=False)

    def members(self, *, include: bool) -> dict[str, object]:
        """The shape that all of them have."""
        return {"Payload": self.payload, "Truncated": False} if include else {"Truncated": True}


@attrs.frozen(kw_only=True)
class _Event:
    id: int
    type: str
    time: float
    members: Mapping[str, str]
    details: Mapping[str, object]


class History:
    """The events so far. `epoch` is the Unix time at which the clock of the events was 0."""

    def __init__(self, epoch: float) -> None:
        self._epoch = epoch
        self._events: list[_Event] = []

    def add(
        self,
        type: str,
        time: float,
        details: Mapping[str, object],
        *,
        id: str | None = None,
        name: str | None = None,
        parent_id: str | None = None,
        sub_type: str | None = None,
    ) -> None:
        """Add an event at a time of the clock. `details` has `Data` and times as it has them in the model."""
        given = {"Id": id, "Name": name, "ParentId": parent_id, "SubType": sub_type}
        members = {member: value for member, value in given.items() if value is not None}
        self._events.append(_Event(id=len(self._events) + 1, type=type, time=time, members=members, details=details))

    def ids(self) -> Sequence[int]:
        """The ids of all events, in their order."""
        return range(1, len(self._events) + 1)

    def answer(self, event_id: int, *, include_data: bool) -> dict[str, object]:
        """An event as the API describes it."""
        event = self._events[event_id - 1]
        details = {
            name: value.members(include=include_data) if isinstance(value, Data) else value
            for name, value in event.details.items()
        }
        return {
            "EventType": event.type,
            "EventId": event.id,
            "EventTimestamp": self._epoch + event.time,
            **event.members,
            f"{event.type}Details": details,
        }
