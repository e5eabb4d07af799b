"""`aiolambda serve`: serve local functions behind the Lambda API until Ctrl-C.

Owns the options, the instructions that it prints, and its signals. Must not know how functions run.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ..errors import ConfigurationError
from ..local import LocalEndpoint, LocalFunction
from ..local.functions import DEFAULT_CONCURRENCY, DEFAULT_MEMORY_SIZE, DEFAULT_TIMEOUT
from ..local.notation import parse_command, parse_definition, parse_target, parse_variable
from ..types.values import Credentials
from . import exit_codes
from .interrupts import run_in_loop
from .options import file_name

__all__ = ["DESCRIPTION", "add_options", "run"]

DESCRIPTION = """\
Serve functions behind the Lambda API on 127.0.0.1. Each function has its own runtime processes.
"""

_DEFAULT_PORT = 9001
_STOPPED = {signal.SIGINT: exit_codes.INTERRUPTED, signal.SIGTERM: exit_codes.DONE}


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "functions",
        nargs="+",
        type=file_name,
        metavar="NAME=FILE_OR_MODULE:FUNCTION",
        help="a function name and its handler; modules are imported from the current directory. "
        "Lambda's notation for a handler in a folder also works: NAME=FOLDER/MODULE.FUNCTION",
    )
    parser.add_argument("--port", type=int, default=_DEFAULT_PORT, help="port; 0 chooses a free one (default: %(default)s)")
    parser.add_argument("--region", help="region that requests must be signed for (default: any; functions see us-east-1)")
    parser.add_argument(
        "--concurrency",
        type=int,
        default=DEFAULT_CONCURRENCY,
        metavar="N",
        help="maximum number of processes, and so of concurrent invocations, of each function (default: %(default)s)",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=DEFAULT_TIMEOUT,
        metavar="SECONDS",
        help="maximum duration of an invocation, up to 5400 (default: %(default)g; Lambda's own default is 3)",
    )
    parser.add_argument(
        "--memory-size",
        type=int,
        default=DEFAULT_MEMORY_SIZE,
        metavar="MB",
        help="memory size that functions read in their context; not enforced (default: %(default)s)",
    )
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME[=VALUE]",
        help="environment variable of the functions; NAME alone copies the value from the environment of this command. "
        "From this environment, functions otherwise inherit only search paths (PATH, HOME, PYTHONPATH, ...)",
    )
    parser.add_argument(
        "--runtime",
        metavar="COMMAND",
        help="command of another runtime client. It runs in the folder of the function's file, in the same environment as the "
        "built-in one; {handler} is replaced by the handler in Lambda's notation (examples.handler)",
    )
    parser.add_argument("--access-key", metavar="ID", help="access key id for signing requests (default: a random one)")
    parser.add_argument("--secret-key", metavar="KEY", help="secret access key for signing requests")
    parser.add_argument(
        "--no-verify", action="store_true", help="accept requests without verifying signatures; refuse those of web pages"
    )
    parser.add_argument("--quiet", action="store_true", help="do not print the functions' logs to stderr")


def run(options: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM."""
    endpoint = LocalEndpoint(
        _functions(options),
        port=options.port,
        region=options.region,
        credentials=_credentials(options.access_key, options.secret_key),
        verify_signatures=not options.no_verify,
        on_log=None if options.quiet else _write_log,
        keep_records=False,
    )
    return run_in_loop(_serve(endpoint))


async def _serve(endpoint: LocalEndpoint) -> int:
    received: asyncio.Queue[signal.Signals] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    async with endpoint:
        for signal_number in _STOPPED:
            loop.add_signal_handler(signal_number, received.put_nowait, signal_number)
        print(_instructions(endpoint), flush=True)
        return _STOPPED[await received.get()]


def _functions(options: argparse.Namespace) -> Iterable[LocalFunction]:
    runtime = None if options.runtime is None else parse_command(options.runtime)
    environment = dict(parse_variable(text, os.environ) for text in options.env)
    for definition in options.functions:
        name, target = parse_definition(definition)
        handler, root = parse_target(target, Path.cwd())
        yield LocalFunction(
            name=name,
            handler=handler,
            root=root,
            concurrency=options.concurrency,
            timeout=options.timeout,
            memory_size=options.memory_size,
            runtime=runtime,
            environment=environment,
        )


def _credentials(access_key: str | None, secret_key: str | None) -> Credentials | None:
    if access_key is None and secret_key is None:
        return None
    if not access_key or not secret_key:
        raise ConfigurationError("--access-key and --secret-key must be used together")
    return Credentials(access_key, secret_key)


def _write_log(log: bytes) -> None:
    with suppress(OSError):
        os.write(sys.stderr.fileno(), log)


def _instructions(endpoint: LocalEndpoint) -> str:
    """Shell commands to paste into another terminal."""
    has_proxy = any(name.lower() == "http_proxy" for name in os.environ)
    functions = [f"#   {name}: {function.handler} in {function.root}" for name, function in endpoint.functions.items()]
    credentials = endpoint.credentials
    first = next(iter(endpoint.functions))
    return "\n".join(
        [
            f"# serving on {endpoint.url} until Ctrl-C:",
            *functions,
            "# in another terminal:",
            f"export AWS_ENDPOINT_URL_LAMBDA={endpoint.url}",
            f"export AWS_REGION={endpoint.region}",
            f"export AWS_DEFAULT_REGION={endpoint.region}",  # boto3 reads only this one
            f"export AWS_ACCESS_KEY_ID={credentials.access_key_id}",
            f"export AWS_SECRET_ACCESS_KEY={credentials.secret_access_key}",
            "unset AWS_SESSION_TOKEN AWS_PROFILE AWS_USE_FIPS_ENDPOINT AWS_USE_DUALSTACK_ENDPOINT",
            *(['export no_proxy="127.0.0.1,${no_proxy:-$NO_PROXY}"'] if has_proxy else []),
            f"aiolambda invoke {first} --tail -p '{{}}'",
        ]
    )
