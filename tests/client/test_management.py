"""The calls that look at functions: what they ask, what they return, and how pages follow one another."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from aiolambda import (
    AccountLimits,
    AiolambdaError,
    Call,
    CallNext,
    FunctionDescription,
    InvalidInputError,
    InvokeCommand,
    ResourceNotFoundException,
    StandardRetry,
    Timeouts,
)
from aiolambda.operations import (
    GetFunctionCommand,
    ListAliasesCommand,
    ListFunctionsCommand,
    ListFunctionsCommandInput,
    ListFunctionsCommandOutput,
)
from aiolambda.operations.api_operation import PagedCommand

from ..support.api_values import COMMANDS
from ..support.checkers import CHECKERS, check, refused_lines
from ..support.function_service import FunctionService, client_of, failure, found

pytestmark = pytest.mark.virtual_time

CONFIGURATION = {
    "FunctionName": "f",
    "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:f:live",
    "Version": "7",
    "State": "Inactive",
    "StateReason": "it is idle",
    "StateReasonCode": "Idle",
    "LastUpdateStatus": "Failed",
    "LastUpdateStatusReason": "no such image",
    "LastUpdateStatusReasonCode": "ImageDeleted",
    "LastModified": "2026-11-30T01:02:03.000+0000",
    "Timeout": 120,
    "MemorySize": 512,
    "Runtime": "python3.14",
}


def page(*names: str, marker: str | None = None) -> Any:
    functions = [{"FunctionName": name} for name in names]
    return found(Functions=functions, NextMarker=marker)


# One answer


async def test_describe_returns_what_a_caller_needs() -> None:
    service = FunctionService(function=found(Configuration=CONFIGURATION, Concurrency={"ReservedConcurrentExecutions": 5}))
    async with client_of(service) as client:
        function = await client.describe("f", qualifier="live")
    assert service.requests[0].url.endswith("/2015-03-31/functions/f?Qualifier=live")
    assert function == FunctionDescription(
        function_name="f",
        function_arn="arn:aws:lambda:eu-west-1:123456789012:function:f:live",
        version="7",
        state="Inactive",
        state_reason="it is idle",
        state_reason_code="Idle",
        last_update_status="Failed",
        last_update_reason="no such image",
        last_update_reason_code="ImageDeleted",
        last_modified="2026-11-30T01:02:03.000+0000",
        timeout=120,
        memory=512,
        reserved_concurrency=5,
        configuration=function.configuration,
    )
    assert function.configuration.runtime == "python3.14"
    assert "python3.14" not in repr(function)


@pytest.mark.parametrize(
    ("state", "update", "is_ready"),
    [
        ("Active", "Successful", True),
        (None, None, True),
        ("Pending", "Successful", False),
        ("Active", "InProgress", False),
        ("Active", "Failed", False),
        ("Inactive", None, False),
    ],
)
def test_a_function_is_ready_if_it_is_active_and_updated(state: str | None, update: str | None, is_ready: bool) -> None:
    assert FunctionDescription(state=state, last_update_status=update).is_ready is is_ready


async def test_describe_of_an_empty_answer_knows_nothing() -> None:
    async with client_of(FunctionService(function=found())) as client:
        assert await client.describe("f") == FunctionDescription()


async def test_account_limits_are_those_of_the_answer() -> None:
    limit = {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 900, "TotalCodeSize": 3, "CodeSizeZipped": 1}
    answer = found(AccountLimit={**limit, "CodeSizeUnzipped": 2}, AccountUsage={"TotalCodeSize": 4, "FunctionCount": 5})
    async with client_of(FunctionService(account_settings=[answer, found()])) as client:
        assert await client.account_limits() == AccountLimits(
            concurrent_executions=1000,
            unreserved_concurrent_executions=900,
            total_code_size=3,
            code_size_zipped=1,
            code_size_unzipped=2,
            used_code_size=4,
            function_count=5,
        )
        assert await client.account_limits() == AccountLimits()


async def test_a_wrong_name_is_refused_before_anything_is_sent() -> None:
    service = FunctionService()
    calls: list[Any] = [
        lambda client: client.describe("no name"),
        lambda client: client.wait_until("no name", "active"),
        lambda client: anext(client.versions("no name")),
        lambda client: anext(client.aliases("no name")),
        lambda client: anext(client.event_source_mappings("no name")),
    ]
    async with client_of(service) as client:
        for call in calls:
            with pytest.raises(InvalidInputError, match="is not a function name"):
                await call(client)
    assert service.requests == []


async def test_a_mistaken_argument_is_named() -> None:
    async with client_of(FunctionService()) as client:
        wrong: Any = client
        with pytest.raises(TypeError, match="has no argument 'qualifer'; did you mean qualifier"):
            wrong.describe("f", qualifer="live")
        with pytest.raises(TypeError, match="has no argument 'page_sise'; did you mean page_size"):
            wrong.functions(page_sise=5)


# Pages


async def test_pages_follow_the_markers() -> None:
    service = FunctionService(functions=[page("a", "b", marker="m+1"), page(marker="m/2"), page("c")])
    async with client_of(service) as client:
        pages = [page async for page in client.pages(ListFunctionsCommand(max_items=2))]
    assert [[function.function_name for function in page.functions or ()] for page in pages] == [["a", "b"], [], ["c"]]
    assert service.queries() == ["MaxItems=2", "Marker=m%2B1&MaxItems=2", "Marker=m%2F2&MaxItems=2"]


async def test_an_empty_marker_is_the_end() -> None:
    service = FunctionService(functions=page("a", marker=""))
    async with client_of(service) as client:
        assert len([page async for page in client.pages(ListFunctionsCommand(marker="from here"))]) == 1
    assert service.queries() == ["Marker=from%20here"]


async def test_a_marker_that_comes_again_is_an_error() -> None:
    service = FunctionService(functions=page("a", marker="m"))
    async with client_of(service) as client:
        names: list[str | None] = []
        functions = client.functions()
        for _ in range(2):
            with pytest.raises(AiolambdaError, match="ListFunctions gave the marker of a page for the next one"):
                async for function in functions:
                    names.append(function.function_name)  # noqa: PERF401 - those before the error
    assert (names, len(service.requests)) == (["a", "a"], 2)


async def test_nothing_is_sent_before_it_is_asked_for() -> None:
    service = FunctionService(functions=[page("a", "b", marker="m"), page("c", marker="n"), page("d")])
    async with client_of(service) as client:
        functions = client.functions()
        assert service.requests == []
        names = [(await anext(functions)).function_name for _ in range(2)]
        assert (names, len(service.requests)) == (["a", "b"], 1)
        async for function in functions:
            assert function.function_name == "c"
            break
    assert len(service.requests) == 2


async def test_a_step_that_failed_asks_for_the_same_page_again() -> None:
    service = FunctionService(functions=[page("a", marker="m"), failure("ServiceException", 500), page("b")])
    async with client_of(service) as client:
        functions = client.functions()
        await anext(functions)
        with pytest.raises(AiolambdaError):
            await anext(functions)
        assert [function.function_name async for function in functions] == ["b"]
    assert service.queries() == ["", "Marker=m", "Marker=m"]


async def test_a_step_that_was_cancelled_loses_no_page() -> None:
    async def never(request: Any) -> Any:
        await asyncio.Event().wait()

    service = FunctionService(functions=[page("a", marker="m"), never, page("b")])
    async with client_of(service) as client:
        functions = client.functions()
        await anext(functions)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await anext(functions)
        assert [function.function_name async for function in functions] == ["b"]


async def test_pages_are_repeated_like_all_reads() -> None:
    service = FunctionService(functions=[failure("ServiceException", 500), page("a")])
    async with client_of(service, retry=StandardRetry()) as client:
        assert [function.function_name async for function in client.functions()] == ["a"]


async def test_the_middlewares_of_a_command_see_each_of_its_pages() -> None:
    seen: list[str | None] = []

    async def sees(
        call: Call[ListFunctionsCommandInput, ListFunctionsCommandOutput],
        call_next: CallNext[ListFunctionsCommandInput, ListFunctionsCommandOutput],
    ) -> ListFunctionsCommandOutput:
        seen.append(call.input.marker)
        return await call_next(call)

    command = ListFunctionsCommand()
    command.middleware_stack.add(sees)
    async with client_of(FunctionService(functions=[page(marker="m"), page()])) as client:
        assert len([page async for page in client.pages(command)]) == 2
    assert seen == [None, "m"]


async def test_each_page_has_the_limits_that_were_given() -> None:
    service = FunctionService(functions=[page(marker="m"), page()])
    async with client_of(service) as client:
        limits = Timeouts(total=3, read=2)
        assert [page async for page in client.pages(ListFunctionsCommand(), timeout=limits)]
    assert [request.timeouts for request in service.requests] == [limits, limits]


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (GetFunctionCommand(function_name="f"), "the answer to GetFunctionCommand does not come in pages"),
        (InvokeCommand(function_name="f"), "the answer to InvokeCommand does not come in pages"),
        (ListFunctionsCommand, r"pages takes a command; got the class ListFunctionsCommand: create a command"),
        ("list_functions", "pages takes a command; got a string"),
    ],
    ids=["without pages", "invocation", "class", "string"],
)
async def test_a_command_without_pages_is_refused(command: Any, text: str) -> None:
    async with client_of(FunctionService()) as client:
        with pytest.raises(InvalidInputError, match=text):
            client.pages(command)


# Lists


async def test_lists_ask_for_what_was_said() -> None:
    service = FunctionService(
        functions=page("a"),
        versions=found(Versions=[{"Version": "$LATEST"}, {"Version": "1"}]),
        aliases=found(Aliases=[{"Name": "live"}]),
        event_source_mappings=found(EventSourceMappings=[{"UUID": "u"}]),
    )
    arn = "arn:aws:sqs:eu-west-1:123456789012:q"
    async with client_of(service) as client:
        assert [one.function_name async for one in client.functions(all_versions=True, page_size=9)] == ["a"]
        assert [one.version async for one in client.versions("f", page_size=8)] == ["$LATEST", "1"]
        assert [one.name async for one in client.aliases("f", function_version="1", page_size=7)] == ["live"]
        mappings = client.event_source_mappings("f", event_source_arn=arn, page_size=6)
        assert [one.uuid async for one in mappings] == ["u"]
        assert [one.uuid async for one in client.event_source_mappings()] == ["u"]
    assert [request.url.partition(".com")[2] for request in service.requests] == [
        "/2015-03-31/functions?FunctionVersion=ALL&MaxItems=9",
        "/2015-03-31/functions/f/versions?MaxItems=8",
        "/2015-03-31/functions/f/aliases?FunctionVersion=1&MaxItems=7",
        "/2015-03-31/event-source-mappings?EventSourceArn=arn%3Aaws%3Asqs%3Aeu-west-1%3A123456789012%3Aq&FunctionName=f&MaxItems=6",
        "/2015-03-31/event-source-mappings",
    ]


async def test_the_errors_of_a_list_come_with_its_first_item() -> None:
    async with client_of(FunctionService(versions=failure("ResourceNotFoundException", 404))) as client:
        versions = client.versions("f")
        with pytest.raises(ResourceNotFoundException):
            await anext(versions)


def test_paged_commands_have_a_marker_and_items() -> None:
    paged = {name: command for name, command in COMMANDS.items() if issubclass(command, PagedCommand)}
    assert len(paged) == 16
    assert ListAliasesCommand.operation.items == "aliases"
    assert {name for name, command in COMMANDS.items() if command.operation.items is not None} == set(paged)


# Type checkers


RIGHT = """
from aiolambda import FunctionDescription, LambdaClient, Timeouts
from aiolambda.operations import FunctionConfiguration, ListFunctionsCommand, ListLayersCommand


