"""The size of a journal, and the memory of its writer: neither an item nor a run costs more than it should."""

import gc
import hashlib
import json
import random
import sqlite3
import tracemalloc
from pathlib import Path

import pytest

from aiolambda import InvokeCommandOutput, LambdaClient, MapResult, Metadata
from aiolambda.fanout import journal_records
from aiolambda.fanout.cost import Cost
from aiolambda.fanout.journal_rows import ItemState
from aiolambda.fanout.journal_tables import Tables
from aiolambda.types.values import Delivery
from benchmarks.journal_cost import KEYS, Answering

ITEMS = 20_000
"""A fiftieth of what `benchmarks/journal_cost.py --items 1000000` writes."""
TRACED = 4000
"""The last ones of them, whose memory is measured: that takes time."""
MAPPED = 8000
"""The items of a whole map; the memory of its second half is measured."""


async def results(count: int, *, tail: bool) -> list[tuple[str, bytes]]:
    """So many records and payloads of answers with Lambda's usual headers."""
    answering, found = Answering(tail=tail), list[tuple[str, bytes]]()
    for number in range(count):
        response = await answering.send(None)  # type: ignore[arg-type]
        headers = {name.lower(): value for name, value in response.headers.items()}
        metadata = Metadata(
            http_status_code=200,
            request_id=headers["x-amzn-requestid"],
            trace_id=headers["x-amzn-trace-id"],
            headers=headers,
        )
        output = InvokeCommandOutput(
            status_code=200,
            payload=response.body,
            executed_version="$LATEST",
            log_result=headers.get("x-amz-log-result"),
            metadata=metadata,
        )
        duration = random.Random(number).random()  # noqa: S311 - no secret
        result = MapResult(
            index=number, key="k", item=None, output=output, delivery=Delivery.EXECUTED, attempts=1, duration=duration
        )
        record, payload = journal_records.dump(result, cost=Cost(invocations=1, billed_ms=float(number % 400)))
        assert payload is not None
        found.append((json.dumps(record), payload))
    return found


@pytest.mark.parametrize("tail", [False, True])
async def test_an_item_takes_at_most_300_bytes_and_memory_is_flat(tail: bool, tmp_path: Path) -> None:
    made = await results(1000, tail=tail)
    db = sqlite3.connect(tmp_path / "run.db")
    tables = Tables(db, tmp_path / "run.db", {})
    tables.create()
    tables.run = 1
    for number in range(ITEMS):
        if number == ITEMS - TRACED:
            tracemalloc.start()
        row = tables.claim(None, hashlib.sha256(b"%d" % number).hexdigest()).row
        tables.start(row)
        tables.finish(row, ItemState.OK, *made[number % len(made)])
        if number % 500 == 499:
            db.commit()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    db.close()
    assert (tmp_path / "run.db").stat().st_size / ITEMS < 300
    assert kept < 25 * TRACED


async def test_memory_of_a_run_and_of_its_replay_is_flat(tmp_path: Path) -> None:
    for replayed in (0, MAPPED):
        async with (
            LambdaClient(region="us-east-1", credentials=KEYS, transport=Answering(tail=True)) as client,
            client.map("f", range(MAPPED), journal=tmp_path / "run.db", log_type="Tail", concurrency=50) as run,
        ):
            done = 0
            async for result in run:
                done += result.ok
                if done == MAPPED // 2:
                    tracemalloc.start()
            gc.collect()
            kept, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert (done, run.stats.replayed) == (MAPPED, replayed)
        assert kept < 25 * MAPPED // 2
