"""Durable executions on the local endpoint, by boto3 and by the AWS CLI, and `aiolambda serve` with durable functions."""

import asyncio
import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from aiolambda import LambdaClient
from aiolambda.local import DurableConfig, LocalEndpoint
from aiolambda.operations import SendDurableExecutionCallbackSuccessCommand

from ...support import peers
from ...support.cli import served
from ...support.local import HERE, becomes_true, function, is_running
from ...support.other_clients import SCRIPTS
from ...support.pages import ROOT, blocks_of
from ...support.programs import output_of
from .support import Durable

pytestmark = pytest.mark.slow


async def test_boto3_follows_executions(durable: Durable, tmp_path: Path) -> None:
    environment = {**durable.endpoint.environment(), "PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_MAX_ATTEMPTS": "1"}
    command = [peers.clients_python("boto3"), str(SCRIPTS / "boto3_durable.py")]
    process = await asyncio.create_subprocess_exec(*command, stdin=-1, stdout=-1, stderr=-1, env=environment)
    asked = json.dumps({"function": "orders:1", "diary": str(durable.diary)}).encode()
    out, err = await output_of(process, within=60, stdin=asked)
    assert process.returncode == 0, err.decode()
    assert json.loads(out) == {
        "whole": {"steps": ["one", "two"]},
        "failed": ["Unhandled", True],
        "answered": '{"answer": "\\"tea\\""}',
        "is the same": True,
        "stopped": ["STOPPED", "by hand", True],
        "listed": [True],
        "unknown": ["ResourceNotFoundException", 404],
        "pause": ["ClientError", 404],
    }


async def test_aws_cli_reads_an_execution(durable: Durable, tmp_path: Path) -> None:
    arn = await durable.run("steps", members={"names": ["one"]})
    environment = {**durable.endpoint.environment(), "PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    command = [peers.aws_cli(), "lambda", "get-durable-execution", "--durable-execution-arn", arn]
    process = await asyncio.create_subprocess_exec(*command, stdout=-1, stderr=-1, env=environment)
    out, err = await output_of(process, within=60)
    assert process.returncode == 0, err.decode()
    assert json.loads(out)["Status"] == "SUCCEEDED"


async def test_example_of_the_chapter_runs(layer: Path, tmp_path: Path) -> None:
    (example,) = [block for block in blocks_of(ROOT / "docs" / "local-endpoint.md") if block.file == "orders.py"]
    (tmp_path / "orders.py").write_text(example.text)
    orders = function("orders", "orders.handler", root=tmp_path, layers=[layer], durable=DurableConfig())
    python = os.fspath(peers.durable_python())
    async with (
        LocalEndpoint([orders], durable_python=python) as endpoint,
        LambdaClient(region=endpoint.region, endpoint_url=endpoint.url, credentials=endpoint.credentials) as client,
    ):
        durable = Durable(endpoint, client, tmp_path / "diary")
        arn = await durable.begin("", event={"people": 4})
        while not (callbacks := [event for event in await durable.events(arn) if event.event_type == "CallbackStarted"]):
            await asyncio.sleep(0.05)
        callback = callbacks[0].callback_started_details.callback_id
        await client.send(SendDurableExecutionCallbackSuccessCommand(callback_id=callback, result=b"yes"))
        assert json.loads((await durable.ended(arn)).result) == {"total": 12, "approved": "yes"}


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=["term", "kill"])
async def test_served_executions_end_with_the_server(layer: Path, tmp_path: Path, end: signal.Signals) -> None:
    arguments = [f"orders={HERE}/durable_handlers.py:handler", "--durable-timeout", "60", "--layer", str(layer)]
    python = os.fspath(peers.durable_python())
    async with served(*arguments, "--durable-python", python) as (process, env):
        diary = tmp_path / "diary"
        event = json.dumps({"op": "asks", "diary": str(diary)})
        call = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "aiolambda", "invoke", "orders:$LATEST", "-p", event, "--invocation-type", "Event"),
            env=env,
            stdout=-1,
            stderr=-1,
        )
        out, err = await output_of(call, within=30)
        assert call.returncode == 0, (out, err)
        await becomes_true(diary.exists)
        pids = children_of(process.pid)
        assert len(pids) >= 4  # the reaper, a supervisor and a process of the function, and of the executions
        process.send_signal(end)
        _, stderr = await asyncio.wait_for(process.communicate(), 10)
    await becomes_true(lambda: not any(is_running(pid) for pid in pids))
    arn = r"arn:aws:lambda:us-east-1:000000000000:function:orders:\$LATEST/durable-execution/\S+"
    assert re.search(rf"aiolambda: \d\d:\d\d:\d\d orders:\$LATEST began {arn}\n", stderr.decode())
    assert "aiolambda/local" not in stderr.decode()  # no traceback of the server; a handler may have one


def children_of(pid: int) -> list[int]:
    """All descendants of a process."""
    children = [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*children, *(grandchild for child in children for grandchild in children_of(child))]
