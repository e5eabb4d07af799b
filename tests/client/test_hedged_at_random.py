"""Hedged calls with any answers, faults, cancellations and closes at any time: nothing leaks, and the verdict is true."""

import asyncio
import contextlib
import functools
import gc
from collections.abc import Callable
from typing import Any

import attrs
from hypothesis import example, given
from hypothesis import strategies as st

from aiolambda import (
    AiolambdaError,
    Call,
    CallNext,
    ConnectionLostError,
    Delivery,
    InvokeCommandOutput,
    LambdaClient,
    StandardRetry,
)

from ..support import virtual
from ..support.hedging import Played, client_of
from ..support.retrying import Outcome, answer, now, throttle

KINDS: dict[str, tuple[Callable[[], Outcome], bool]] = {
    "answer": (lambda: answer(body=b'"tea"'), True),
    "function error": (lambda: answer(x_amz_function_error="Unhandled"), True),
    "lost": (lambda: ConnectionLostError("broke"), True),
    "not delivered": (lambda: ConnectionLostError("refused", delivery=Delivery.NOT_DELIVERED), False),
    "throttle": (throttle, False),
    "refusal": (lambda: answer(403, "AccessDeniedException"), False),
    "service": (lambda: answer(500, "ServiceException"), True),
}
"""What becomes of a request, and whether the function may have run."""

times = st.sampled_from([0.0, 0.1, 0.5, 0.6, 1.0, 3.0, 60.0])


@attrs.frozen(kw_only=True)
class Story:
    plays: tuple[tuple[float, str], ...]
    total: float | None
    attempts: int
    ends_at: float | None
    by: str
    in_map: bool


stories = st.builds(
    Story,
    plays=st.lists(st.tuples(times, st.sampled_from(sorted(KINDS))), min_size=1, max_size=4).map(tuple),
    total=st.sampled_from([None, 0.5, 2.0, 30.0]),
    attempts=st.integers(1, 3),
    ends_at=st.one_of(st.none(), times),
    by=st.sampled_from(["cancel", "close", "abort", "middleware"]),
    in_map=st.booleans(),
)


@given(stories)
@example(Story(plays=((60.0, "answer"), (0.1, "answer")), total=None, attempts=1, ends_at=0.6, by="close", in_map=True))
@example(Story(plays=((0.6, "answer"), (0.1, "lost")), total=None, attempts=1, ends_at=None, by="close", in_map=True))
@example(Story(plays=((2.0, "answer"), (60.0, "answer")), total=None, attempts=1, ends_at=None, by="middleware", in_map=True))
@example(Story(plays=((60.0, "answer"), (0.6, "answer")), total=None, attempts=1, ends_at=None, by="middleware", in_map=False))
@example(Story(plays=((0.6, "lost"), (60.0, "answer")), total=2.0, attempts=1, ends_at=None, by="close", in_map=False))
def test_nothing_leaks_and_the_verdict_is_true(story: Story) -> None:
    virtual.run(play(story))


async def play(story: Story) -> None:
    fake = Played(*((seconds, KINDS[kind][0]()) for seconds, kind in story.plays))
    client = await client_in(story, fake).__aenter__()
    verdict: list[Delivery] = []
    settings: dict[str, Any] = {"idempotent": True, "hedge_after": 0.5, "timeout": story.total}

    async def call() -> Any:
        if not story.in_map:
            return await client.invoke("f", **settings)
        results = await client.map("f", [1], deadline=600, **settings).collect()
        for result in results:  # none, if the client was closed before the item was read
            if result.error is not None:
                verdict.append(result.delivery)  # on all invocations of the item
                raise result.error
            return result.output
        return None

    faults: list[dict[str, Any]] = []  # of callbacks, and of tasks whose errors nobody has seen
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
    before = asyncio.all_tasks()
    task = asyncio.create_task(call())
    if story.ends_at is not None:
        await asyncio.sleep(story.ends_at)
        await end(story.by, task, client)
    output = None
    try:
        output = await task
    except asyncio.CancelledError:
        assert story.by == "cancel"
    except AiolambdaError as error:
        verdict = verdict or [error.delivery]
    assert (fake.in_flight, client._state.slots.in_flight) == (0, 0)
    assert asyncio.all_tasks() == before
    assert fake.most <= 2
    assert client._maps._admission is None or client._maps._admission._account.in_flight == 0
    gc.collect(0)
    assert faults == []
    check(story, fake, output, verdict)
    sent = len(fake.times)
    with contextlib.suppress(AiolambdaError):
        await client.close()
    await asyncio.sleep(100)
    assert len(fake.times) == sent


def client_in(story: Story, fake: Played) -> LambdaClient:
    client = client_of(fake, retry=StandardRetry(max_attempts=story.attempts))
    if story.by == "middleware":
        client.middleware_stack.add(functools.partial(close_after, client))
    return client


async def close_after(client: LambdaClient, call: Call[Any, Any], call_next: CallNext[Any, Any]) -> Any:
    """A middleware that closes its client once it has an answer: neither side of its call is awaited or aborted."""
    output = await call_next(call)
    answered = now()
    await client.close(grace=600)
    if now() != answered:
        asyncio.get_running_loop().call_exception_handler({"message": "the close has waited"})
    return output


async def end(by: str, task: "asyncio.Task[Any]", client: LambdaClient) -> None:
    if by == "cancel":
        task.cancel()
    elif by == "close":
        await client.close(grace=0.05)
    elif by == "abort":
        client.abort()


def check(story: Story, fake: Played, output: InvokeCommandOutput | None, verdict: list[Delivery]) -> None:
    """The attempts are those that the function has seen, and so is the verdict."""
    sent = len(fake.times)
    kinds = [story.plays[min(number, len(story.plays) - 1)][1] for number in range(sent)]
    if output is not None:
        if not story.in_map:
            assert output.metadata.attempts == len(output.metadata.history) == sent
        assert sent >= (1 if output.metadata.hedge is None else 2)
    if verdict:
        ran = any(number in fake.cut or KINDS[kind][1] for number, kind in enumerate(kinds))
        assert verdict[0].may_have_run is ran
