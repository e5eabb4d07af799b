"""The forms of a payload, of the items of a map, and of results: files, pipes, byte order marks, queries."""

import argparse
import io
import json
import os
import sys
from codecs import BOM_UTF8
from pathlib import Path

import pytest

from aiolambda.cli import payloads
from aiolambda.cli.results import NotJsonError, form_of
from aiolambda.errors import ConfigurationError

from ..support.cli import environment, environment_for, run
from ..support.servers import Connection, answer, raw_server
from .test_map import told


def form(format: str | None = None, query: str | None = None):
    return form_of(argparse.Namespace(format=format, query=query))


def shown(value: object, format: str = "text", query: str | None = None) -> str:
    return form(format, query).of_payload(json.dumps(value).encode(), indent=False).decode()


@pytest.mark.parametrize("given", ["@{}", "file://{}", "fileb://{}"])
def test_payload_option_reads_a_named_file(given, tmp_path):
    path = tmp_path / "event.json"
    path.write_bytes(b' {"a": 1}\n')
    assert payloads.payload_of(given.format(path), None) == b' {"a": 1}\n'
    assert payloads.payload_of(None, given.format(path)) == b' {"a": 1}\n'


def test_file_that_has_the_prefix_in_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "@event").write_text("1")
    assert payloads.payload_of(None, "@event") == b"1"


def test_byte_order_mark_is_stripped_utf_16_is_refused(tmp_path):
    path = tmp_path / "event.json"
    path.write_bytes(BOM_UTF8 + b"{}")
    assert payloads.payload_of(None, str(path)) == b"{}"
    assert payloads.payload_of(f"fileb://{path}", None) == BOM_UTF8 + b"{}"
    path.write_text("{}", encoding="utf-16")
    with pytest.raises(ConfigurationError, match="is UTF-16, but Lambda takes UTF-8; convert it: iconv"):
        payloads.payload_of(None, str(path))


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b'{"hunter2": 1,\n "b" 2}', r"\(Expecting ':' delimiter, line 2, column 6\)"),
        (b'{"hunter2": "\xff"}', r"\(byte 14 is not UTF-8\)"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_wrong_json_names_its_place_not_its_text(data, place, tmp_path):
    path = tmp_path / "event.json"
    path.write_bytes(data)
    with pytest.raises(ConfigurationError, match=place) as caught:
        payloads.payload_of(None, str(path))
    assert "hunter2" not in str(caught.value)
    assert payloads.payload_of(f"fileb://{path}", None) == data


def test_payload_that_is_a_file_name_gets_a_hint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "event.json").write_text("{}")
    with pytest.raises(ConfigurationError, match="a file has this name: to send its content, use -f in place of -p"):
        payloads.payload_of("event.json", None)


def test_terminal_and_dev_null_are_not_read_unasked(monkeypatch):
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        assert payloads.payload_of(None, None) is None
    primary, secondary = os.openpty()
    with os.fdopen(secondary) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        assert payloads.payload_of(None, None) is None
    os.close(primary)
    monkeypatch.setattr(sys, "stdin", None)
    assert payloads.payload_of(None, None) is None


def test_reading_a_terminal_is_told(monkeypatch, capsys):
    stdin = io.TextIOWrapper(io.BytesIO(b"{}"))
    monkeypatch.setattr(stdin, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", stdin)
    assert payloads.payload_of("-", None) == b"{}"
    assert capsys.readouterr().err.startswith("aiolambda: reading the payload from the terminal; end it with Ctrl-")


@pytest.mark.parametrize(("written", "read"), [(b'{"a": 1}', b'{"a": 1}'), (b"", None)])
def test_pipe_is_read_without_an_option(written, read, monkeypatch):
    read_end, write_end = os.pipe()
    os.write(write_end, written)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        monkeypatch.setattr(sys, "stdin", pipe)
        assert payloads.payload_of(None, None) == read


def test_redirected_file_is_read_without_an_option(tmp_path, monkeypatch):
    (tmp_path / "event.json").write_text("[1]")
    with (tmp_path / "event.json").open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert payloads.payload_of(None, None) == b"[1]"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a b", "a b\n"),
        (None, "None\n"),
        (True, "True\n"),
        (1.5, "1.5\n"),
        ([], ""),
        (["a", 1, None], "a\t1\tNone\n"),
        ([["a", "b"], ["c", "d"]], "a\tb\nc\td\n"),
        ({"b": 2, "a": 1}, "1\t2\n"),
        (
            {"n": 1, "tags": [{"k": "x", "v": 1}, {"k": "y", "v": 2}], "ids": [1, 2]},
            "1\nIDS\t1\nIDS\t2\nTAGS\tx\t1\nTAGS\ty\t2\n",
        ),
    ],
)
def test_text_is_that_of_the_aws_command_line(value, text):
    assert shown(value) == text


