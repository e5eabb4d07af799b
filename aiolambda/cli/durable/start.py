"""`aiolambda durable start`: start a durable execution, and write its ARN.

Must not know how an answer that was lost is found again.
"""

import argparse
from typing import TYPE_CHECKING

from ...client.client import LambdaClient
from ...types.values import UNSET
from .. import exit_codes
from ..clients import make_client
from ..files import check_is_open, print_error, write_whole
from ..interrupts import InterruptedBeforeSending, run_in_loop
from ..options import add_connect_timeout, add_connection_options, add_timeout, file_name
from ..payloads import payload_of
from ..results import Form, add_output_options, form_of
from .wait import open_result, write_result

if TYPE_CHECKING:
    from ...client.durable.execution import DurableExecution

__all__ = ["DESCRIPTION", "add_options", "run"]

DESCRIPTION = """\
Start a durable execution of a function, and write its ARN to stdout. It goes on in Lambda, whether somebody waits or not.

The function needs a version, an alias or $LATEST, as in orders:live. The same name with the same payload gives the execution
that exists. With --wait, the ARN goes to stderr, and the result to stdout once there is one.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("function_name", metavar="NAME", help="name:qualifier, or an ARN with a qualifier")
    payload = parser.add_mutually_exclusive_group()
    payload.add_argument("-p", "--payload", metavar="JSON", help="payload as JSON; @FILE or file://FILE reads a file, - stdin")
    payload.add_argument("-f", "--payload-file", type=file_name, metavar="FILE", help="file with the payload; - reads stdin")
    parser.add_argument("--name", metavar="NAME", help="name of the execution, which runs once for each name (default: random)")
    parser.add_argument("--qualifier", metavar="VERSION", help="version or alias of the function")
    parser.add_argument("--tenant-id", metavar="ID", help="tenant, for functions with tenant isolation")
    parser.add_argument("--wait", action="store_true", help="wait for the end of the execution, and write its result")
    parser.add_argument("--idempotent", action="store_true", help="send again if it may have started: twice does no harm")
    add_timeout(parser, "time limit of the start, and with --wait once more of the wait (default: none)")
    add_connect_timeout(parser)
    add_output_options(parser, "the result")
    add_connection_options(parser)


def run(options: argparse.Namespace) -> int:
    """Start the execution, and with --wait write its result."""
    form = form_of(options)
    check_is_open(options.output)
    try:
        payload = payload_of(options.payload, options.payload_file)
    except KeyboardInterrupt:
        raise InterruptedBeforeSending from None
    with open_result(options) as file:
        if options.wait:
            return write_result(options, form, file, run_in_loop(_start_and_wait(options, payload)))
        arn = run_in_loop(_start(options, payload))
        text = f"{arn}\n".encode() if form.is_unchanged else _formed(form, arn)
        is_written = write_whole(text, file, "the execution is started, but its ARN cannot be written")
    return exit_codes.DONE if is_written else exit_codes.MAY_HAVE_RUN


def _formed(form: Form, arn: str) -> bytes:
    return form.of_value({"DurableExecutionArn": arn}, indent=False)


async def _start(options: argparse.Namespace, payload: bytes | None) -> str:
    async with make_client(options) as client:
        return (await _started(client, options, payload)).arn


async def _start_and_wait(options: argparse.Namespace, payload: bytes | None) -> bytes:
    async with make_client(options) as client:
        execution = await _started(client, options, payload)
        print_error(f"aiolambda: started {execution.arn}")
        return (await execution.result(timeout=options.timeout)).payload


async def _started(client: LambdaClient, options: argparse.Namespace, payload: bytes | None) -> "DurableExecution":
    return await client.start_durable(
        options.function_name,
        payload,
        name=options.name,
        qualifier=options.qualifier,
        tenant_id=options.tenant_id,
        timeout=UNSET,
        idempotent=options.idempotent or None,
    )
