"""What every test has: the event loop that was chosen, a clean AWS environment, and nothing left behind."""

import asyncio
import os
from collections.abc import Callable, Mapping

import pytest

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def pytest_asyncio_loop_factories() -> Mapping[str, LoopFactory]:
    """asyncio's own loop, or uvloop where `AIOLAMBDA_LOOP=uvloop` asks for it."""
    if os.environ.get("AIOLAMBDA_LOOP") == "uvloop":
        import uvloop

        return {"uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the keys, profiles, proxies or metadata service of the machine that it runs on."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "_X_AMZN_")) or name.lower() in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