def test_json_is_a_line_or_indented():
    assert form("json").of_payload(b' {"a": [1,  2]}\n', indent=False) == b'{"a":[1,2]}\n'
    assert form("json").of_payload(b'{"a":1}', indent=True) == b'{\n  "a": 1\n}\n'


def test_json_cannot_control_a_terminal_and_stays_equal():
    value = "\x1b[31m \x9b31m \u202e \ud800 \xe9 \u65e5"
    written = form("json").of_payload(json.dumps(value).encode(), indent=True)
    assert json.loads(written) == value
    assert written.decode() == '"\\u001b[31m \\u009b31m \\u202e \\ud800 \xe9 \u65e5"\n'


def test_query_selects_a_part():
    value = {"items": [{"name": "a", "n": 1}, {"name": "b", "n": 2}]}
    assert shown(value, query="items[].name") == "a\tb\n"
    assert shown(value, "json", "items[?n > `1`]") == '[{"name":"b","n":2}]\n'
    assert form(None, "items[0].n").of_payload(json.dumps(value).encode(), indent=False) == b"1\n"


def test_query_that_does_not_fit_keeps_the_result_out():
    with pytest.raises(NotJsonError) as caught:
        shown({"a": "hunter2"}, query="sum(a)")
    assert caught.value.args == ("JMESPathTypeError",)


@pytest.mark.parametrize("command", [["invoke", "app"], ["map", "app", "-f", os.devnull]])
async def test_wrong_query_sends_nothing(command, program):
    ended = await program(*command, "--query", "a[", env={"AWS_REGION": "us-east-1"})
    assert (ended.code, ended.stdout) == (2, b"")
    assert "aiolambda: --query is not a JMESPath expression: " in ended.stderr


async def test_invoke_writes_what_query_and_format_ask_for(endpoint, program, tmp_path):
    env, payload = environment_for(endpoint), ("-p", '{"a": [1, {"b": 2}]}')
    assert (await program("invoke", "raw", *payload, "--query", "a[1]", env=env)).stdout == b'{"b":2}\n'
    assert (await program("invoke", "raw", *payload, "-o", "text", "--query", "a[1].b", env=env)).stdout == b"2\n"
    both = await program("invoke", "raw", *payload, "-o", "json", "-o", str(tmp_path / "out"), env=env)
    assert (both.stdout, (tmp_path / "out").read_bytes()) == (b"", b'{"a":[1,{"b":2}]}\n')
    named = await program("invoke", "raw", *payload, "--output-file", "json", env=env, cwd=tmp_path)
    assert (named.stdout, (tmp_path / "json").read_bytes()) == (b"", b'{"a": [1, {"b": 2}]}')


async def test_query_leaves_a_function_error_whole(endpoint, program):
    arguments = ("invoke", "app", "-p", '{"op": "fail", "text": "no tea"}', "--query", "result")
    ended = await program(*arguments, env=environment_for(endpoint))
    assert ended.code == 1
    assert json.loads(ended.stdout)["errorMessage"] == "no tea"


async def test_response_that_is_not_json_is_unchanged(program):
    async def respond(connection: Connection) -> None:
        await connection.read_request()
        await connection.write(answer(body=b"no json \xff"))

    env = environment(AWS_REGION="us-east-1", AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="s")
    async with raw_server(respond) as server:
        ended = await program("invoke", "app", "-p", "{}", "-o", "json", "--endpoint-url", server.url, env=env)
    assert (ended.code, ended.stdout) == (4, b"no json \xff")
    assert "the function has run, but the response is not JSON; it is written unchanged" in ended.stderr


