"""The queue for connections and for turns to open one: who is served, by what, and that nothing of it is lost."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolambda import Call, CallNext, Credentials, LambdaClient
from aiolambda.transport import connect_queue as module
from aiolambda.transport.connect_queue import Reservation, Shelf, Turns

from ..support.servers import always, answer, raw_server
from ..support.transports import transport_with

Task = asyncio.Task[Reservation]


def busy() -> tuple[Turns, Reservation]:
    """A queue with one turn, and the reservation that has it."""
    turns = Turns(max_connecting=1)
    holder = turns.turn()
    holder.hold()
    return turns, holder


async def waiting(turns: Turns, shelf: Shelf[str]) -> Task:
    task = asyncio.create_task(turns.reserve(shelf))
    await asyncio.sleep(0)
    return task


def comes_back(turns: Turns, shelf: Shelf[str]) -> None:
    shelf.idle.append("a connection")
    turns.hand_out(shelf)


async def test_queue_is_first_in_first_out() -> None:
    turns, holder = busy()
    shelf: Shelf[str] = Shelf()
    one, two, three = [await waiting(turns, shelf) for _ in range(3)]
    comes_back(turns, shelf)
    assert (await one).shelf is shelf
    assert turns.promise(shelf) is None
    holder.release()
    assert (await two).shelf is None
    assert not three.done()
    comes_back(turns, shelf)
    assert (await three).shelf is shelf
    for task in (one, two, three):
        task.result().release()
    assert (turns.in_use, shelf.promised, len(shelf.waiting)) == (0, 0, 0)


async def test_connection_is_reserved_only_for_its_route() -> None:
    turns, holder = busy()
    here: Shelf[str] = Shelf()
    there: Shelf[str] = Shelf()
    first, second = await waiting(turns, here), await waiting(turns, there)
    comes_back(turns, there)
    assert (await second).shelf is there
    assert not first.done()
    holder.release()
    assert (await first).shelf is None
    first.result().release()


async def test_unused_reservation_goes_to_the_next_waiter() -> None:
    turns, _ = busy()
    shelf: Shelf[str] = Shelf()
    shelf.idle.append("a connection")
    promise = turns.promise(shelf)
    assert promise is not None
    task = await waiting(turns, shelf)
    assert not task.done()
    promise.release()
    assert (await task).shelf is shelf


@pytest.mark.parametrize("by_turn", [False, True])
async def test_waiter_cancelled_when_served_loses_nothing(by_turn: bool) -> None:
    turns, holder = busy()
    shelf: Shelf[str] = Shelf()
    gone, next_one = await waiting(turns, shelf), await waiting(turns, shelf)
    if by_turn:
        holder.release()
    else:
        comes_back(turns, shelf)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    async with asyncio.timeout(1):
        assert ((await next_one).shelf is None) is by_turn


@pytest.mark.parametrize("by_turn", [False, True])
async def test_cancelled_waiters_are_skipped(by_turn: bool) -> None:
    """Thousands of them, as when the caller of a large fan-out gives up."""
    turns, holder = busy()
    shelf: Shelf[str] = Shelf()
    gone = [await waiting(turns, shelf) for _ in range(5000)]
    next_one = await waiting(turns, shelf)
    for task in gone:
        task.cancel()
    if by_turn:  # their tasks have not run since
        holder.release()
    else:
        comes_back(turns, shelf)
    async with asyncio.timeout(1):
        assert ((await next_one).shelf is None) is by_turn
    assert not shelf.waiting
    ended = await asyncio.gather(*gone, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in ended)


async def test_timed_out_waiter_leaves_the_queue() -> None:
    turns, holder = busy()
    shelf: Shelf[str] = Shelf()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await turns.reserve(shelf)
    assert not shelf.waiting
    holder.release()
    assert turns.in_use == 0


async def test_reserve_first_precedes_earlier_waiters() -> None:
    turns, holder = busy()
    shelf: Shelf[str] = Shelf()
    later = await waiting(turns, shelf)
    first = asyncio.create_task(turns.reserve(shelf, first=True))
    await asyncio.sleep(0)
    holder.release()
    assert (await first).shelf is None
    first.result().release()
    assert (await later).shelf is None


async def test_reservation_in_use_is_not_current() -> None:
    turns, _ = busy()
    turn = turns.turn()
    turn.enter()
    assert module.current_reservation() is turn
    turn.hold()
    assert module.current_reservation() is None
    turn.end()


async def test_give_back_current_ends_the_reservation() -> None:
    turns, holder = busy()
    holder.end()
    outer = turns.turn()
    outer.enter()
    module.give_back_current()
    assert (outer.ended, turns.in_use) == (True, 0)
    outer.end()


async def test_child_task_keeps_its_parents_reservation() -> None:
    """Its parent goes on beside it, and is about to use that place; the child waits for one of its own."""

    async def child() -> Reservation | None:
        module.give_back_current()
        own = await turns.reserve(Shelf())
        own.enter()
        found = module.current_reservation()
        own.end()
        return found

    turns, holder = busy()
    holder.end()
    outer = turns.turn()
    outer.enter()
    task = asyncio.create_task(child())
    await asyncio.sleep(0)
    assert (outer.ended, turns.in_use, task.done()) == (False, 1, False)
    assert module.current_reservation() is outer
    outer.end()
    assert await task is not outer
    assert turns.in_use == 0


async def test_new_call_leaves_a_signed_one_its_turn() -> None:
    async def starts_another(call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
        if call.function_name == "parent":
            calls.extend(asyncio.create_task(client.invoke(name)) for name in ("waits", "child"))
            for _ in range(20):
                await asyncio.sleep(0)
        return await call_next(call)

    calls: list[asyncio.Task[Any]] = []
    async with raw_server(always(answer())) as server:
        keys = Credentials("AKIDEXAMPLE", "secret")
        transport = transport_with(max_connecting=1)
        async with LambdaClient(region="us-east-1", credentials=keys, endpoint_url=server.url, transport=transport) as client:
            client.middleware_stack.add_relative_to(starts_another, relation="after", to_middleware="httpSigningMiddleware")
            await client.invoke("parent")
            await asyncio.gather(*calls)
    first, *others = [head.split(b"/")[3] for head, _ in server.requests]
    assert first == b"parent"
    assert sorted(others) == [b"child", b"waits"], "one opens a connection, the other may get the parent's before that is open"


@pytest.mark.parametrize("by_turn", [False, True])
def test_release_on_a_closed_loop_wakes_no_waiter(by_turn: bool) -> None:
    loop = asyncio.new_event_loop()
    shelf: Shelf[str] = Shelf()

    async def begin() -> tuple[Turns, Reservation, Task]:
        turns, holder = busy()
        shelf.idle.append("a connection")
        held = holder if by_turn else turns.promise(shelf)
        assert held is not None
        return turns, held, await waiting(turns, shelf)

    turns, held, task = loop.run_until_complete(begin())
    loop.close()
    held.release()
    assert (turns.in_use, shelf.promised) == ((0, 0) if by_turn else (1, 0))
    assert not task.done()
    task._log_destroy_pending = False  # type: ignore[attr-defined] - its loop is closed on purpose


class Traffic:
    """Callers of two places who ask, are served, give back, give up, and lose connections, in any order; and what must hold."""

    def __init__(self) -> None:
        self.turns = Turns(max_connecting=2)
        self.shelves: list[Shelf[str]] = [Shelf(), Shelf()]
        self.waiting: list[tuple[Shelf[str], Task]] = []
        self.held: list[tuple[Shelf[str], Reservation]] = []

    def ask(self, number: int) -> None:
        self.waiting.append(self.task_of(number, first=False))

    def ask_first(self, number: int) -> None:
        self.waiting.insert(0, self.task_of(number, first=True))

    def task_of(self, number: int, *, first: bool) -> tuple[Shelf[str], Task]:
        shelf = self.shelves[number % 2]

        async def reserve() -> Reservation:
            return self.turns.promise(shelf) or await self.turns.reserve(shelf, first=first)

        return shelf, asyncio.create_task(reserve())

    def give_up(self, number: int) -> None:
        if self.waiting:
            self.waiting[number % len(self.waiting)][1].cancel()

    def use(self, number: int) -> None:
        """Send over the connection that was promised or opened, and bring it back."""
        if self.held:
            shelf, reservation = self.held.pop(number % len(self.held))
            if reservation.shelf is not None and shelf.idle:
                shelf.idle.pop()
            reservation.release()
            comes_back(self.turns, shelf)

    def let_go(self, number: int) -> None:
        if self.held:
            self.held.pop(number % len(self.held))[1].release()

    def lose(self, number: int) -> None:
        shelf = self.shelves[number % 2]
        if shelf.idle:
            shelf.idle.popleft()

    async def settle(self) -> None:
        """Let all run who can, and check: nobody waits for what is there, none is passed, and what is counted is held."""
        for _ in range(4):
            await asyncio.sleep(0)
        passed: set[int] = set()
        for shelf, task in list(self.waiting):
            if task.done():
                self.waiting.remove((shelf, task))
                if not task.cancelled():
                    assert id(shelf) not in passed
                    self.held.append((shelf, task.result()))
            else:
                passed.add(id(shelf))
        assert not (self.waiting and self.turns.is_free)
        for shelf in self.shelves:
            assert not (id(shelf) in passed and shelf.has_spare)
            assert shelf.promised == sum(reservation.shelf is shelf for _, reservation in self.held)
            assert len(shelf.waiting) == sum(place is shelf for place, _ in self.waiting)
        assert self.turns.in_use == sum(reservation.shelf is None for _, reservation in self.held)

    async def run(self, steps: Sequence[tuple[str, int, bool]]) -> None:
        for name, number, settles in steps:
            at_once = name == "ask_first"  # before those who wait, not before those who have not begun to
            if at_once:
                await self.settle()
            getattr(self, name)(number)
            if settles or at_once:
                await self.settle()
        await self.settle()
        while self.held or self.waiting:  # whoever waits is served in the end
            self.let_go(0)
            await self.settle()


MOVES = st.tuples(
    st.sampled_from(["ask", "ask", "ask", "ask_first", "use", "use", "give_up", "let_go", "lose"]),
    st.integers(0, 9),
    st.booleans(),
)


@given(st.lists(MOVES, min_size=10, max_size=80))
def test_random_traffic_loses_no_reservation(steps: list[tuple[str, int, bool]]) -> None:
    async def traffic() -> None:
        await Traffic().run(steps)

    asyncio.run(traffic())
