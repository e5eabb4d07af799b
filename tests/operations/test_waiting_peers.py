"""Pages and waits beside botocore: the same questions, the same items, the same ends, for answers that are generated."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from aiolambda import AiolambdaError, LambdaServiceException, Response, WaitError, WaitTimeoutError
from aiolambda.client.pages import Items
from aiolambda.client.waits import CONDITIONS
from aiolambda.operations.api.waiters import WAITERS
from aiolambda.operations.api_operation import PagedCommand
from aiolambda.operations.structure import Structure, table_of
from aiolambda.types.values import UNSET

from ..support import virtual
from ..support.api_values import COMMANDS, Answering, Peer, body_members, inputs, least, packed, peer, wire
from ..support.function_service import client_of, failure, found

PAGED = {name: command for name, command in COMMANDS.items() if issubclass(command, PagedCommand)}
EXAMPLES = settings(max_examples=15, phases=[Phase.explicit, Phase.generate, Phase.shrink])
ERRORS = [(404, "ResourceNotFoundException"), (403, "AccessDeniedException"), (500, "ServiceException")]


@pytest.fixture(scope="module")
def botocore() -> Iterator[Peer]:
    yield from peer("waiting_peer.py")


def response_of(answer: tuple[int, str, Any]) -> Response:
    status, code, members = answer
    return failure(code, status) if code else found(status, **members)


def body_of(output: Structure) -> dict[str, Any]:
    values = {member.wire_name: wire(getattr(output, member.name, None), member.kind) for member in body_members(type(output))}
    return {name: value for name, value in values.items() if value is not None}


# Pages


async def read(name: str, input: Structure, answers: list[Response]) -> tuple[str, list[Any], list[str]]:
    """How the items of all pages end, which they are, and the URLs that were asked for."""
    transport, items = Answering(*answers), list[Any]()
    async with client_of(transport) as client:
        command: Any = COMMANDS[name](input)
        try:
            async for item in Items(client, command, UNSET):
                items.append(packed(item))
            end = "success"
        except LambdaServiceException as error:
            end = error.code
        except AiolambdaError:
            end = "same token"
    return end, items, [request.url for request in transport.requests]


@pytest.mark.parametrize("name", PAGED)
def test_pages_are_those_of_botocore(name: str, botocore: Peer) -> None:
    operation = PAGED[name].operation
    input = least(operation.input_class)
    key = table_of(operation.output_class).members[str(operation.items)].api_name
    markers = st.sampled_from(["a", "b/c", "", None])

    @EXAMPLES
    @given(st.lists(st.tuples(inputs(operation.output_class), markers), min_size=1, max_size=4), st.booleans())
    def is_equal(pages: list[tuple[Structure, str | None]], fails: bool) -> None:
        answers: list[tuple[int, str, Any]] = [
            (200, "", body_of(output.evolve(next_marker=marker))) for output, marker in pages
        ]
        answers += [(500, "ServiceException", {})] if fails else []
        theirs = botocore.ask({"operation": name, "input": packed(input), "result_key": key, "answers": answers})
        ours = virtual.run(read(name, input, [response_of(answer) for answer in answers]))
        assert ours == (theirs["end"], theirs["items"], [url.removesuffix("?") for url in theirs["sent"]])

    is_equal()


# Waits


def states(waiter: str) -> st.SearchStrategy[tuple[int, str, Any]]:
    """Answers to the questions of a waiter: every state that it knows, others, none, and errors."""
    asked = WAITERS[waiter]
    paths = [acceptor.argument for acceptor in asked.acceptors if acceptor.argument is not None]
    path = paths[0] if paths else "Configuration.State"
    known = [acceptor.expected for acceptor in asked.acceptors if acceptor.matcher == "path"]

    def answer(state: object) -> tuple[int, str, Any]:
        members: Any = state
        for part in reversed(path.split(".")):
            members = {part: members}
        return 200, "", members

    ends = st.sampled_from([*known, "Inactive", "Newer", None]).map(answer)
    return ends | st.just((200, "", {})) | st.sampled_from([(*error, {}) for error in ERRORS])


def verdicts(waiter: str, answers: list[Any], theirs: Any) -> None:
    """Hold the verdicts on the answers that botocore saw against its end."""
    asked = WAITERS[waiter]
    seen = [answers[min(number, len(answers) - 1)] for number in range(len(theirs["sent"]))]
    operation = COMMANDS[asked.operation].operation
    *before, last = [asked.verdict(outcome_of(operation, answer)) for answer in seen]
    assert set(before) <= {"retry"}
    assert last == {"success": "success", "failure": "failure", "error": None, "timeout": "retry"}[theirs["end"]]
    assert len(seen) <= asked.most_attempts
    assert theirs["slept"] == [asked.delay] * (len(seen) - 1)


def outcome_of(operation: Any, answer: tuple[int, str, Any]) -> object:
    if answer[1]:
        return LambdaServiceException("said", code=answer[1])
    return operation.output(None, response_of(answer), metadata=None, codec=None)


async def waited(condition: Any, answers: list[Response]) -> tuple[str, int, float]:
    """How a wait ends, the number of questions, and the seconds until the last one."""
    transport = Answering(*answers)
    moments: list[float] = []

    class Timed(Answering):
        async def send(self, request: Any, /) -> Response:
            moments.append(virtual.asyncio.get_running_loop().time())
            return await transport.send(request)

    async with client_of(Timed(*answers)) as client:
        started = virtual.asyncio.get_running_loop().time()
        try:
            await client.wait_until("f", condition, qualifier="1")
            end = "success"
        except WaitTimeoutError:
            end = "timeout"
        except WaitError:
            end = "failure"
        except LambdaServiceException:
            end = "error"
    return end, len(moments), moments[-1] - started


@pytest.mark.parametrize("waiter", WAITERS)
def test_waits_end_as_those_of_botocore(waiter: str, botocore: Peer) -> None:
    conditions = [name for name, condition in CONDITIONS.items() if condition.waiter is WAITERS[waiter]]

    @EXAMPLES
    @given(st.lists(states(waiter), min_size=1, max_size=5))
    def is_equal(answers: list[tuple[int, str, Any]]) -> None:
        asked = {"waiter": waiter, "input": {"FunctionName": "f", "Qualifier": "1"}, "answers": answers}
        theirs = botocore.ask(asked)
        verdicts(waiter, answers, theirs)
        for condition in conditions:
            ours = virtual.run(waited(condition, [response_of(answer) for answer in answers]))
            assert ours == (theirs["end"], len(theirs["sent"]), sum(theirs["slept"]))

    is_equal()


def test_four_conditions_have_waiters_of_the_model() -> None:
    of_model = {name: condition.waiter for name, condition in CONDITIONS.items() if condition.waiter in WAITERS.values()}
    assert of_model == {
        "active": WAITERS["FunctionActiveV2"],
        "updated": WAITERS["FunctionUpdatedV2"],
        "exists": WAITERS["FunctionExists"],
        "published": WAITERS["PublishedVersionActive"],
    }
