"""The options of `aiolambda serve`. An option that is not given is `None`, so that a file of functions can decide.

Must not know how a function is made of them.
"""

import argparse

from ...local.event_config import LONGEST_AGE, MOST_RETRIES, RETRY_DELAY
from ...local.functions import DEFAULT_CONCURRENCY, DEFAULT_MEMORY_SIZE, DEFAULT_TIMEOUT
from ..options import file_name

__all__ = ["DEFAULT_PORT", "add_options"]

DEFAULT_PORT = 9001


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "functions",
        nargs="*",
        type=file_name,
        metavar="NAME=FILE_OR_MODULE:FUNCTION",
        help="a function name and its handler; modules are imported from the current directory. "
        "Lambda's notation for a handler in a folder also works: NAME=FOLDER/MODULE.FUNCTION",
    )
    _add_sources(parser)
    _add_endpoint(parser)
    _add_limits(parser)
    _add_events(parser)
    _add_development(parser)


def _add_sources(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("functions", "These apply to all functions, and win over the file of --config.")
    group.add_argument(
        "--config",
        type=file_name,
        metavar="FILE",
        help="file with functions: TOML, or an AWS SAM or CloudFormation template in YAML or JSON",
    )
    group.add_argument(
        "--parameter", action="append", default=[], metavar="NAME=VALUE", help="value of a parameter of the template"
    )
    group.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME[=VALUE]",
        help="environment variable of the functions; NAME alone copies the value from the environment of this command. "
        "From this environment, functions otherwise inherit only search paths (PATH, HOME, PYTHONPATH, ...)",
    )
    group.add_argument(
        "--env-file",
        action="append",
        default=[],
        type=file_name,
        metavar="FILE",
        help="file with environment variables, as lines of NAME=VALUE; --env wins",
    )
    group.add_argument(
        "--layer",
        action="append",
        default=[],
        type=file_name,
        metavar="FOLDER",
        help="folder of a layer, above those before it",
    )
    group.add_argument(
        "--function-version",
        action="append",
        default=[],
        type=file_name,
        metavar="NAME:NUMBER=FOLDER",
        help="published version of a function, and the folder with its code",
    )
    group.add_argument(
        "--alias",
        action="append",
        default=[],
        metavar="NAME:ALIAS[=VERSION]",
        help="alias of a function (default version: $LATEST); VERSION:SHARE,VERSION:SHARE leads to several",
    )
    group.add_argument(
        "--runtime",
        metavar="COMMAND",
        help="command of another runtime client. It runs in the folder of the function's file, in the same environment as the "
        "built-in one; {handler} is replaced by the handler in Lambda's notation (examples.handler). Of a template, it runs "
        "the functions in other languages than Python; a TOML file has its own setting",
    )
    group.add_argument("--log-format", choices=("Text", "JSON"), help="format of the functions' logs (default: Text)")
    group.add_argument(
        "--log-level",
        choices=("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"),
        help="lowest level of the records that functions log",
    )
    group.add_argument(
        "--tenant-isolation", action="store_true", help="calls must have a tenant id, and each tenant has its own processes"
    )
    group.add_argument(
        "--durable",
        action="store_true",
        help="each call begins a durable execution, which has a name and an ARN, and no checkpoints",
    )
    group.add_argument(
        "--durable-timeout",
        type=int,
        metavar="SECONDS",
        help="each call begins a durable execution with checkpoints, waits and callbacks, which takes at most so long. "
        "The handlers use AWS's SDK for durable functions",
    )


def _add_endpoint(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("endpoint")
    group.add_argument("--port", type=int, help=f"port; 0 chooses a free one (default: {DEFAULT_PORT})")
    group.add_argument("--region", help="region that requests must be signed for (default: any; functions see us-east-1)")
    group.add_argument("--access-key", metavar="ID", help="access key id for signing requests (default: a random one)")
    group.add_argument("--secret-key", metavar="KEY", help="secret access key for signing requests")
    group.add_argument(
        "--durable-python",
        type=file_name,
        metavar="PYTHON",
        help="Python of an environment with aws-durable-execution-sdk-python-testing, which runs durable executions "
        "(default: AIOLAMBDA_DURABLE_PYTHON in the environment, else the Python of this command)",
    )
    group.add_argument(
        "--no-verify", action="store_true", help="accept requests without verifying signatures; refuse those of web pages"
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("limits")
    group.add_argument(
        "--concurrency",
        type=int,
        metavar="N",
        help="maximum number of processes, and so of concurrent invocations, of each function "
        f"(default: {DEFAULT_CONCURRENCY})",
    )
    group.add_argument(
        "--account-concurrency",
        type=int,
        metavar="N",
        help="maximum number of concurrent invocations of all functions together (default: no limit)",
    )
    group.add_argument(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help=f"maximum duration of an invocation, up to 5400 (default: {DEFAULT_TIMEOUT:g}; Lambda's own default is 3)",
    )
    group.add_argument(
        "--memory-size",
        type=int,
        metavar="MB",
        help=f"memory size that functions read in their context; not enforced (default: {DEFAULT_MEMORY_SIZE})",
    )


def _add_events(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("events", "What becomes of an invocation of type Event.")
    group.add_argument(
        "--retries",
        type=int,
        metavar="N",
        help=f"runs after the first one if the function fails, 0 to {MOST_RETRIES} (default: {MOST_RETRIES})",
    )
    group.add_argument(
        "--retry-delay",
        type=float,
        metavar="SECONDS",
        help=f"pause before the first retry; the second waits twice as long (default: {RETRY_DELAY:g}; Lambda waits for 60)",
    )
    group.add_argument(
        "--event-age", type=float, metavar="SECONDS", help=f"age at which an event is given up (default: {LONGEST_AGE:g})"
    )
    for name, which in (("--on-success", "succeeded"), ("--on-failure", "were given up")):
        group.add_argument(
            name,
            type=file_name,
            metavar="DESTINATION",
            help=f"where records of events go that {which}: file:PATH for lines of JSON, or function:NAME",
        )
    group.add_argument(
        "--duplicates", type=float, metavar="SHARE", help="share of events that run twice, as on Lambda: 0 to 1 (default: 0)"
    )


def _add_development(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("development")
    group.add_argument(
        "--reload",
        action="store_true",
        help="run new code: the first invocation after a file of a function was saved runs in a new process, and those in "
        "flight finish on the old code. The files of --config and --env-file are read again, too",
    )
    group.add_argument(
        "--debug",
        action="store_true",
        help="let breakpoint() in a handler use this terminal: one process for each function, and no time limits. "
        "Also log libraries, and print the traceback of an error of this command",
    )
    group.add_argument(
        "--debug-port",
        type=int,
        metavar="PORT",
        help="the same with debugpy, which listens on this port, and for further functions on the next ones",
    )
    group.add_argument(
        "--quiet",
        action="count",
        default=0,
        help="do not print the functions' logs to stderr; if given twice, no invocations either",
    )
    group.add_argument(
        "--lines", action="store_true", help="on a terminal, print a line for each invocation in place of the table"
    )
