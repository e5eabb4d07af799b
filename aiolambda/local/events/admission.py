"""When an event may start: the turns of events and synchronous calls, and the pauses after a refusal.

Must not know queues, or what runs. Time is an argument, in seconds.
"""

__all__ = ["Throttle", "Turns"]

_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 1.0
"""Seconds between two tries of a throttled event, at first and at most. Lambda takes 1 to 300. If concurrency becomes free, the
event does not wait for the next try."""
_MOST_DOUBLINGS = 6
_ROOM_FOR_CALLS = 2.0
"""Seconds for which events leave room after a synchronous call was refused. Its `Retry-After` is one second."""


class Turns:
    """The concurrency of one function. Events wait, and synchronous calls come back, so each could keep the other out.

    If both want more than there is, events leave room for one call after a call was refused, and calls leave room for one event
    after a call has begun.
    """

    def __init__(self) -> None:
        self.limit = 1
        self.room_until = 0.0
        """The time until which events leave room."""
        self._events = 0
        self._calls = 0
        self._is_turn_of_events = False

    def begin_event(self, now: float) -> bool:
        """Count an event, if it may begin."""
        leaves_room = now < self.room_until and not self._is_turn_of_events
        if self._events + self._calls + leaves_room >= self.limit:
            return False
        self._events += 1
        self._is_turn_of_events = False
        return True

    def end_event(self) -> None:
        """An event has ended, or was refused."""
        self._events -= 1

    def begin_call(self, now: float, *, is_event_waiting: bool) -> bool:
        """Count a synchronous call, if it may begin."""
        leaves_room = is_event_waiting and self._is_turn_of_events
        if self._events + self._calls + leaves_room >= self.limit:
            self.room_until = now + _ROOM_FOR_CALLS  # the call is likely to come back
            return False
        self._calls += 1
        self.room_until = 0.0
        self._is_turn_of_events = True
        return True

    def end_call(self) -> None:
        """A call that has begun has ended, or was refused."""
        self._calls -= 1


class Throttle:
    """The refusals of events by a limit that is not known here, such as that of the account."""

    def __init__(self) -> None:
        self.resume_at = 0.0
        """The time from which on any event may try again."""
        self._openings = 0
        self._refusals = 0

    def may_start(self, now: float) -> bool:
        """Whether an event may try to start."""
        return now >= self.resume_at or self._openings > 0

    def start(self, now: float) -> None:
        """An event tries to start."""
        if now < self.resume_at:
            self._openings -= 1

    def refuse(self, now: float) -> None:
        """An event was refused: pause, longer after each refusal in a row."""
        if now >= self.resume_at:
            self.resume_at = now + min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0**self._refusals)
            self._openings = 0
            self._refusals = min(self._refusals + 1, _MOST_DOUBLINGS)

    def accept(self) -> None:
        """An event has run."""
        self._refusals = 0

    def free(self, now: float) -> bool:
        """Concurrency has become free, so one event may try again. Returns whether one was refused before."""
        if now >= self.resume_at:
            return False
        self._openings += 1
        return True
