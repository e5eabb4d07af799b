"""Durable functions on the local endpoint: their executions, by our own commands."""

import asyncio
import datetime as dt
import json
from typing import Any

import pytest

from aiolambda import (
    DurableExecutionAlreadyStartedException,
    FunctionError,
    InvokeCommand,
    LambdaServiceException,
)
from aiolambda.errors.service import CallbackTimeoutException, InvalidParameterValueException, ResourceNotFoundException
from aiolambda.operations import (
    ErrorObject,
    GetDurableExecutionCommand,
    GetDurableExecutionHistoryCommand,
    GetFunctionConfigurationCommand,
    ListDurableExecutionsByFunctionCommand,
    PauseDurableExecutionCommand,
    SendDurableExecutionCallbackFailureCommand,
    SendDurableExecutionCallbackHeartbeatCommand,
    SendDurableExecutionCallbackSuccessCommand,
    StopDurableExecutionCommand,
)

from ...support.local import becomes_true
from .support import Durable

pytestmark = pytest.mark.slow

PREFIX = "arn:aws:lambda:us-east-1:000000000000:function:orders"


async def test_call_waits_for_the_whole_execution(durable: Durable) -> None:
    output = await durable.invoke("waits", name="whole")
    assert output.json() == "waited"
    assert output.executed_version == "$LATEST"
    assert durable.noted() == ["run", "run"]  # before the wait, and after it
    assert str(output.durable_execution_arn).startswith(f"{PREFIX}:$LATEST/durable-execution/whole/")


async def test_event_begins_an_execution(durable: Durable) -> None:
    arn = await durable.begin("steps", members={"names": ["one", "two"]})
    execution = await durable.ended(arn)
    assert (execution.status, json.loads(execution.result)) == ("SUCCEEDED", {"steps": ["one", "two"]})
    assert execution.durable_execution_arn == arn
    assert execution.function_arn == f"{PREFIX}:$LATEST"
    assert durable.noted() == ["one", "two"]


async def test_same_name_twice_runs_once(durable: Durable) -> None:
    outputs = [await durable.invoke("steps", name="same", members={"names": ["one"]}) for _ in range(2)]
    assert outputs[0].durable_execution_arn == outputs[1].durable_execution_arn
    assert outputs[0].payload == outputs[1].payload
    assert durable.noted() == ["one"]


async def test_repeat_waits_for_the_execution(durable: Durable) -> None:
    outputs = await asyncio.gather(*[durable.invoke("waits", name="at-once") for _ in range(3)])
    assert {output.durable_execution_arn for output in outputs} == {outputs[0].durable_execution_arn}
    assert [output.json() for output in outputs] == ["waited"] * 3
    assert durable.noted() == ["run", "run"]


async def test_same_name_refuses_another_payload(durable: Durable) -> None:
    await durable.invoke("steps", name="taken", members={"names": []})
    with pytest.raises(DurableExecutionAlreadyStartedException):
        await durable.invoke("steps", name="taken", members={"names": ["other"]})


async def test_alias_begins_an_execution_of_its_version(durable: Durable) -> None:
    output = await durable.invoke("steps", function="orders:live", members={"names": []})
    assert output.executed_version == "1"
    assert str(output.durable_execution_arn).startswith(f"{PREFIX}:1/durable-execution/")
    assert (await durable.ended(str(output.durable_execution_arn))).version == "1"


async def test_call_without_a_qualifier_is_refused(durable: Durable) -> None:
    with pytest.raises(InvalidParameterValueException, match="unqualified ARN"):
        await durable.invoke("steps", function="orders")


async def test_stream_of_a_durable_function_is_refused(durable: Durable) -> None:
    with pytest.raises(InvalidParameterValueException, match="use Invoke"):
        async with durable.client.stream("orders:$LATEST", {}):
            pass


async def test_dry_run_begins_no_execution(durable: Durable) -> None:
    output = await durable.invoke("steps", invocation_type="DryRun", members={"names": ["one"]})
    assert (output.status_code, output.durable_execution_arn) == (204, None)
    assert durable.noted() == []


async def callback_of(durable: Durable) -> str:
    """The callback that a handler has noted and waits for."""
    await becomes_true(durable.noted)
    return durable.noted()[0]


async def test_callback_gives_its_result(durable: Durable) -> None:
    arn = await durable.begin("asks")
    callback = await callback_of(durable)
    await durable.client.send(SendDurableExecutionCallbackHeartbeatCommand(callback_id=callback))
    await durable.client.send(SendDurableExecutionCallbackSuccessCommand(callback_id=callback, result=b'"tea \xe2\x98\x95"'))
    assert json.loads((await durable.ended(arn)).result) == {"answer": '"tea ☕"'}