async def test_stream_refuses_query_and_format(program):
    for options in (["--query", "a"], ["-o", "text"]):
        ended = await program("invoke", "app", "--stream", *options, env={"AWS_REGION": "us-east-1"})
        assert ended.code == 2
        assert "--stream cannot be used with --query or -o json|text" in ended.stderr


async def test_map_writes_what_query_and_format_ask_for(endpoint, program, tmp_path):
    (tmp_path / "items").write_bytes(BOM_UTF8 + b'{"n": 1}\n{"n": 2}\n')
    arguments = ("map", "raw", "-f", f"@{tmp_path / 'items'}", "--ordered", "--query", "[index, payload.n]")
    env = environment_for(endpoint)
    assert (await program(*arguments, "-o", "text", env=env)).stdout == b"0\t1\n1\t2\n"
    assert (await program(*arguments, env=env)).stdout == b"[0,1]\n[1,2]\n"
    failed = await program(*arguments, "--query", "sum(item)", env=env)
    assert failed.code == 4
    assert [line["ok"] for line in told(failed.stdout)] == [True, True]
    assert "--query fails on the result of line 1 (JMESPathTypeError)" in failed.stderr


async def test_map_reads_a_pipe_without_an_option(endpoint):
    ended = await run("map", "raw", "--query", "item", env=environment_for(endpoint), stdin=BOM_UTF8 + b"1\n2\n")
    assert (ended.code, sorted(ended.stdout.split())) == (0, [b"1", b"2"])


@pytest.mark.parametrize("is_piped", [True, False])
async def test_map_refuses_items_in_utf_16(is_piped, endpoint, program, tmp_path):
    data = "1\n2\n".encode("utf-16")
    (tmp_path / "items").write_bytes(data)
    env = environment_for(endpoint)
    if is_piped:
        ended = await run("map", "raw", "-f", "-", env=env, stdin=data)
    else:
        ended = await program("map", "raw", "-f", str(tmp_path / "items"), env=env)
    assert (ended.code, ended.stdout) == (2, b"")
    assert "the file of items is UTF-16, but Lambda takes UTF-8" in ended.stderr


async def test_invoke_reads_a_pipe_and_logs_the_call(endpoint):
    ended = await run("-v", "invoke", "raw", env=environment_for(endpoint), stdin=b'"hunter2"')
    assert (ended.code, ended.stdout) == (0, b'"hunter2"')
    attempt, end = ended.stderr.splitlines()
    assert attempt.startswith("Invoke 'raw' [")
    assert "attempt 1: status 200 after " in attempt
    assert " s: done; 1 attempt" in end
    assert "hunter2" not in ended.stderr


async def test_a_warning_is_printed_without_an_option(endpoint):
    env = {**environment_for(endpoint), "AWS_USE_FIPS_ENDPOINT": "true"}
    ended = await run("invoke", "raw", "-p", "1", env=env)
    warning = "AWS_USE_FIPS_ENDPOINT, ignored beside AWS_ENDPOINT_URL_LAMBDA: calls go to that URL\n"
    assert (ended.code, ended.stdout, ended.stderr) == (0, b"1", warning)


async def test_proxy_option_is_used_and_hidden(program, unused_tcp_port):
    env = environment(AWS_REGION="us-east-1", AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="s")
    proxy = f"http://me:hunter2@127.0.0.1:{unused_tcp_port}"
    for arguments in (["--proxy", proxy, "--debug", "invoke", "app"], ["invoke", "app", "-v", "--proxy", proxy]):
        ended = await program(*arguments, env=env)
        assert ended.code == 3
        assert "hunter2" not in ended.stderr


async def test_ca_bundle_option_is_used(program, tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")
    env = environment(AWS_REGION="us-east-1", AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="s")
    ended = await program("invoke", "app", "--ca-bundle", str(tmp_path / "ca.pem"), env=env)
    assert ended.code == 2
    assert "ca.pem' (from --ca-bundle) cannot be read" in ended.stderr
