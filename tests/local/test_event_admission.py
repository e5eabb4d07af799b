"""The turns of events and synchronous calls in one function's concurrency, and the pauses of events that are refused."""

from aiolambda.local.events.admission import Throttle, Turns


def turns(limit: int, *, events: int = 0, calls: int = 0) -> Turns:
    shared = Turns()
    shared.limit = limit
    for _ in range(events):
        assert shared.begin_event(0)
    for _ in range(calls):
        assert shared.begin_call(0, is_event_waiting=False)
    return shared


def test_both_may_use_all_of_the_concurrency():
    assert not turns(3, events=3).begin_event(0)
    assert not turns(3, calls=3).begin_call(0, is_event_waiting=False)
    mixed = turns(3, events=1, calls=2)
    assert (mixed.begin_event(0), mixed.begin_call(0, is_event_waiting=True)) == (False, False)


def test_events_leave_room_for_a_call_that_was_refused():
    shared = turns(3, events=3)
    assert not shared.begin_call(10, is_event_waiting=True)
    shared.end_event()
    assert (shared.begin_event(11.9), shared.begin_event(12)) == (False, True)


def test_the_room_ends_as_a_call_begins():
    shared = turns(3, events=3)
    assert not shared.begin_call(10, is_event_waiting=False)
    shared.end_event()
    assert shared.begin_call(11, is_event_waiting=False)
    shared.end_call()
    assert shared.room_until == 0
    assert shared.begin_event(11)
    shared.end_event()
    assert shared.begin_event(11)


def test_calls_leave_room_for_an_event_that_waits():
    shared = turns(2, calls=2)
    shared.end_call()
    assert not shared.begin_call(0, is_event_waiting=True)
    assert shared.begin_event(0)  # although the call was refused
    shared.end_call()
    assert shared.begin_call(0, is_event_waiting=True)


def test_events_and_calls_alternate():
    shared = turns(1)
    for _ in range(3):
        assert (shared.begin_call(0, is_event_waiting=True), shared.begin_call(0, is_event_waiting=True)) == (True, False)
        shared.end_call()
        assert (shared.begin_call(0, is_event_waiting=True), shared.begin_event(0)) == (False, True)
        shared.end_event()
        assert not shared.begin_event(0)


def test_pauses_grow_until_an_event_has_run():
    throttle, now, pauses = Throttle(), 0.0, []
    for _ in range(9):
        throttle.refuse(now)
        throttle.refuse(now)  # several at once are one refusal
        pauses.append(round(throttle.resume_at - now, 6))
        now = throttle.resume_at
    assert pauses == [0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1, 1, 1]
    throttle.accept()
    throttle.refuse(now)
    assert round(throttle.resume_at - now, 6) == 0.02


def test_what_becomes_free_lets_one_event_try():
    throttle = Throttle()
    assert not throttle.free(0)  # nothing was refused
    throttle.refuse(0)
    assert not throttle.may_start(0.01)
    assert throttle.free(0.01)
    assert throttle.may_start(0.01)
    throttle.start(0.01)
    assert (throttle.may_start(0.01), throttle.may_start(0.02)) == (False, True)


def test_openings_do_not_outlive_their_pause():
    throttle = Throttle()
    throttle.refuse(0)
    throttle.free(0.01)
    throttle.refuse(0.5)
    assert not throttle.may_start(0.5)