async def test_callback_that_fails_fails_the_execution(durable: Durable) -> None:
    call = asyncio.create_task(durable.client.invoke("orders:$LATEST", durable.event("asks")))
    error = ErrorObject(error_type="NoTea", error_message="none left")
    callback = await callback_of(durable)
    await durable.client.send(SendDurableExecutionCallbackFailureCommand(callback_id=callback, error=error))
    with pytest.raises(FunctionError) as failed:
        await call
    assert "none left" in str(failed.value.error_message)
    assert failed.value.output.durable_execution_arn is not None


async def test_unknown_callback_is_not_found(durable: Durable) -> None:
    await durable.invoke("steps", members={"names": []})
    with pytest.raises(ResourceNotFoundException):
        await durable.client.send(SendDurableExecutionCallbackSuccessCommand(callback_id="no+/callback==", result=b"1"))


@pytest.mark.parametrize(
    "kind",
    [
        SendDurableExecutionCallbackFailureCommand,
        SendDurableExecutionCallbackHeartbeatCommand,
        SendDurableExecutionCallbackSuccessCommand,
    ],
    ids=["fail", "heartbeat", "succeed"],
)
async def test_callback_that_was_answered_is_closed(durable: Durable, kind: Any) -> None:
    arn = await durable.begin("asks")
    callback = await callback_of(durable)
    await durable.client.send(SendDurableExecutionCallbackSuccessCommand(callback_id=callback, result=b"1"))
    with pytest.raises(CallbackTimeoutException):
        await durable.client.send(kind(callback_id=callback))
    await durable.ended(arn)


async def test_stop_ends_an_execution(durable: Durable) -> None:
    arn = await durable.begin("asks")
    await callback_of(durable)
    error = ErrorObject(error_type="Stopped", error_message="by hand")
    before = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=5)
    stopped = await durable.client.send(StopDurableExecutionCommand(durable_execution_arn=arn, error=error))
    assert stopped.stop_timestamp > before
    execution = await durable.ended(arn)
    assert (execution.status, execution.error.error_message) == ("STOPPED", "by hand")


async def test_call_of_a_stopped_execution_fails(durable: Durable) -> None:
    call = asyncio.create_task(durable.client.invoke("orders:$LATEST", durable.event("asks")))
    await callback_of(durable)
    listed = await durable.client.send(
        ListDurableExecutionsByFunctionCommand(function_name="orders", statuses=["RUNNING"], max_items=1)
    )
    (summary,) = listed.durable_executions or ()
    await durable.client.send(StopDurableExecutionCommand(durable_execution_arn=summary.durable_execution_arn))
    with pytest.raises(FunctionError):
        await call


async def test_history_tells_the_steps(durable: Durable) -> None:
    arn = await durable.run("steps", members={"names": ["one", "two"]})
    events = await durable.events(arn)
    assert [event.name for event in events if event.event_type == "StepSucceeded"] == ["one", "two"]
    assert events[0].event_type == "ExecutionStarted"
    assert json.loads(events[0].execution_started_details.input.payload)["names"] == ["one", "two"]
    newest = await durable.events(arn, reverse_order=True, max_items=1, include_execution_data=False)
    assert len(newest) == 1
    assert newest[0].event_id == events[-1].event_id


async def test_history_has_pages(durable: Durable) -> None:
    arn = await durable.run("steps", members={"names": ["one", "two", "three"]})
    ids, marker = [], None
    while True:
        page = await durable.client.send(
            GetDurableExecutionHistoryCommand(durable_execution_arn=arn, max_items=2, **({"marker": marker} if marker else {}))
        )
        ids += [event.event_id for event in page.events]
        marker = page.next_marker
        if not marker:
            break
    assert ids == [event.event_id for event in await durable.events(arn)]


async def test_details_leave_out_the_data(durable: Durable) -> None:
    arn = await durable.run("steps", members={"names": ["secret"]})
    execution = await durable.client.send(GetDurableExecutionCommand(durable_execution_arn=arn, include_execution_data=False))
    assert (execution.status, execution.input_payload, execution.result) == ("SUCCEEDED", None, None)


async def test_unknown_execution_is_not_found(durable: Durable) -> None:
    await durable.invoke("steps", members={"names": []})
    with pytest.raises(ResourceNotFoundException):
        await durable.client.send(GetDurableExecutionCommand(durable_execution_arn=f"{PREFIX}:1/durable-execution/no/one"))


async def test_executions_are_listed(durable: Durable) -> None:
    since = dt.datetime.now(dt.UTC)
    arns = [
        await durable.run("steps", function=f"orders:{version}", members={"names": []}, name=name)
        for version, name in (("$LATEST", "listed-T"), ("1", "listed-1"))
    ]

    async def listed(**options: object) -> list[str]:
        page = await durable.client.send(
            ListDurableExecutionsByFunctionCommand(function_name="orders", started_after=since, **options)  # type: ignore[arg-type]
        )
        return [str(summary.durable_execution_arn) for summary in page.durable_executions or ()]

    assert await listed() == arns[::-1]
    assert await listed(reverse_order=True) == arns
    assert await listed(qualifier="1") == await listed(qualifier="live") == arns[1:]
    assert await listed(durable_execution_name="listed-T") == arns[:1]
    assert await listed(statuses=["RUNNING", "FAILED"]) == []
    assert await listed(statuses=["RUNNING", "SUCCEEDED"], started_before=since) == []


