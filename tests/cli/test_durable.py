"""`aiolambda durable` and `aiolambda callback`: what they write, and their exit codes."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from aiolambda.cli.program import _parse
from aiolambda.testing import FakeTransport
from aiolambda.testing.durable import Callback, Fail, Paused, Step, Succeed, TimeOut, Wait

from ..support.cli import Ended, Program, start
from ..support.programs import output_of
from ..support.served_fake import served_fake

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders:1/durable-execution/order-7/0123"
PAID = [Step("charge", result={"ok": True}), Succeed({"paid": True})]


class Shell:
    """Runs commands against a fake."""

    def __init__(self, fake: FakeTransport, program: Program, env: dict[str, str]) -> None:
        self.fake, self._program, self.env = fake, program, env

    async def __call__(self, *arguments: str, **settings: Any) -> Ended:
        return await self._program(*arguments, env=self.env, **settings)

    async def started(self, *script: Any, name: str = "order-7") -> str:
        """The ARN of an execution of this script."""
        self.fake.add_durable("orders", script)
        ended = await self("durable", "start", "orders:$LATEST", "-p", "{}", "--name", name)
        assert (ended.code, ended.stderr) == (0, "")
        return ended.stdout.decode().strip()


@asynccontextmanager
async def shell_of(program: Program) -> AsyncIterator[Shell]:
    fake = FakeTransport()
    async with served_fake(fake) as env:
        yield Shell(fake, program, env)


@pytest.fixture
def shell(program: Program) -> Iterator[Any]:
    return lambda: shell_of(program)


async def test_start_writes_the_arn(shell) -> None:
    async with shell() as run:
        arn = await run.started(*PAID)
        [execution] = run.fake.durable_executions
        assert (execution.arn, execution.name, execution.payload) == (arn, "order-7", b"{}")


async def test_start_that_waits_writes_the_result(shell) -> None:
    async with shell() as run:
        run.fake.add_durable("orders", PAID)
        ended = await run("durable", "start", "orders", "--qualifier", "$LATEST", "--wait", "--query", "paid", stdin=b"")
        [execution] = run.fake.durable_executions
        assert (ended.code, ended.stdout) == (0, b"true\n")
        assert ended.stderr == f"aiolambda: started {execution.arn}\n"


async def test_start_needs_a_qualifier(shell) -> None:
    async with shell() as run:
        run.fake.add_durable("orders", PAID)
        ended = await run("durable", "start", "orders", "-p", "{}")
        assert (ended.code, ended.stdout) == (2, b"")
        assert "qualifier" in ended.stderr
        assert run.fake.calls == []


async def test_start_of_another_function_may_have_run(shell) -> None:
    async with shell() as run:
        run.fake.add("plain", lambda event: event)
        ended = await run("durable", "start", "plain:$LATEST", "-p", "{}")
        assert (ended.code, ended.stdout) == (4, b"")
        assert "accepted" in ended.stderr


async def test_started_arn_has_the_form_that_is_asked_for(shell) -> None:
    async with shell() as run:
        run.fake.add_durable("orders", PAID)
        ended = await run("durable", "start", "orders:$LATEST", "-p", "{}", "-o", "json")
        [execution] = run.fake.durable_executions
        assert json.loads(ended.stdout) == {"DurableExecutionArn": execution.arn}


async def test_wait_writes_the_result_unchanged(shell) -> None:
    async with shell() as run:
        arn = await run.started(Step("charge", polls=1), Succeed({"paid": True}))
        ended = await run("durable", "wait", arn)
        assert (ended.code, ended.stdout, ended.stderr) == (0, b'{"paid": true}', "")


@pytest.mark.parametrize(
    ("end", "text"),
    [(Fail("CardDeclined", "no money"), "CardDeclined"), (TimeOut(), "timed out")],
    ids=["failed", "timed-out"],
)
async def test_wait_for_a_failure_has_its_own_code(end, text, shell) -> None:
    async with shell() as run:
        ended = await run("durable", "wait", await run.started(end))
        assert (ended.code, ended.stdout) == (1, b"")
        assert text in ended.stderr


async def test_wait_that_takes_too_long_was_not_in_time(shell) -> None:
    async with shell() as run:
        arn = await run.started(Wait("cool down", seconds=600))
        ended = await run("durable", "wait", arn, "--timeout", "0.3")
        assert (ended.code, ended.stdout) == (3, b"")
        assert "RUNNING" in ended.stderr


async def test_interrupted_wait_says_that_it_goes_on(shell) -> None:
    async with shell() as run:
        arn = await run.started(Wait("cool down", seconds=600))
        asked = len(run.fake.control_plane_calls)
        process = await start("durable", "wait", arn, env=run.env)
        while len(run.fake.control_plane_calls) == asked:
            await run.fake.wait_idle()
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        _, stderr = await output_of(process, within=30)
        assert process.returncode == -signal.SIGTERM
        assert stderr == b"aiolambda: interrupted; the execution goes on\n"
        assert run.fake.durable_executions[0].status == "RUNNING"


async def test_describe_shows_the_pause(shell) -> None:
    async with shell() as run:
        arn = await run.started(Paused(), *PAID)
        ended = await run("durable", "describe", arn, "-o", "json")
        assert json.loads(ended.stdout)["Status"] == "PAUSED"
        assert "Status" in (await run("durable", "describe", arn)).stdout.decode()


async def test_history_is_a_line_for_each_event(shell) -> None:
    async with shell() as run:
        arn = await run.started(*PAID)
        await run("durable", "wait", arn)
        lines = (await run("durable", "history", arn)).stdout.decode().splitlines()
        kinds = [line.split()[2] for line in lines]
        assert kinds[0] == "ExecutionStarted"
        assert kinds[-1] == "ExecutionSucceeded"
        assert any(line.endswith("StepSucceeded  charge") for line in lines)
        reverse = (await run("durable", "history", arn, "--newest-first")).stdout.decode().splitlines()
        assert reverse == lines[::-1]


async def test_history_as_json_has_the_details(shell) -> None:
    async with shell() as run:
        arn = await run.started(*PAID)
        ended = await run("durable", "history", arn, "--follow", "-o", "json")
        events = [json.loads(line) for line in ended.stdout.splitlines()]
        assert [event["EventId"] for event in events] == list(range(1, len(events) + 1))
        last = events[-1]
        assert last["ExecutionSucceededDetails"]["Result"]["Payload"] == '{"paid": true}'
        bare = await run("durable", "history", arn, "--no-data", "-o", "json")
        assert b"paid" not in bare.stdout


async def test_callback_is_found_and_answered(shell) -> None:
    async with shell() as run:
        arn = await run.started(Callback("approval"), Succeed("done"))
        ended = await run("durable", "callbacks", arn, "--query", "[0].CallbackId", "-o", "text")
        callback_id = ended.stdout.decode().strip()
        assert callback_id == run.fake.callbacks[0].id
        assert (await run("callback", "heartbeat", callback_id)).code == 0
        answered = await run("callback", "succeed", callback_id, stdin=b'{"approved": true}')
        assert (answered.code, answered.stdout) == (0, b"")
        assert (await run("durable", "wait", arn)).stdout == b'"done"'


async def test_callback_fails_with_the_given_error(shell) -> None:
    async with shell() as run:
        arn = await run.started(Callback("approval"), Succeed("done"))
        [callback] = run.fake.callbacks
        assert (await run("callback", "fail", callback.id, "--error-type", "Rejected", "--message", "no")).code == 0
        ended = await run("durable", "wait", arn)
        assert ended.code == 1
        assert "Rejected" in ended.stderr


async def test_answer_to_no_callback_is_refused(shell) -> None:
    async with shell() as run:
        ended = await run("callback", "succeed", "bm9uZQ==", "-p", "1")
        assert (ended.code, ended.stdout) == (3, b"")


async def test_list_has_the_executions_of_a_function(shell) -> None:
    async with shell() as run:
        first = await run.started(*PAID, name="a")
        second = await run.started(Wait("w", seconds=600), name="b")
        listed = await run("durable", "list", "orders", "--oldest-first", "-o", "json")
        assert [one["DurableExecutionArn"] for one in json.loads(listed.stdout)] == [first, second]
        running = await run("durable", "list", "orders", "--status", "RUNNING", "--query", "[].DurableExecutionName")
        assert json.loads(running.stdout) == ["b"]
        named = await run("durable", "list", "orders", "--name", "a", "--started-after", "2000-01-01T00:00:00Z")
        assert named.stdout.decode().splitlines()[1].split()[-2:] == ["a", first]
        assert len(json.loads((await run("durable", "list", "orders", "--limit", "1", "-o", "json")).stdout)) == 1


async def test_pause_resume_stop_and_delete_change_it(shell) -> None:
    async with shell() as run:
        arn = await run.started(Wait("w", seconds=600))
        statuses = []
        for command in (["pause", arn, "--reason", "supper"], ["resume", arn], ["stop", arn, "--error-type", "Cancelled"]):
            ended = await run("durable", *command)
            assert (ended.code, ended.stdout, ended.stderr) == (0, b"", "")
            statuses.append(run.fake.durable_executions[0].status)
        assert statuses == ["PAUSED", "RUNNING", "STOPPED"]
        assert (await run("durable", "wait", arn)).code == 1
        assert (await run("durable", "delete", arn)).code == 0


async def test_delete_of_a_running_execution_is_refused(shell) -> None:
    async with shell() as run:
        ended = await run("durable", "delete", await run.started(Wait("w", seconds=600)))
        assert ended.code == 3
        assert "ResourceConflictException" in ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("durable", "wait", "orders"),
        ("durable", "history", ARN, "--follow", "--newest-first"),
        ("durable", "list", "orders", "--started-after", "yesterday"),
        ("durable", "list", "orders", "--limit", "0"),
        ("durable", "list", "orders", "--status", "DONE"),
        ("durable", "start", "orders:live", "--name", "not a name"),
        ("callback", "heartbeat", ""),
        ("durable",),
        ("durable", "sttart"),
    ],
    ids=" ".join,
)
async def test_wrong_arguments_send_nothing(arguments, shell) -> None:
    async with shell() as run:
        ended = await run(*arguments)
        assert (ended.code, ended.stdout) == (2, b"")
        assert run.fake.calls == run.fake.control_plane_calls == []


async def test_wrong_number_is_explained(shell) -> None:
    async with shell() as run:
        ended = await run("durable", "list", "orders", "--limit", "x")
        assert (ended.code, run.fake.durable_executions) == (2, [])
        assert "'x' is not a whole number above 0" in ended.stderr


async def test_region_of_an_arn_is_told_as_an_option(shell) -> None:
    async with shell() as run:
        ended = await run("durable", "wait", ARN.replace("eu-west-1", "us-west-2"))
        assert ended.code == 2
        assert "the ARN of the execution is in us-west-2, and the region is eu-west-1: give --region us-west-2" in ended.stderr


async def test_missing_qualifier_is_told_as_an_option(shell) -> None:
    async with shell() as run:
        ended = await run("durable", "start", "orders", "-p", "{}")
        assert ended.code == 2
        assert "write 'orders:live', or --qualifier" in ended.stderr


def test_options_may_stand_before_the_group() -> None:
    early = _parse(["--region", "eu-west-1", "-v", "durable", "wait", ARN])
    assert (early.region, early.verbose) == ("eu-west-1", True)
