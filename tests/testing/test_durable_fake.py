"""Durable functions of `FakeTransport`: starts, statuses, time, callbacks, and the errors of Lambda. No test sleeps."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from aiolambda import (
    ConfigurationError,
    ConnectionLostError,
    DurableExecutionAlreadyStartedException,
    FunctionError,
    InvalidInputError,
    InvocationTimeoutError,
    InvokeCommand,
    LambdaClient,
    LambdaServiceException,
    NoRetry,
    PayloadLimits,
    ResourceNotFoundException,
    TooManyRequestsException,
)
from aiolambda.errors.service import InvalidParameterValueException, ResourceConflictException
from aiolambda.operations.api.structures import ErrorObject
from aiolambda.testing import FakeTransport, FunctionFailure
from aiolambda.testing.durable import Callback, Context, Fail, Invoke, Paused, Step, Succeed, TimeOut, Wait

from ..support.durable import Stage, stage

pytestmark = pytest.mark.virtual_time

DAY = 86_400
LONG = [Wait("a day", seconds=DAY), Succeed({"total": 6})]


@pytest.fixture
async def orders() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def ended(orders: Stage, script: Any, payload: Any = None, **settings: Any) -> dict[str, Any]:
    """The description of an execution that has ended at once."""
    orders.fake.add_durable("orders", script, **settings)
    return await orders.describe(await orders.start(payload=payload))


# Starts


async def test_an_event_starts_an_execution(orders: Stage) -> None:
    orders.fake.add_durable("orders", LONG, qualifier="live", version="7")
    arn = await orders.start(payload={"id": 7}, name="order-7")
    prefix = "arn:aws:lambda:us-east-1:000000000000:function:orders"
    assert re.fullmatch(rf"{prefix}:7/durable-execution/order-7/[0-9a-f-]{{36}}", arn)
    found = await orders.describe(arn)
    assert (found["DurableExecutionArn"], found["DurableExecutionName"]) == (arn, "order-7")
    assert (found["FunctionArn"], found["Version"]) == (f"{prefix}:live", "7")
    assert (found["Status"], found["InputPayload"], found["ExecutionDataIncluded"]) == ("RUNNING", '{"id":7}', True)
    assert found["ExpectedExecutionTimeoutTimestamp"] == found["StartTimestamp"] + 366 * DAY
    assert found["DurableConfig"] == {"ExecutionTimeout": 366 * DAY}
    assert not found.keys() & {"Result", "Error", "EndTimestamp", "PauseDetails"}


async def test_a_synchronous_call_waits_for_the_end(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Step("charge", polls=5), Wait("cool down", seconds=600), Succeed({"total": 6})])
    before = asyncio.get_running_loop().time()
    output = await orders.client.invoke("orders:live", {"id": 7}, durable_execution_name="order-7")
    assert output.json() == {"total": 6}
    assert asyncio.get_running_loop().time() - before == pytest.approx(600)
    assert output.durable_execution_arn == orders.fake.durable_executions[0].arn
    assert (output.executed_version, output.function_error) == ("$LATEST", None)


async def test_a_synchronous_call_ends_with_the_error(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Fail("CardDeclined", "no money", stack_trace=["line 1"])])
    with pytest.raises(FunctionError) as raised:
        await orders.client.invoke("orders:live")
    assert (raised.value.error_type, raised.value.error_message) == ("CardDeclined", "no money")
    assert raised.value.stack_trace == ("line 1",)


async def test_a_synchronous_call_obeys_its_read_limit(orders: Stage) -> None:
    orders.fake.add_durable("orders", LONG)
    with pytest.raises(InvocationTimeoutError):
        await orders.client.invoke("orders:live", timeout=30)
    (execution,) = orders.fake.durable_executions
    assert execution.status == "RUNNING"


async def test_a_name_starts_once(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Wait("cool down", seconds=60), Succeed({"total": 6})])
    first = await orders.start(payload={"id": 7}, name="order-7")
    assert await orders.start(payload={"id": 7}, name="order-7") == first
    output = await orders.client.invoke("orders:live", {"id": 7}, durable_execution_name="order-7")
    assert output.durable_execution_arn == first
    with pytest.raises(DurableExecutionAlreadyStartedException):
        await orders.start(payload={"id": 8}, name="order-7")
    (execution,) = orders.fake.durable_executions
    assert (execution.name, execution.requests, execution.event()) == ("order-7", 3, {"id": 7})
    assert (execution.status, execution.json()) == ("SUCCEEDED", {"total": 6})


async def test_starts_without_a_name_are_many(orders: Stage) -> None:
    orders.fake.add_durable("orders", [])
    assert await orders.start() != await orders.start()
    assert len({execution.name for execution in orders.fake.durable_executions}) == 2


async def test_a_durable_function_needs_a_qualifier(orders: Stage) -> None:
    orders.fake.add_durable("orders", [], qualifier="live")
    with pytest.raises(InvalidParameterValueException, match="unqualified"):
        await orders.start("orders", name="order-7")
    assert orders.fake.durable_executions == []
    with pytest.raises(ResourceNotFoundException):
        await orders.start("orders:beta")
    orders.fake.add_durable("orders", [])
    assert ":$LATEST/" in await orders.start("orders:$LATEST")


async def test_a_function_that_is_not_durable_ignores_the_name(orders: Stage) -> None:
    orders.fake.add("orders", lambda _: {"total": 6})
    output = await orders.client.invoke("orders:live", durable_execution_name="order-7")
    assert (output.json(), output.durable_execution_arn) == ({"total": 6}, None)
    receipt = await orders.client.invoke_event("orders:live", durable_execution_name="order-7")
    assert receipt.durable_execution_arn is None
    assert orders.fake.durable_executions == []


async def test_a_dry_run_starts_nothing(orders: Stage) -> None:
    orders.fake.add_durable("orders", [])
    output = await orders.client.send(InvokeCommand(function_name="orders:live", invocation_type="DryRun"))
    assert (output.status_code, output.durable_execution_arn) == (204, None)
    assert orders.fake.durable_executions == []


async def test_a_stream_is_refused(orders: Stage) -> None:
    orders.fake.add_durable("orders", [])
    with pytest.raises(InvalidParameterValueException, match="streamed"):
        async with orders.client.stream("orders:live"):
            pass
    assert orders.fake.durable_executions == []


async def test_an_execution_is_in_the_region_and_account_of_the_arn(orders: Stage) -> None:
    orders.fake.add_durable("orders", [])
    arn = await orders.start("arn:aws-cn:lambda:cn-north-1:123456789012:function:orders:live", name="n")
    assert arn.startswith("arn:aws-cn:lambda:cn-north-1:123456789012:function:orders:$LATEST/durable-execution/n/")
    listed = await orders.ask(
        "ListDurableExecutionsByFunction", function_name="arn:aws-cn:lambda:cn-north-1:123456789012:function:orders"
    )
    assert [entry["DurableExecutionArn"] for entry in listed["DurableExecutions"]] == [arn]
    assert (await orders.ask("ListDurableExecutionsByFunction", function_name="orders"))["DurableExecutions"] == []


async def test_the_configuration_is_durable(orders: Stage) -> None:
    orders.fake.add_durable("orders", [], execution_timeout=3600)
    found = await orders.ask("GetFunctionConfiguration", function_name="orders", qualifier="live")
    assert found["DurableConfig"] == {"ExecutionTimeout": 3600}


# Handlers


async def test_a_handler_is_a_whole_execution(orders: Stage) -> None:
    seen: list[Any] = []

    async def handler(event: Any, context: Any) -> Any:
        seen.append((event, context.function_version))
        await asyncio.sleep(600)
        return {"total": 6}

    orders.fake.add_durable("orders", handler, qualifier="live", version="7")
    arn = await orders.start(payload={"id": 7}, name="order-7")
    assert await orders.start(payload={"id": 7}, name="order-7") == arn
    assert await orders.status(arn) == "RUNNING"
    await orders.fake.wait_idle()
    assert seen == [({"id": 7}, "7")]
    assert [execution.result() for execution in orders.fake.executions] == [{"total": 6}]
    found = await orders.describe(arn)
    assert (found["Status"], found["Result"]) == ("SUCCEEDED", '{"total": 6}')
    assert found["EndTimestamp"] - found["StartTimestamp"] == pytest.approx(600)


async def test_an_exception_of_a_handler_is_the_error(orders: Stage) -> None:
    def handler(event: Any) -> None:
        raise ValueError("no tea")

    orders.fake.add_durable("orders", handler)
    arn = await orders.start()
    await orders.fake.wait_idle()
    error = (await orders.describe(arn))["Error"]
    assert (error["ErrorType"], error["ErrorMessage"]) == ("ValueError", "no tea")
    with pytest.raises(FunctionError) as raised:
        await orders.client.invoke("orders:live")
    assert raised.value.error_type == "ValueError"


async def test_a_stop_cancels_the_handler(orders: Stage) -> None:
    cancelled: list[bool] = []

    async def handler(event: Any) -> None:
        try:
            await asyncio.sleep(DAY)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    orders.fake.add_durable("orders", handler)
    arn = await orders.start()
    await asyncio.sleep(1)
    await orders.ask("StopDurableExecution", durable_execution_arn=arn)
    await orders.fake.wait_idle()
    assert cancelled == [True]
    assert await orders.status(arn) == "STOPPED"


async def test_a_handler_survives_its_caller(orders: Stage) -> None:
    async def handler(event: Any) -> str:
        await asyncio.sleep(100)
        return "done"

    orders.fake.add_durable("orders", handler)
    with pytest.raises(InvocationTimeoutError):
        await orders.client.invoke("orders:live", timeout=5)
    await orders.fake.wait_idle()
    assert orders.fake.durable_executions[0].json() == "done"


async def test_closing_ends_handlers_that_run_on() -> None:
    async with stage() as made:
        made.fake.add_durable("orders", lambda _: asyncio.sleep(DAY))
        await made.start()
        await asyncio.sleep(0)
    assert [execution.error_type for execution in made.fake.executions] == ["CancelledError"]
    assert len(asyncio.all_tasks()) == 1


# Time and polls


async def test_time_goes_by_the_loop(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Step("charge", seconds=5), Wait("cool down", seconds=60), Succeed("done")])
    arn = await orders.start()
    await asyncio.sleep(64.9)
    assert await orders.status(arn) == "RUNNING"
    await asyncio.sleep(0.1)
    assert await orders.status(arn) == "SUCCEEDED"
    times = {event["EventType"]: event["EventTimestamp"] for event in await orders.history(arn)}
    started = times["ExecutionStarted"]
    assert times["StepSucceeded"] - started == pytest.approx(5)
    assert times["WaitSucceeded"] - started == times["ExecutionSucceeded"] - started == pytest.approx(65)


async def test_events_have_the_times_at_which_they_were_due(orders: Stage) -> None:
    orders.fake.add_durable("orders", LONG)
    arn = await orders.start()
    await asyncio.sleep(10 * DAY)
    found = await orders.describe(arn)
    assert found["EndTimestamp"] - found["StartTimestamp"] == pytest.approx(DAY)


async def test_polls_hold_a_step(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Step("charge", polls=3), Invoke("other", polls=1), Succeed("done")])
    arn = await orders.start()
    await orders.history(arn)
    assert await orders.statuses(arn, 6) == ["RUNNING"] * 4 + ["SUCCEEDED"] * 2


async def test_an_execution_times_out(orders: Stage) -> None:
    orders.fake.add_durable("orders", LONG, execution_timeout=3600)
    arn = await orders.start()
    await asyncio.sleep(3600)
    found = await orders.describe(arn)
    assert (found["Status"], found["EndTimestamp"] - found["StartTimestamp"]) == ("TIMED_OUT", pytest.approx(3600))
    assert "3600.00 seconds" in found["Error"]["ErrorMessage"]
    assert (await orders.types(arn))[-2:] == ["WaitCancelled", "ExecutionTimedOut"]


async def test_a_new_execution_is_found_after_some_polls(orders: Stage) -> None:
    orders.fake.add_durable("orders", [], hidden_polls=3)
    arn = await orders.start(name="order-7")
    with pytest.raises(ResourceNotFoundException):
        await orders.status(arn)
    assert (await orders.ask("ListDurableExecutionsByFunction", function_name="orders"))["DurableExecutions"] == []
    with pytest.raises(ResourceNotFoundException):
        await orders.history(arn)
    assert await orders.status(arn) == "SUCCEEDED"
    output = await orders.client.invoke("orders:live")
    assert output.durable_execution_arn is not None
    assert await orders.status(output.durable_execution_arn) == "SUCCEEDED"


async def test_a_new_execution_is_found_after_some_seconds(orders: Stage) -> None:
    orders.fake.add_durable("orders", [], hidden_seconds=5)
    arn = await orders.start()
    await asyncio.sleep(4.9)
    with pytest.raises(ResourceNotFoundException):
        await orders.status(arn)
    await asyncio.sleep(0.1)
    assert await orders.status(arn) == "SUCCEEDED"


def test_time_goes_on_over_loops() -> None:
    fake = FakeTransport()
    fake.add_durable("orders", [Wait("a moment", seconds=1000)])

    async def start() -> str:
        async with LambdaClient(transport=fake) as client:
            receipt = await client.invoke_event("orders:live")
            await asyncio.sleep(0)
            return receipt.durable_execution_arn or ""

    first, second = asyncio.run(start()), asyncio.run(start())
    executions = fake.durable_executions
    assert [(one.arn, one.status) for one in executions] == [(first, "RUNNING"), (second, "RUNNING")]


# Ends


async def test_a_script_succeeds(orders: Stage) -> None:
    found = await ended(orders, [Step("charge"), Succeed({"total": 6})], payload={"id": 7})
    assert (found["Status"], found["Result"]) == ("SUCCEEDED", '{"total": 6}')
    assert "Error" not in found


async def test_a_script_without_an_end_succeeds(orders: Stage) -> None:
    assert (await ended(orders, []))["Result"] == "null"


async def test_a_script_fails(orders: Stage) -> None:
    found = await ended(orders, [Fail("CardDeclined", "no money", data={"code": 7}, stack_trace=["line 1"])])
    assert found["Status"] == "FAILED"
    assert found["Error"] == {
        "ErrorType": "CardDeclined",
        "ErrorMessage": "no money",
        "ErrorData": '{"code": 7}',
        "StackTrace": ["line 1"],
    }
    assert "Result" not in found


async def test_a_script_times_out(orders: Stage) -> None:
    assert (await ended(orders, [TimeOut()]))["Status"] == "TIMED_OUT"


async def test_a_step_that_fails_ends_the_execution(orders: Stage) -> None:
    found = await ended(orders, [Step("charge", error=Fail("CardDeclined")), Succeed("never")])
    assert (found["Status"], found["Error"]["ErrorType"]) == ("FAILED", "CardDeclined")


async def test_an_error_that_is_caught_goes_by(orders: Stage) -> None:
    error = Fail("Busy")
    script = [Step("a", error=error, caught=True), Invoke("b", error=error, ends="TIMED_OUT", caught=True), Succeed("done")]
    assert (await ended(orders, script))["Result"] == '"done"'


async def test_a_result_that_is_too_large_is_an_error(orders: Stage) -> None:
    found = await ended(orders, [Succeed("x" * 6_300_000)])
    assert (found["Status"], found["Error"]["ErrorType"]) == ("FAILED", "Function.ResponseSizeTooLarge")


async def test_a_description_without_data_has_none(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Fail("CardDeclined")])
    arn = await orders.start(payload={"id": 7})
    found = await orders.describe(arn, include_execution_data=False)
    assert (found["Status"], found["ExecutionDataIncluded"]) == ("FAILED", False)
    assert not found.keys() & {"InputPayload", "Result", "Error"}


async def test_a_stop_has_the_error_of_its_sender(orders: Stage) -> None:
    orders.fake.add_durable("orders", LONG)
    arn = await orders.start()
    await asyncio.sleep(60)
    error = ErrorObject(error_type="Cancelled", error_message="by hand", stack_trace=["a"])
    first = await orders.ask("StopDurableExecution", durable_execution_arn=arn, error=error)
    found = await orders.describe(arn)
    assert (found["Status"], found["EndTimestamp"]) == ("STOPPED", first["StopTimestamp"])
    assert found["Error"] == {"ErrorType": "Cancelled", "ErrorMessage": "by hand", "StackTrace": ["a"]}
    await asyncio.sleep(60)
    assert await orders.ask("StopDurableExecution", durable_execution_arn=arn) == first
    with pytest.raises(InvalidParameterValueException, match="limit of 1048576 bytes"):
        await orders.ask("StopDurableExecution", durable_execution_arn=arn, error=ErrorObject(error_data="x" * 2**20 + "x"))


async def test_a_stop_ends_a_synchronous_call(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Callback("approval")])
    call = asyncio.create_task(orders.client.invoke("orders:live", durable_execution_name="order-7"))
    await asyncio.sleep(1)
    await orders.ask("StopDurableExecution", durable_execution_arn=orders.fake.durable_executions[0].arn)
    with pytest.raises(FunctionError, match="stopped"):
        await call


# Pauses


async def test_a_pause_holds_the_next_step(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Wait("cool down", seconds=60), Step("charge", seconds=5), Succeed("done")])
    arn = await orders.start()
    await orders.ask("PauseDurableExecution", durable_execution_arn=arn, reason="lunch", execution_timeout_paused=False)
    await asyncio.sleep(100)
    found = await orders.describe(arn)
    assert (found["Status"], found["PauseDetails"]["Reason"]) == ("PAUSED", "lunch")
    assert found["PauseDetails"]["ExecutionTimeoutPaused"] is False
    assert "Reason" not in (await orders.describe(arn, include_execution_data=False))["PauseDetails"]
    await orders.ask("ResumeDurableExecution", durable_execution_arn=arn, reason="back")
    assert await orders.status(arn) == "RUNNING"
    await asyncio.sleep(5)
    assert await orders.status(arn) == "SUCCEEDED"
    assert await orders.types(arn) == [
        "ExecutionStarted",
        "WaitStarted",
        "ExecutionPaused",
        "WaitSucceeded",
        "ExecutionResumed",
        "StepStarted",
        "StepSucceeded",
        "ExecutionSucceeded",
    ]


async def test_a_pause_begins_after_the_step_in_progress(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Step("charge", seconds=5), Step("ship", seconds=5)])
    arn = await orders.start()
    await asyncio.sleep(1)
    await orders.ask("PauseDurableExecution", durable_execution_arn=arn)
    assert await orders.status(arn) == "PAUSING"
    await asyncio.sleep(4)
    assert await orders.status(arn) == "PAUSED"
    await orders.ask("ResumeDurableExecution", durable_execution_arn=arn)
    await asyncio.sleep(5)
    assert await orders.status(arn) == "SUCCEEDED"


async def test_a_resume_takes_a_pause_back(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Step("charge", seconds=5)])
    arn = await orders.start()
    await orders.ask("PauseDurableExecution", durable_execution_arn=arn)
    await orders.ask("ResumeDurableExecution", durable_execution_arn=arn)
    assert await orders.status(arn) == "RUNNING"
    await asyncio.sleep(5)
    assert await orders.types(arn) == ["ExecutionStarted", "StepStarted", "StepSucceeded", "ExecutionSucceeded"]


async def test_a_pause_stops_the_timeout(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Callback("approval")], execution_timeout=100)
    arn = await orders.start()
    await orders.ask("PauseDurableExecution", durable_execution_arn=arn)
    found = await orders.describe(arn)
    assert found["ExpectedExecutionTimeoutTimestamp"] == found["StartTimestamp"] + 366 * DAY
    await asyncio.sleep(500)
    await orders.ask("ResumeDurableExecution", durable_execution_arn=arn)
    found = await orders.describe(arn)
    assert found["ExpectedExecutionTimeoutTimestamp"] == pytest.approx(found["StartTimestamp"] + 600)
    await asyncio.sleep(100)
    assert await orders.status(arn) == "TIMED_OUT"


async def test_a_pause_need_not_stop_the_timeout(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Callback("approval")], execution_timeout=100)
    arn = await orders.start()
    await orders.ask("PauseDurableExecution", durable_execution_arn=arn, execution_timeout_paused=False)
    await asyncio.sleep(100)
    assert await orders.status(arn) == "TIMED_OUT"


async def test_a_pause_of_the_script(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Paused("lunch", polls=2), Paused(seconds=60), Paused(), Succeed("done")])
    arn = await orders.start()
    assert await orders.statuses(arn, 2) == ["PAUSED"] * 2
    await asyncio.sleep(61)
    assert await orders.status(arn) == "PAUSED"
    await asyncio.sleep(DAY)
    assert await orders.status(arn) == "PAUSED"
    await orders.ask("ResumeDurableExecution", durable_execution_arn=arn)
    assert await orders.status(arn) == "SUCCEEDED"


async def test_an_error_while_paused_fails_after_the_resume(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Callback("approval", timeout=10)])
    arn = await orders.start()
    await orders.ask("PauseDurableExecution", durable_execution_arn=arn)
    await asyncio.sleep(20)
    assert await orders.status(arn) == "PAUSED"
    assert "CallbackTimedOut" in await orders.types(arn)
    await orders.ask("ResumeDurableExecution", durable_execution_arn=arn)
    assert await orders.status(arn) == "FAILED"


async def test_a_pause_of_a_paused_or_ended_one_conflicts(orders: Stage) -> None:
    orders.fake.add_durable("orders", LONG)
    arn = await orders.start()
    with pytest.raises(ResourceConflictException, match="RUNNING"):
        await orders.ask("ResumeDurableExecution", durable_execution_arn=arn)
    await orders.ask("PauseDurableExecution", durable_execution_arn=arn)
    with pytest.raises(ResourceConflictException, match="PAUSED"):
        await orders.ask("PauseDurableExecution", durable_execution_arn=arn)
    await orders.ask("StopDurableExecution", durable_execution_arn=arn)
    for operation in ("PauseDurableExecution", "ResumeDurableExecution"):
        with pytest.raises(ResourceConflictException, match="STOPPED"):
            await orders.ask(operation, durable_execution_arn=arn)


async def test_a_client_token_makes_a_repeat_harmless(orders: Stage) -> None:
    orders.fake.add_durable("orders", LONG)
    arn = await orders.start()
    for _ in range(2):
        await orders.ask("PauseDurableExecution", durable_execution_arn=arn, client_token="t")
    for _ in range(2):
        await orders.ask("ResumeDurableExecution", durable_execution_arn=arn, client_token="t")
    await orders.ask("PauseDurableExecution", durable_execution_arn=arn, client_token="t")
    assert await orders.status(arn) == "RUNNING"
    await orders.ask("PauseDurableExecution", durable_execution_arn=arn, client_token="u")
    await asyncio.sleep(15 * 60)
    with pytest.raises(ResourceConflictException):
        await orders.ask("PauseDurableExecution", durable_execution_arn=arn, client_token="u")


@pytest.mark.parametrize("members", [{"reason": "x" * 1025}, {"client_token": "x" * 65}], ids=["reason", "token"])
async def test_a_long_text_of_a_pause_is_refused(orders: Stage, members: dict[str, Any]) -> None:
    orders.fake.add_durable("orders", LONG)
    arn = await orders.start()
    with pytest.raises(LambdaServiceException, match="length less than or equal to") as raised:
        await orders.ask("PauseDurableExecution", durable_execution_arn=arn, **members)
    assert raised.value.code == "ValidationException"
    assert await orders.status(arn) == "RUNNING"


# Deletion


async def test_a_deletion_is_seen_once(orders: Stage) -> None:
    orders.fake.add_durable("orders", [])
    arn = await orders.start(payload={"id": 7}, name="order-7")
    await orders.ask("DeleteDurableExecution", durable_execution_arn=arn)
    await orders.ask("DeleteDurableExecution", durable_execution_arn=arn)
    found = await orders.describe(arn)
    assert (found["Status"], "EndTimestamp" in found) == ("DELETING", False)
    with pytest.raises(ResourceNotFoundException):
        await orders.status(arn)
    assert orders.fake.durable_executions == []
    assert await orders.start(payload={"id": 8}, name="order-7") != arn


async def test_what_runs_is_not_deleted(orders: Stage) -> None:
    orders.fake.add_durable("orders", LONG)
    arn = await orders.start()
    with pytest.raises(ResourceConflictException, match="RUNNING"):
        await orders.ask("DeleteDurableExecution", durable_execution_arn=arn)
    assert await orders.status(arn) == "RUNNING"


# Statuses that a test sets


@pytest.mark.parametrize("status", ["RUNNING", "PAUSING", "PAUSED", "SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED", "DELETING"])
async def test_a_status_is_told_so_many_times(orders: Stage, status: Any) -> None:
    orders.fake.add_durable("orders", LONG)
    arn = await orders.start()
    orders.fake.set_durable_status(arn, status, times=2)
    listed = await orders.ask("ListDurableExecutionsByFunction", function_name="orders", statuses=[status])
    assert len(listed["DurableExecutions"]) == 1
    assert await orders.statuses(arn, 3) == [status, status, "RUNNING"]


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED"])
async def test_an_end_that_is_set_is_an_end(orders: Stage, status: Any) -> None:
    orders.fake.add_durable("orders", [Callback("approval")])
    call = asyncio.create_task(orders.client.send(InvokeCommand(function_name="orders:live")))
    await asyncio.sleep(1)
    (execution,) = orders.fake.durable_executions
    orders.fake.set_durable_status(execution.arn, status)
    assert (await call).function_error == (None if status == "SUCCEEDED" else "Unhandled")
    assert await orders.status(execution.arn) == status
    assert (await orders.types(execution.arn))[-1] == "Execution" + status.title().replace("_", "")


async def test_a_wrong_status_is_an_error(orders: Stage) -> None:
    orders.fake.add_durable("orders", [])
    arn = await orders.start()
    with pytest.raises(ConfigurationError, match="did you mean SUCCEEDED"):
        orders.fake.set_durable_status(arn, "Succeded")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="no durable execution of this ARN"):
        orders.fake.set_durable_status("order-7", "PAUSED")
    with pytest.raises(ConfigurationError, match="times"):
        orders.fake.set_durable_status(arn, "PAUSED", times=0)


# Callbacks


async def test_a_callback_succeeds(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Callback("approval"), Succeed("done")])
    arn = await orders.start()
    (callback,) = orders.fake.callbacks
    assert (callback.name, callback.durable_execution_arn, callback.is_open) == ("approval", arn, True)
    assert set("+/=") <= set(callback.id)
    await orders.ask("SendDurableExecutionCallbackSuccess", callback_id=callback.id, result=b'{"by":"Ann"}')
    assert await orders.status(arn) == "SUCCEEDED"
    (event,) = [one for one in await orders.history(arn) if one["EventType"] == "CallbackSucceeded"]
    assert event["CallbackSucceededDetails"]["Result"]["Payload"] == '{"by":"Ann"}'
    assert not orders.fake.callbacks[0].is_open
    for operation in ("Success", "Failure", "Heartbeat"):
        with pytest.raises(LambdaServiceException) as raised:
            await orders.ask(f"SendDurableExecutionCallback{operation}", callback_id=callback.id)
        assert (raised.value.code, raised.value.status_code) == ("CallbackTimeoutException", 400)


async def test_a_callback_ends_a_synchronous_call(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Callback("approval"), Succeed("done")])
    call = asyncio.create_task(orders.client.invoke("orders:live"))
    await asyncio.sleep(1)
    await orders.ask("SendDurableExecutionCallbackSuccess", callback_id=orders.fake.callbacks[0].id)
    assert (await call).json() == "done"


async def test_a_callback_fails(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Callback("approval")])
    arn = await orders.start()
    error = ErrorObject(error_type="Refused", error_message="too dear", error_data="7")
    await orders.ask("SendDurableExecutionCallbackFailure", callback_id=orders.fake.callbacks[0].id, error=error)
    found = await orders.describe(arn)
    assert (found["Status"], found["Error"]) == (
        "FAILED",
        {"ErrorType": "Refused", "ErrorMessage": "too dear", "ErrorData": "7"},
    )


async def test_a_callback_times_out(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Callback("approval", timeout=60)])
    arn = await orders.start()
    await asyncio.sleep(60)
    with pytest.raises(LambdaServiceException, match="timed out") as raised:
        await orders.ask("SendDurableExecutionCallbackSuccess", callback_id=orders.fake.callbacks[0].id)
    assert raised.value.code == "CallbackTimeoutException"
    assert (await orders.describe(arn))["Error"]["ErrorType"] == "Callback.Timeout"


async def test_heartbeats_keep_a_callback_open(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Callback("approval", timeout=300, heartbeat_timeout=60, caught=True), Succeed("done")])
    arn = await orders.start()
    callback = orders.fake.callbacks[0]
    for _ in range(4):
        await asyncio.sleep(59)
        await orders.ask("SendDurableExecutionCallbackHeartbeat", callback_id=callback.id)
    assert await orders.status(arn) == "RUNNING"
    assert orders.fake.callbacks[0].heartbeats == 4
    await asyncio.sleep(60)
    with pytest.raises(LambdaServiceException):
        await orders.ask("SendDurableExecutionCallbackHeartbeat", callback_id=callback.id)
    found = await orders.describe(arn)
    assert (found["Status"], found["EndTimestamp"] - found["StartTimestamp"]) == ("SUCCEEDED", pytest.approx(4 * 59 + 60))


async def test_a_heartbeat_does_not_push_the_timeout(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Callback("approval", timeout=100, heartbeat_timeout=60)])
    arn = await orders.start()
    await asyncio.sleep(59)
    await orders.ask("SendDurableExecutionCallbackHeartbeat", callback_id=orders.fake.callbacks[0].id)
    await asyncio.sleep(41)
    assert await orders.status(arn) == "FAILED"


async def test_an_unknown_callback_is_not_found(orders: Stage) -> None:
    with pytest.raises(ResourceNotFoundException):
        await orders.ask("SendDurableExecutionCallbackSuccess", callback_id="abcd")
    with pytest.raises(LambdaServiceException) as raised:
        await orders.ask("SendDurableExecutionCallbackSuccess", callback_id="../../x y\r\n☕")
    assert (raised.value.code, raised.value.status_code) == ("ValidationException", 400)


async def test_a_large_result_of_a_callback_is_refused(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Callback("approval")])
    arn = await orders.start()
    with pytest.raises(LambdaServiceException, match="1048576"):
        await orders.ask(
            "SendDurableExecutionCallbackSuccess", callback_id=orders.fake.callbacks[0].id, result=bytes(2**20 + 1)
        )
    assert await orders.status(arn) == "RUNNING"


# Failures of calls and requests


async def test_a_throttle_applies_to_requests_about_executions(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Callback("approval")])
    orders.fake.add_durable("resize", [])
    arn, other = await orders.start(), await orders.start("resize:live")
    orders.fake.fail("orders", TooManyRequestsException, times=1, operation="GetDurableExecution")
    orders.fake.fail("orders", TooManyRequestsException, times=1, operation="SendDurableExecutionCallbackHeartbeat")
    assert await orders.status(other) == "SUCCEEDED"
    with pytest.raises(TooManyRequestsException):
        await orders.status(arn)
    assert await orders.status(arn) == "RUNNING"
    with pytest.raises(TooManyRequestsException):
        await orders.ask("SendDurableExecutionCallbackHeartbeat", callback_id=orders.fake.callbacks[0].id)
    assert orders.fake.callbacks[0].heartbeats == 0


async def test_an_answer_is_delayed(orders: Stage) -> None:
    orders.fake.add_durable("orders", [])
    arn = await orders.start()
    orders.fake.delay("*", 5, times=1, operation="GetDurableExecution")
    before = asyncio.get_running_loop().time()
    await orders.status(arn)
    assert asyncio.get_running_loop().time() - before == pytest.approx(5)


async def test_a_lost_answer_has_started_the_execution(orders: Stage) -> None:
    orders.fake.add_durable("orders", LONG)
    orders.fake.fail("orders", ConnectionLostError, times=1)
    with pytest.raises(ConnectionLostError):
        await orders.start(name="order-7")
    listed = await orders.ask("ListDurableExecutionsByFunction", function_name="orders", durable_execution_name="order-7")
    (entry,) = listed["DurableExecutions"]
    assert entry["Status"] == "RUNNING"


async def test_a_request_that_is_lost_has_started_none(orders: Stage) -> None:
    orders.fake.add_durable("orders", LONG)
    orders.fake.fail("orders", ConnectionLostError, times=1, runs=False)
    with pytest.raises(ConnectionLostError):
        await orders.start(name="order-7")
    assert orders.fake.durable_executions == []


@pytest.mark.parametrize("runs", [True, False], ids=["answer", "request"])
async def test_a_lost_stop_has_stopped_or_not(orders: Stage, runs: bool) -> None:
    orders.fake.add_durable("orders", LONG)
    arn = await orders.start()
    orders.fake.fail("orders", ConnectionLostError, times=1, runs=runs, operation="StopDurableExecution")
    with pytest.raises(ConnectionLostError):
        await orders.ask("StopDurableExecution", durable_execution_arn=arn)
    assert await orders.status(arn) == ("STOPPED" if runs else "RUNNING")


async def test_a_failure_of_the_function_is_that_of_the_execution(orders: Stage) -> None:
    orders.fake.add_durable("orders", LONG)
    orders.fake.fail("orders", FunctionFailure("OrderError", "no tea"), times=1)
    found = await orders.describe(await orders.start())
    assert (found["Status"], found["Error"]) == ("FAILED", {"ErrorType": "OrderError", "ErrorMessage": "no tea"})
    orders.fake.fail("orders", ValueError("no tea"), times=1)
    assert (await orders.describe(await orders.start()))["Error"]["ErrorType"] == "ValueError"
    assert await orders.status(await orders.start()) == "RUNNING"


async def test_a_delay_of_the_function_holds_its_script(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Succeed("done")])
    orders.fake.delay("orders", 30, times=1)
    arn = await orders.start()
    await asyncio.sleep(29)
    assert await orders.status(arn) == "RUNNING"
    await asyncio.sleep(1)
    assert await orders.status(arn) == "SUCCEEDED"


async def test_a_throttled_start_starts_none(orders: Stage) -> None:
    orders.fake.add_durable("orders", [])
    orders.fake.fail("orders", TooManyRequestsException, times=1)
    with pytest.raises(TooManyRequestsException):
        await orders.start(name="order-7")
    assert orders.fake.durable_executions == []


async def test_a_reset_forgets_executions(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Callback("approval")])
    call = asyncio.create_task(orders.client.invoke("orders:live", {"id": 7}, durable_execution_name="order-7"))
    await asyncio.sleep(1)
    orders.fake.reset()
    assert (orders.fake.durable_executions, orders.fake.callbacks) == ([], [])
    with pytest.raises(FunctionError):
        await call
    assert await orders.start(payload={"id": 8}, name="order-7")


# Wrong names and requests


async def test_an_unknown_arn_is_not_found(orders: Stage) -> None:
    orders.fake.add_durable("orders", [])
    arn = (await orders.start())[:-1] + "x"
    for operation in ("GetDurableExecution", "GetDurableExecutionHistory", "StopDurableExecution", "DeleteDurableExecution"):
        with pytest.raises(ResourceNotFoundException, match="Durable execution not found"):
            await orders.ask(operation, durable_execution_arn=arn)


@pytest.mark.parametrize("arn", ["orders", "../x", "a/b\r\nc", "☕", "x" * 1025], ids=["name", "dots", "lines", "cup", "long"])
async def test_a_wrong_arn_is_refused(orders: Stage, arn: str) -> None:
    with pytest.raises(LambdaServiceException) as raised:
        await orders.ask("GetDurableExecution", durable_execution_arn=arn)
    assert (raised.value.code, raised.value.status_code) == ("ValidationException", 400)


async def test_a_wrong_name_is_refused_by_the_service_too(orders: Stage) -> None:
    orders.fake.add_durable("orders", [])

    async def rename(call: Any, call_next: Any) -> Any:
        call.request.headers["x-amz-durable-execution-name"] = "a b"
        return await call_next(call)

    orders.client.middleware_stack.add(rename, step="build")
    with pytest.raises(LambdaServiceException, match="durableExecutionName"):
        await orders.start(name="order-7")
    with pytest.raises(InvalidInputError):
        await orders.start(name="order 7")
    assert orders.fake.durable_executions == []


async def test_a_large_event_is_refused() -> None:
    fake = FakeTransport()
    fake.add_durable("orders", [])
    limits = PayloadLimits(event=2**24, request_response=2**24)
    async with LambdaClient(transport=fake, retry=NoRetry(), limits=limits) as client:
        with pytest.raises(LambdaServiceException, match="limit 1048576 bytes") as raised:
            await client.invoke_event("orders:live", {"text": "x" * 2**20})
        assert raised.value.status_code == 413
        await client.invoke("orders:live", {"text": "x" * 2**20})
        with pytest.raises(LambdaServiceException, match="limit 6291456 bytes"):
            await client.invoke("orders:live", {"text": "x" * 6 * 2**20})
    assert len(fake.durable_executions) == 1


WRONG_SCRIPTS: dict[str, Any] = {
    "text": "charge",
    "number": 7,
    "item": [Step("charge"), "ship"],
    "after the end": [Succeed(), Step("charge")],
    "in a context": lambda: Context("all", [Fail("A"), Step("charge")]),
    "result": [Succeed(object())],
    "error data": lambda: [Step("charge", error=Fail("A", data={1, object()}))],
    "name": lambda: [Step("charge\r\n")],
    "no name": lambda: [Wait("")],
    "seconds": lambda: [Wait("cool down", seconds=-1)],
    "polls": lambda: [Step("charge", polls=1.5)],  # type: ignore[arg-type]
    "error": lambda: [Step("charge", error=ValueError())],  # type: ignore[arg-type]
    "ends": lambda: [Invoke("other", ends="GONE")],  # type: ignore[arg-type]
}


@pytest.mark.parametrize("case", WRONG_SCRIPTS)
def test_a_wrong_script_is_an_error(case: str) -> None:
    script = WRONG_SCRIPTS[case]
    fake = FakeTransport()
    with pytest.raises(ConfigurationError):
        fake.add_durable("orders", script() if callable(script) else script)


@pytest.mark.parametrize(
    "settings",
    [
        {"execution_timeout": 0},
        {"execution_timeout": 367 * DAY},
        {"hidden_polls": -1},
        {"hidden_seconds": "1"},
        {"version": "x"},
    ],
    ids=["none", "long", "polls", "seconds", "version"],
)
def test_a_wrong_setting_is_an_error(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        FakeTransport().add_durable("orders", [], qualifier="live", **settings)


async def test_records_show_no_payload(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Step("charge", result="secret"), Callback("approval"), Succeed("secret")])
    await orders.start(payload={"card": "secret"}, name="order-7")
    await orders.ask("SendDurableExecutionCallbackSuccess", callback_id=orders.fake.callbacks[0].id, result=b'"secret"')
    shown = repr([*orders.fake.durable_executions, *orders.fake.callbacks, Succeed("secret"), Fail("A", "secret")])
    assert "secret" not in shown
    assert json.loads(orders.fake.durable_executions[0].payload) == {"card": "secret"}


async def test_an_abort_leaves_no_task() -> None:
    fake = FakeTransport({"plain": lambda event: event})
    fake.add_durable("orders", lambda _: asyncio.sleep(DAY))
    client = LambdaClient(transport=fake)
    await client.invoke_event("orders:live")
    await asyncio.sleep(1)
    client.abort()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == 1
    assert [execution.status for execution in fake.durable_executions] == ["RUNNING"]


def test_handlers_of_a_loop_that_ended_are_forgotten() -> None:
    fake = FakeTransport()
    fake.add_durable("orders", lambda _: asyncio.sleep(DAY))
    client = LambdaClient(transport=fake)

    async def start() -> None:
        await client.invoke_event("orders:live")

    asyncio.run(start())

    async def again() -> str:
        async with client:
            fake.add_durable("orders", lambda _: "done")
            return str((await client.invoke("orders:live")).json())

    assert asyncio.run(again()) == "done"


async def test_a_cancelled_call_leaves_nothing(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Callback("approval"), Succeed("done")])
    call = asyncio.create_task(orders.client.invoke("orders:live"))
    await asyncio.sleep(1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert [execution.status for execution in orders.fake.durable_executions] == ["RUNNING"]
    await orders.ask("SendDurableExecutionCallbackSuccess", callback_id=orders.fake.callbacks[0].id)
    assert orders.fake.durable_executions[0].json() == "done"


async def test_many_executions_cost_little_each(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Step("charge", polls=1), Callback("approval"), Succeed("done")])
    arns = [await orders.start(name=f"order-{number}") for number in range(1000)]
    assert len(set(arns)) == 1000
    assert await orders.statuses(arns[500], 2) == ["RUNNING", "RUNNING"]
    (callback,) = [one for one in orders.fake.callbacks if one.is_open]
    assert callback.durable_execution_arn == arns[500]


async def test_bytes_are_a_result_as_they_are(orders: Stage) -> None:
    assert (await ended(orders, [Succeed(b'{ "total":6}')]))["Result"] == '{ "total":6}'


async def test_a_lost_answer_of_a_synchronous_call_comes_after_the_end(orders: Stage) -> None:
    orders.fake.add_durable("orders", [Wait("cool down", seconds=60), Succeed("done")])
    orders.fake.fail("orders", ConnectionLostError, times=1)
    with pytest.raises(ConnectionLostError):
        await orders.client.invoke("orders:live")
    assert orders.fake.durable_executions[0].json() == "done"


@pytest.mark.parametrize(
    ("step", "last"),
    [
        (Step("charge", seconds=60), "StepStarted"),
        (Invoke("other", seconds=60), "ChainedInvokeStopped"),
        (Wait("cool down", seconds=60), "WaitCancelled"),
        (Callback("approval"), "CallbackStarted"),
    ],
    ids=["step", "invoke", "wait", "callback"],
)
async def test_a_stop_ends_what_is_in_progress(orders: Stage, step: Any, last: str) -> None:
    orders.fake.add_durable("orders", [step])
    arn = await orders.start()
    await orders.ask("StopDurableExecution", durable_execution_arn=arn)
    assert (await orders.types(arn))[-2:] == [last, "ExecutionStopped"]
    assert not any(callback.is_open for callback in orders.fake.callbacks)
    before = orders.fake.durable_executions
    orders.fake.set_durable_status(arn, "FAILED")
    await asyncio.sleep(1000)
    assert orders.fake.durable_executions == before


async def test_a_handler_that_ends_after_a_stop_changes_nothing(orders: Stage) -> None:
    async def stubborn(event: Any) -> str:
        try:
            await asyncio.sleep(DAY)
        except asyncio.CancelledError:
            return "late"
        return "never"

    orders.fake.add_durable("orders", stubborn)
    arn = await orders.start()
    await asyncio.sleep(1)
    await orders.ask("StopDurableExecution", durable_execution_arn=arn)
    await orders.fake.wait_idle()
    assert orders.fake.durable_executions[0].status == "STOPPED"
    assert orders.fake.durable_executions[0].json() is None
