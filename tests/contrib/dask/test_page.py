"""The code of the pages that use Dask, on a real cluster."""

from pathlib import Path
from typing import Any

import pytest

from ...support.executions_server import CountingLambda
from ...support.pages import run_fragments


async def test_the_example_sums_the_orders(
    dask: Any, server: CountingLambda, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", server.url)
    orders = [{"id": n, "total": n} for n in range(100)]
    assert await run_fragments("docs/how-to/dask.md")["total_of"](dask, orders) == sum(range(100))
    assert capsys.readouterr().out == ""
    assert (tmp_path / "orders.db").exists()


async def test_the_example_of_the_chapter_sends_all(dask: Any, server: CountingLambda, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", server.url)
    orders = [{"id": n} for n in range(50)]
    assert await run_fragments("docs/several-machines.md")["send"](dask, orders) == 50
    assert server.counts.executions.total() == 50