async def test_list_has_pages(durable: Durable) -> None:
    for _ in range(3):
        await durable.invoke("steps", function="orders:1", members={"names": []})
    arns: list[str] = []
    marker: str | None = None
    while True:
        page = await durable.client.send(
            ListDurableExecutionsByFunctionCommand(function_name="orders", max_items=2, marker=marker)
        )
        arns += [str(summary.durable_execution_arn) for summary in page.durable_executions or ()]
        marker = page.next_marker
        if marker is None:
            break
    assert len(arns) == len(set(arns)) >= 3


@pytest.mark.parametrize(
    "options",
    [{"marker": "nonsense"}, {"statuses": ["LOST"]}, {"max_items": 1001}],
    ids=["marker", "status", "count"],
)
async def test_wrong_list_is_refused(durable: Durable, options: dict[str, object]) -> None:
    command = ListDurableExecutionsByFunctionCommand(function_name="orders", **options)  # type: ignore[arg-type]
    with pytest.raises(LambdaServiceException) as refused:
        await durable.client.send(command)
    assert refused.value.status_code == 400


async def test_list_of_an_unknown_function_is_refused(durable: Durable) -> None:
    with pytest.raises(ResourceNotFoundException):
        await durable.client.send(ListDurableExecutionsByFunctionCommand(function_name="nobody"))


async def test_failing_step_is_tried_again(durable: Durable) -> None:
    output = await durable.invoke("fails", members={"until": 3})
    assert output.json() == "tea"
    assert durable.noted() == ["attempt"] * 3
    kinds = [event.event_type for event in await durable.events(str(output.durable_execution_arn))]
    assert kinds.count("StepFailed") == 2


async def test_failing_execution_is_a_function_error(durable: Durable) -> None:
    output = await durable.invoke("fails", members={"until": 9})
    assert output.function_error == "Unhandled"
    assert "no tea yet" in output.json()["errorMessage"]
    execution = await durable.ended(str(output.durable_execution_arn))
    assert execution.status == "FAILED"
    assert execution.error.error_type == output.json()["errorType"]


async def test_execution_that_takes_too_long_ends(durable: Durable) -> None:
    output = await durable.invoke("asks", function="brief:$LATEST")
    assert output.function_error == "Unhandled"
    assert (await durable.ended(str(output.durable_execution_arn))).status == "TIMED_OUT"


async def test_execution_invokes_a_plain_function(durable: Durable) -> None:
    output = await durable.invoke("invokes", members={"function": "plain", "payload": {"n": 1}})
    assert output.json() == {"of": "plain", "answered": {"plain": {"n": 1}}}


async def test_execution_invokes_a_durable_function(durable: Durable) -> None:
    payload = durable.event("steps", names=["child"])
    output = await durable.invoke("invokes", members={"function": "orders:1", "payload": payload})
    assert output.json()["answered"] == {"steps": ["child"]}
    assert durable.noted() == ["child"]


async def test_more_executions_than_processes_wait(durable: Durable) -> None:
    calls = [durable.invoke("sleeps", members={"seconds": 0.3}) for _ in range(8)]  # of 4 processes
    assert [output.json() for output in await asyncio.gather(*calls)] == ["slept"] * 8


async def test_configuration_tells_the_limits(durable: Durable) -> None:
    configuration = await durable.client.send(GetFunctionConfigurationCommand(function_name="orders"))
    config = configuration.durable_config
    assert config is not None
    assert (config.execution_timeout, config.retention_period_in_days) == (600, 7)


async def test_pause_says_that_it_is_not_emulated(durable: Durable) -> None:
    with pytest.raises(LambdaServiceException, match="testing SDK for durable functions cannot do it") as refused:
        await durable.client.send(PauseDurableExecutionCommand(durable_execution_arn=f"{PREFIX}:1/durable-execution/a/b"))
    assert refused.value.code == "UnknownOperationException"


async def test_handler_runs_are_no_calls(durable: Durable) -> None:
    calls, runs = len(durable.endpoint.calls), len(durable.endpoint.executions)
    output = await durable.invoke("steps", members={"names": ["one"]})
    assert len(durable.endpoint.calls) == calls + 1
    (run,) = durable.endpoint.executions[runs:]
    assert (run.response, run.event()["names"]) == (output.payload, ["one"])


async def test_scripted_failure_begins_no_execution(durable: Durable) -> None:
    durable.endpoint.fail("orders", ValueError("no tea"), times=1)
    output = await durable.client.send(InvokeCommand(function_name="orders:1", payload=durable.event("steps", names=["one"])))
    assert (output.function_error, output.durable_execution_arn) == ("Unhandled", None)
    assert durable.noted() == []
