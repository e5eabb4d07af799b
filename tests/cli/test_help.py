"""Help, usage errors, completions, the man page, colours and logs: the parts of the command line that send nothing."""

import asyncio
import io
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from aiolambda.cli import colour, logs, main
from aiolambda.cli.help_texts import EPILOGS
from aiolambda.cli.program import _parse, build_parser
from aiolambda.version import __version__

from ..support.cli import environment, start

COMMANDS = tuple(EPILOGS)


def program(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    stdout, stderr = capsys.readouterr()
    return code, stdout, stderr


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_help_fits_the_terminal(command, columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    code, stdout, stderr = program(capsys, *command.split(), "--help")
    described, _, examples = stdout.partition("\nexamples:\n")
    assert (code, stderr) == (0, "")
    assert max(map(len, described.splitlines()[1:])) <= columns
    assert examples.startswith("  ")
    assert max(map(len, examples.splitlines())) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_the_command_s_own_exit_codes(command, capsys):
    _, stdout, _ = program(capsys, *command.split(), "--help")
    codes = re.findall(r"^  (\d+) ", stdout.partition("\nexit codes:\n")[2], re.MULTILINE)
    assert codes[0] == "0"
    reads = ("durable describe", "durable history", "durable callbacks", "durable list")
    sends = command.startswith(("invoke", "map", "fetch", "call", "callback", "durable", "journal")) and command not in reads
    assert ("4" in codes) == sends


def test_help_command_is_the_help_option(capsys):
    assert program(capsys, "help") == program(capsys, "--help")
    assert program(capsys, "help", "map") == program(capsys, "map", "--help")
    assert program(capsys, "help", "durable", "wait") == program(capsys, "durable", "wait", "--help")
    assert program(capsys, "help", "mapp")[0] == 2


def test_no_arguments_print_the_short_help(capsys):
    code, stdout, stderr = program(capsys)
    assert (code, stdout) == (2, "")
    assert len(stderr.splitlines()) < 20
    assert "  invoke " in stderr


def test_version_is_printed(capsys):
    assert program(capsys, "--version")[:2] == (0, f"aiolambda {__version__} (Python {sys.version.split()[0]})\n")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["invok", "app"], "did you mean invoke?"),
        (["invoke", "app", "--tial"], "aiolambda invoke: error: unknown option --tial; did you mean --tail?"),
        (["invoke", "app", "--Payload={}"], "unknown option --Payload; did you mean --payload?"),
        (["invoke", "app", "--invocation-type", "event"], "did you mean Event?"),
        (["invoke", "app", "--event"], "unknown option --event; did you mean --invocation-type Event?"),
        (["invoke", "app", "--dry-run"], "unknown option --dry-run; did you mean --invocation-type DryRun?"),
        (["doctor", "orders"], "too many arguments: the function follows --function"),
        (["map", "app", "--input", "items"], "unknown option --input; did you mean --file?"),
        (["map", "app", "--in", "items"], "unknown option --in; did you mean --file?"),
        (["map", "app", "--payload", "items"], "unknown option --payload; did you mean --file?"),
        (["invoke", "app", "--file", "items"], "unknown option --file; did you mean --payload-file?"),
        (["invoke", "app", "--data", "{}"], "unknown option --data; did you mean --payload?"),
        (["invoke", "--function-name", "app"], "the name of the function is an argument, without an option"),
        (["map", "app", "--workers", "3"], "unknown option --workers; did you mean --concurrency?"),
        (["map", "app", "--parallel", "3"], "unknown option --parallel; did you mean --concurrency?"),
        (["map", "app", "--resume"], "unknown option --resume; did you mean --journal?"),
        (["map", "app", "--errors", "e"], "unknown option --errors; did you mean --failed?"),
        (["map", "app", "--append"], "unknown option --append\n"),
        (["map", "app", "--limit", "3"], "unknown option --limit\n"),
        (["map", "app", "--quiet"], "unknown option --quiet\n"),
        (["map", "app", "a", "b"], "too many arguments: a file follows -f\n"),
        (["invoke", "app", "a", "b"], "too many arguments: a payload follows -p, a file follows -f\n"),
        (["invoke", "app", "-o", "yaml"], "use json or text, or ./yaml for a file"),
        (["completion", "powershell"], "choose from bash, zsh, fish"),
        (["--proxy", "http://127.0.0.1:1", "serve", "a=b:c"], "this command has no option --proxy"),
        (["--zzz", "demo"], "unknown option --zzz\n"),
        (
            ["invoke", "app", "--no-verify-ssl"],
            "unknown option --no-verify-ssl; --ca-bundle FILE trusts certificates of your own",
        ),
        (["map", "app", "--cli-connect-timeout", "3"], "unknown option --cli-connect-timeout; write --connect-timeout\n"),
        (["serve", "a=b:c", "--no-verify-ssl"], "unknown option --no-verify-ssl; did you mean --no-verify?\n"),
    ],
)
def test_usage_error_names_the_nearest(arguments, text, capsys):
    code, stdout, stderr = program(capsys, *arguments)
    assert (code, stdout) == (2, "")
    assert text in stderr
    assert len(stderr.splitlines()) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["invoke", "app", '{"password": "hunter2"}'],
        ["invoke", "app", '--paylod={"password": "hunter2"}'],
        ["--proxy", "http://me:hunter2@127.0.0.1:1", "serve", "a=b:c"],
        ["serve", "a=b:c", "--proxy=http://me:hunter2@127.0.0.1:1"],
        ["invoke", "app", "--region", "x", "--proxy", "me:hunter2@127.0.0.1"],
        ["invoke", "app", "--region", "x", "-p", '{"password": "hunter2"'],
    ],
)
def test_usage_error_keeps_payload_and_password_out(arguments, capsys):
    code, _, stderr = program(capsys, *arguments)
    assert code == 2
    assert "hunter2" not in stderr


