"""`--hedge-after` of `invoke` and `map`: calls that wait too long are sent a second time."""

import json

import pytest

from aiolambda.cli import main

from ..support.cli import environment
from ..support.servers import Connection, RawServer, answer, raw_server


async def stalls_first(connection: Connection) -> None:
    """The first request gets no answer; every other one its own body."""
    while True:
        _, body = await connection.read_request()
        if len(connection.server.requests) == 1:
            await connection.until_client_closes()
            return
        await connection.write(answer(body=body))


def env_for(server: RawServer) -> dict[str, str]:
    keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
    return environment(AWS_ENDPOINT_URL_LAMBDA=server.url, AWS_REGION="eu-west-1", **keys)


async def test_invocation_is_hedged(program):
    async with raw_server(stalls_first) as server:
        env = env_for(server)
        ended = await program("invoke", "f", "-p", '{"id":7}', "--idempotent", "--hedge-after", "0.2", "-v", env=env)
    assert (ended.code, ended.stdout) == (0, b'{"id":7}')
    assert len(server.requests) == 2
    assert "the call was sent a second time" in ended.stderr


async def test_map_tells_its_hedges(program, tmp_path):
    (tmp_path / "items").write_text("".join(f"{number}\n" for number in range(8)))
    async with raw_server(stalls_first) as server:
        arguments = ("map", "f", "-f", "items", "--idempotent", "--hedge-after", "0.2", "--concurrency", "4")
        files = ("--summary-file", "summary", "--report", "report.html")
        ended = await program(*arguments, *files, env=env_for(server), cwd=tmp_path)
    assert ended.code == 0
    assert len(ended.stdout.splitlines()) == 8
    assert len(server.requests) == 9
    assert "hedged invocations: 1, of which 1 were answered by the second request" in ended.stderr
    summary = json.loads((tmp_path / "summary").read_text())
    assert (summary["done"], summary["attempts"], summary["hedged"], summary["hedges_won"]) == (8, 9, 1, 1)
    assert "<dt>hedged</dt><dd>1</dd>" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["invoke", "f", "--hedge-after", "1"], "--hedge-after needs --idempotent"),
        (["map", "f", "-f", "items", "--hedge-after", "p99"], "--hedge-after needs --idempotent"),
        (["map", "f", "-f", "items", "--hedge-after", "1", "--idempotent", "--event"], "cannot be used with --event"),
        (["invoke", "f", "--hedge-after", "1", "--idempotent", "--stream"], "--stream cannot be used with --hedge-after"),
        (["map", "f", "-f", "items", "--hedge-after", "p42"], "neither a number of seconds nor one of p90, p95, p99"),
        (["map", "f", "-f", "items", "--hedge-after", "0"], "not a number of seconds above 0"),
        (["invoke", "f", "--hedge-after", "p99"], "one call knows no percentile"),
        (["invoke", "f", "--hedge-after", "soon"], "'soon' is not a number of seconds"),
        (["invoke", "f", "--hedge-after", "1", "--idempotent", "--invocation-type", "Event"], "--invocation-type Event"),
    ],
    ids=["invoke", "map", "event", "stream", "percentile", "zero", "percentile of one call", "words", "event of one call"],
)
def test_wrong_use_is_refused(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "items").write_text("1\n")
    try:
        code = main(arguments)
    except SystemExit as left:
        code = left.code
    assert code == 2
    assert said in capsys.readouterr().err
