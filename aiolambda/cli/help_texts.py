"""The examples and exit codes at the end of each command's help.

Must not know the options: the parsers describe them.
"""

from . import exit_codes
from .exit_codes import DONE, FUNCTION_ERROR, INTERRUPTED, MAY_HAVE_RUN, NOT_RUN, TERMINATED, USAGE

__all__ = ["CODES", "EPILOG", "EPILOGS", "USAGES"]

_SIGNALS = {code: exit_codes.MEANINGS[code] for code in (INTERRUPTED, TERMINATED)}
_ALL = {code: exit_codes.MEANINGS[code] for code in (DONE, FUNCTION_ERROR, USAGE, NOT_RUN, MAY_HAVE_RUN)} | _SIGNALS

_READ = {
    DONE: "success",
    USAGE: "usage or configuration error, or --query does not fit the answer",
    NOT_RUN: "Lambda refused the request, or could not be reached",
} | _SIGNALS

USAGES = {
    "invoke": "NAME [-p JSON | -f FILE] [options]",
    "map": "NAME -f FILE [options]",
    "serve": "NAME=FILE_OR_MODULE:FUNCTION ... [options]",
    "describe": "NAME [options]",
    "wait": "NAME CONDITION [options]",
    "call": "OPERATION [--json JSON] [options]",
    "completion": "bash|zsh|fish",
    "help": "[COMMAND]",
}
"""What follows the name of a command. The others take options only."""

_EXAMPLES = {
    "invoke": """\
aiolambda invoke orders -p '{"id": 7}'
aiolambda invoke orders -f event.json --tail
echo '{"id": 7}' | aiolambda invoke orders --query 'items[].name' -o text
aiolambda invoke orders:live -p @event.json -o answer.json""",
    "map": """\
aiolambda map orders -f items.jsonl -o results.jsonl --journal run.db
aiolambda map orders -f items.jsonl --query payload.total -o text
aiolambda map orders -f orders.csv.gz --types id=int --key id --batch 100
head -5 items.jsonl | aiolambda map orders""",
    "serve": """\
aiolambda serve hello=examples.py:handler
aiolambda serve hi=app.py:run --runtime "python -m awslambdaric {handler}"
aiolambda serve orders=handlers/app.handler --env TABLE=orders --env API_TOKEN
aiolambda serve --config template.yaml --parameter Stage=dev --reload
aiolambda serve orders=app.py:handler --alias orders:live --env-file .env""",
    "functions": """\
aiolambda functions
aiolambda functions --query '[].FunctionName' -o text
aiolambda functions --all-versions -o json""",
    "describe": """\
aiolambda describe orders
aiolambda describe orders:live --query Timeout""",
    "wait": """\
aiolambda wait orders updated --timeout 60
aiolambda wait orders:live provisioned""",
    "call": """\
aiolambda call get-account-settings
aiolambda call ListAliases --json '{"FunctionName": "orders"}'
aiolambda call PutFunctionConcurrency --json @concurrency.json
aiolambda call list-layers --all-pages -o table""",
    "doctor": """\
aiolambda doctor
aiolambda doctor --profile work --function orders
aiolambda doctor --json""",
    "demo": "aiolambda demo",
    "completion": """\
eval "$(aiolambda completion bash)"                    # in ~/.bashrc
aiolambda completion zsh > ~/.zfunc/_aiolambda         # a folder of $fpath
aiolambda completion fish > ~/.config/fish/completions/aiolambda.fish""",
    "help": "aiolambda help invoke",
}
CODES = {
    "invoke": _ALL,
    "map": _ALL
    | {
        DONE: "every item succeeded",
        FUNCTION_ERROR: "the function failed for an item, and nothing worse happened",
        NOT_RUN: "an item has not run: it was refused, or it was not sent",
    },
    "functions": _READ,
    "describe": _READ,
    "wait": _READ
    | {
        DONE: "the function is ready",
        FUNCTION_ERROR: "the function failed to become ready, and waiting longer does not help",
        USAGE: "usage or configuration error; nothing was sent",
        NOT_RUN: "not ready in time, or Lambda refused the request or could not be reached",
    },
    "call": {
        DONE: "success",
        USAGE: "usage or configuration error; nothing was sent",
        NOT_RUN: "not carried out: Lambda refused the request, or could not be reached",
        MAY_HAVE_RUN: "may have been carried out: no clear response, or it cannot be written",
    }
    | _SIGNALS,
    "serve": {
        DONE: "stopped by SIGTERM",
        FUNCTION_ERROR: "a function cannot start; with --reload, serve waits instead",
        USAGE: "usage or configuration error; nothing was served",
        INTERRUPTED: "stopped by Ctrl-C",
    },
    "doctor": {
        DONE: "invocations can work",
        USAGE: "a setting, the credentials or the open files prevent them",
        NOT_RUN: "the endpoint cannot be reached, or refuses them",
    }
    | _SIGNALS,
    "demo": {
        DONE: "every response was right",
        FUNCTION_ERROR: "a response was wrong",
        USAGE: "usage error",
    }
    | _SIGNALS,
    "completion": {DONE: "the script is printed", USAGE: "usage error, or the extra 'cli' is not installed"},
    "help": {DONE: "the help is printed", USAGE: "there is no such command"},
}
"""The exit codes of each command, and their meanings."""


def _epilog(name: str) -> str:
    examples = "\n".join(f"  {line}" for line in _EXAMPLES[name].splitlines())
    return f"examples:\n{examples}\n\nexit codes:\n{exit_codes.as_table(CODES[name])}"


EPILOGS = {name: _epilog(name) for name in _EXAMPLES}
EPILOG = f"""\
exit codes (COMMAND --help lists those of a command):
{exit_codes.as_table(_ALL)}

Help on a command: aiolambda help COMMAND. Options of the connection and of messages may also stand before the command."""
