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

_CHANGED = {
    DONE: "success",
    USAGE: "usage or configuration error; nothing was sent",
    NOT_RUN: "not carried out: Lambda refused the request, or could not be reached",
    MAY_HAVE_RUN: "may have been carried out: there was no clear response",
} | _SIGNALS

_ALL_OF_DURABLE = {
    DONE: "success",
    FUNCTION_ERROR: "the execution failed, timed out or was stopped",
    USAGE: "usage or configuration error; nothing was sent",
    NOT_RUN: "not started: Lambda refused the request, or could not be reached",
    MAY_HAVE_RUN: "may have been started: no clear response, or it has not ended in time",
} | _SIGNALS

USAGES = {
    "invoke": "NAME [-p JSON | -f FILE] [options]",
    "map": "NAME -f FILE [options]",
    "fetch": "URL [-X METHOD] [-p JSON | -d TEXT] [options]",
    "serve": "NAME=FILE_OR_MODULE:FUNCTION ... [options]",
    "describe": "NAME [options]",
    "wait": "NAME CONDITION [options]",
    "call": "OPERATION [--json JSON] [options]",
    "durable": "COMMAND ...",
    "durable start": "NAME:QUALIFIER [-p JSON | -f FILE] [--name NAME] [options]",
    **{f"durable {name}": "ARN [options]" for name in ("wait", "describe", "history", "callbacks", "stop")},
    **{f"durable {name}": "ARN [options]" for name in ("pause", "resume", "delete")},
    "durable list": "NAME [options]",
    "callback": "COMMAND ...",
    "callback succeed": "ID [-p JSON | -f FILE] [options]",
    "callback fail": "ID [options]",
    "callback heartbeat": "ID [options]",
    "journal": "show|failed|export|compact FILE [options]",
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
    "fetch": """\
aiolambda fetch https://abc.lambda-url.eu-west-1.on.aws/orders/7
aiolambda fetch https://abc.lambda-url.eu-west-1.on.aws/orders -p '{"id": 7}'
aiolambda fetch https://abc.lambda-url.eu-west-1.on.aws/page --no-sign -i
aiolambda fetch http://127.0.0.1:9000/_url/hello/ --sign --region us-east-1""",
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
    "durable": """\
aiolambda durable start orders:live -p '{"id": 7}' --name order-7 --wait
aiolambda durable list orders --status RUNNING""",
    "durable start": """\
aiolambda durable start orders:live -p '{"id": 7}' --name order-7
arn=$(aiolambda durable start orders:live -f order.json)
aiolambda durable start orders:live --wait --timeout 600 --query total""",
    "durable wait": """\
aiolambda durable wait "$arn"
aiolambda durable wait "$arn" --timeout 600 -o result.json""",
    "durable describe": """\
aiolambda durable describe "$arn"
aiolambda durable describe "$arn" --query Status -o text""",
    "durable history": """\
aiolambda durable history "$arn" --follow
aiolambda durable history "$arn" --newest-first | head -5
aiolambda durable history "$arn" -o json""",
    "durable callbacks": """\
aiolambda durable callbacks "$arn"
aiolambda durable callbacks "$arn" --query '[0].CallbackId' -o text""",
    "durable list": """\
aiolambda durable list orders
aiolambda durable list orders --name order-7 -o json
aiolambda durable list orders --status FAILED --started-after 2026-11-30""",
    "durable stop": """\
aiolambda durable stop "$arn" --error-type Cancelled --message 'no stock'""",
    "durable pause": """\
aiolambda durable pause "$arn" --reason 'the supplier is down' --pause-timeout""",
    "durable resume": 'aiolambda durable resume "$arn"',
    "durable delete": 'aiolambda durable delete "$arn"',
    "callback": """\
aiolambda callback succeed "$id" -p '{"approved": true}'
aiolambda callback fail "$id" --error-type Rejected""",
    "callback succeed": """\
echo '{"approved": true}' | aiolambda callback succeed "$id"
aiolambda callback succeed "$id" -p '{"approved": true}'""",
    "callback fail": """\
aiolambda callback fail "$id" --error-type Rejected --message 'too expensive'""",
    "callback heartbeat": 'aiolambda callback heartbeat "$id"',
    "journal": """\
aiolambda journal show run.db
aiolambda journal failed run.db --query '[].key' -o text
aiolambda journal export run.db -o results.jsonl
aiolambda journal compact run.db""",
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
    "fetch": _ALL | {FUNCTION_ERROR: "with --fail, the status is 400 or more"},
    "functions": _READ,
    "describe": _READ,
    "wait": _READ
    | {
        DONE: "the function is ready",
        FUNCTION_ERROR: "the function failed to become ready, and waiting longer does not help",
        USAGE: "usage or configuration error; nothing was sent",
        NOT_RUN: "not ready in time, or Lambda refused the request or could not be reached",
    },
    "call": _CHANGED | {MAY_HAVE_RUN: "may have been carried out: no clear response, or it cannot be written"},
    "durable": _ALL_OF_DURABLE,
    "durable start": _ALL_OF_DURABLE,
    "durable wait": {code: meaning for code, meaning in _ALL_OF_DURABLE.items() if code != MAY_HAVE_RUN}
    | {NOT_RUN: "not ended in time, or Lambda refused the request or could not be reached"}
    | {MAY_HAVE_RUN: "the result cannot be written, or does not fit --query"},
    **{f"durable {name}": _READ for name in ("describe", "history", "callbacks", "list")},
    **{f"durable {name}": _CHANGED for name in ("stop", "pause", "resume", "delete")},
    "callback": _CHANGED,
    **{f"callback {name}": _CHANGED for name in ("succeed", "fail", "heartbeat")},
    "journal": {
        DONE: "done; failed: no item has failed",
        FUNCTION_ERROR: "failed: the function failed for an item, and nothing worse happened",
        USAGE: "usage error, or the journal cannot be read, is damaged or in use",
        NOT_RUN: "failed: an item has not run, and none may have run",
        MAY_HAVE_RUN: "failed: an item may have run",
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