async def main(client: LambdaClient) -> FunctionDescription:
    found: list[FunctionConfiguration] = [one async for one in client.functions()]
    found += [one async for one in client.versions("f", page_size=5)]
    print([alias.function_version async for alias in client.aliases("f")])
    print([mapping.uuid async for mapping in client.event_source_mappings(event_source_arn="a")])
    async for page in client.pages(ListFunctionsCommand(function_version="ALL")):
        found += page.functions or []
    async for layers in client.pages(ListLayersCommand(), timeout=Timeouts(read="function")):
        print(layers.next_marker, layers.layers)
    await client.wait_until("f", "provisioned", qualifier="1", timeout=None)
    limits = await client.account_limits()
    async with client.map("f", [1], concurrency="limits", timeout=limits.concurrent_executions) as run:
        print(run.stats)
    return await client.describe("f", qualifier="live")
"""
WRONG = """
from aiolambda import LambdaClient, Timeouts
from aiolambda.operations import GetFunctionCommand, ListFunctionsCommand


async def main(client: LambdaClient) -> None:
    client.pages(GetFunctionCommand(function_name="f"))
    async for page in client.pages(ListFunctionsCommand()):
        print(page.aliases)
    await client.wait_until("f", "activ")
    await client.wait_until("f", "active", timeout=Timeouts(total=3))
    (await client.describe("f")).memory_size
    client.versions()
    Timeouts(read="functions")
    client.map("f", [1], concurrency="limit")
    client.map_commands([], concurrency="limits")
"""


@pytest.mark.parametrize("checker", CHECKERS)
def test_type_checkers_know_what_is_asked_and_answered(checker: str, tmp_path: Path, cache: pytest.Cache) -> None:
    done = check(checker, {"right": RIGHT, "wrong": WRONG}, tmp_path, cache)
    assert refused_lines(done) == {("wrong", number) for number in (7, 9, 10, 11, 12, 13, 14, 15, 16)}, done.stdout