def test_options_may_stand_before_the_command():
    assert _parse(["doctor"]).timeout == 10
    for arguments in (
        ["--region", "a", "--timeout", "5", "--debug", "doctor", "--region", "b"],
        ["doctor", "--region", "b", "--timeout", "5", "--debug"],
    ):
        options = _parse(arguments)
        assert (options.region, options.timeout, options.debug, options.verbose) == ("b", 5, True, False)


@pytest.mark.parametrize(
    ("mode", "variables", "is_terminal", "expected"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"FORCE_COLOR": "0"}, False, False),
        ("auto", {"CLICOLOR_FORCE": "1", "TERM": "dumb"}, False, True),
        ("auto", {"TERM": "dumb"}, True, False),
        ("auto", {"CLICOLOR": "0"}, True, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_colours_obey_option_and_environment(mode, variables, is_terminal, expected, monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: is_terminal, raising=False)
    colour.set_mode(mode)
    try:
        assert colour.is_on(stream) is expected
    finally:
        colour.set_mode("auto")


def test_only_the_name_before_an_error_is_red(capsys, monkeypatch):
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    _, _, stderr = program(capsys, "--color", "always", "invoke", "app", "-p", "{")
    assert stderr.startswith("\x1b[1;31maiolambda:\x1b[0m the value of --payload is not JSON")
    assert program(capsys, "invoke", "app", "-p", "{")[2].startswith("aiolambda: ")


def test_debug_adds_a_traceback_without_secrets(capsys, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2hunter2")
    error = ValueError("http://me:hunter2@proxy:1 refused hunter2hunter2")
    logs.print_traceback(error)
    assert capsys.readouterr().err == "ValueError: http://...@proxy:1 refused ...\n"
    code, _, stderr = program(capsys, "--debug", "invoke", "app", "-f", "missing")
    assert code == 2
    assert "Traceback (most recent call last)" in stderr
    assert stderr.endswith("aiolambda: cannot read the payload from 'missing': No such file or directory\n")


def test_logging_is_as_before_after_a_command(capsys):
    names = ("aiolambda", "asyncio", "botocore", "botocore.credentials", "botocore.parsers")

    def state() -> list[object]:
        return [(logging.getLogger(name).level, tuple(logging.getLogger(name).handlers)) for name in names]

    before = state()
    with logs.logging_to_stderr(is_verbose=False, is_debug=True):
        logging.getLogger("botocore.credentials").debug("found http://me:pass@host")
        logging.getLogger("botocore.parsers").debug("a body with keys")
        logging.getLogger("aiolambda").debug("one call")
    assert state() == before
    stderr = capsys.readouterr().err
    assert "DEBUG botocore.credentials: found http://...@host" in stderr
    assert "DEBUG aiolambda: one call" in stderr
    assert "a body" not in stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_commands_and_options(shell, capsys):
    code, stdout, stderr = program(capsys, "completion", shell)
    assert (code, stderr) == (0, "")
    for word in ("invoke", "doctor", "completion", "payload-file", "retry-function-errors", "profile"):
        assert word in stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["aiolambda", "in"], {"invoke"}),
        (["aiolambda", "comp"], {"completion"}),
        (["aiolambda", "invoke", "--pay"], {"--payload", "--payload-file"}),
        (["aiolambda", "map", "orders", "--max-f"], {"--max-failures", "--max-failure-ratio"}),
        (["aiolambda", "completion", ""], {"bash", "zsh", "fish"}),
        (["aiolambda", "invoke", "orders", "--invocation-type", "E"], {"Event"}),
        (["aiolambda", "invoke", "orders", "-f", "eve"], {"event.json"}),
    ],
)
def test_bash_completes_words(words, expected, capsys, tmp_path):
    (tmp_path / "event.json").touch()
    script = program(capsys, "completion", "bash")[1]
    quoted = " ".join(f"'{word}'" for word in words)
    asked = f"""{script}
function_of() {{ complete -p aiolambda | sed 's/.*-F \\([^ ]*\\).*/\\1/'; }}
COMP_WORDS=({quoted}) COMP_CWORD={len(words) - 1}
"$(function_of)" aiolambda "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    bash = shutil.which("bash")
    assert bash is not None
    ended = subprocess.run([bash, "--norc", "-c", asked], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert {line.strip() for line in ended.stdout.splitlines()} == expected
    assert ended.stderr == ""


@pytest.mark.parametrize("missing", ["shtab", "jmespath"])
def test_missing_package_names_its_extra(missing, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    arguments = {"shtab": ["completion", "bash"], "jmespath": ["invoke", "app", "--query", "a"]}[missing]
    code, stdout, stderr = program(capsys, *arguments)
    assert (code, stdout) == (2, "")
    assert f"needs {missing}: install aiolambda-client with its extra 'cli' (pip install " in stderr


def test_interrupt_while_the_program_loads(capsys, monkeypatch):
    def load(*_: object) -> object:
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the signal came late")

    monkeypatch.setattr(import_module("aiolambda.cli"), "import_module", load)
    assert program(capsys, "demo") == (130, "", "aiolambda: interrupted\n")


async def test_interrupt_while_a_pipe_is_read_sends_nothing():
    env = environment(AWS_REGION="us-east-1", AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="s")
    read_end, write_end = os.pipe()
    try:
        process = await start("invoke", "app", "--endpoint-url", "http://127.0.0.1:9", env=env, stdin=read_end)
        assert process.stderr is not None
        assert (await asyncio.wait_for(process.stderr.readline(), 30)).startswith(b"aiolambda: waiting for the payload")
        process.send_signal(signal.SIGINT)
        _, stderr = await asyncio.wait_for(process.communicate(), 30)
    finally:
        os.close(read_end)
        os.close(write_end)
    assert (process.returncode, stderr) == (-signal.SIGINT, b"aiolambda: interrupted: nothing was sent\n")


@pytest.mark.parametrize("columns", ["40", "200"])
def test_man_page_is_that_of_the_parsers(columns, monkeypatch):
    docs = Path(__file__).parents[2] / "docs"
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.syspath_prepend(str(docs))
    page: str = import_module("man_page").man_page()
    assert (docs / "aiolambda.1").read_text() == page, "run python docs/man_page.py"
    for option in build_parser().every_action():
        assert all(name.replace("-", "\\-") in page for name in option.option_strings if option.dest != "help")
