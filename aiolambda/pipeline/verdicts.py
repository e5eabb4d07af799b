"""The verdict on an answer: of an invocation, and of a call of the control plane.

Owns which answers are Lambda's. Must not record a verdict, or make the error of an answer.
"""

from collections.abc import Callable

from ..errors import ConnectionLostError
from ..policy import delivery
from ..protocol import error_response, success_response
from ..types.http import ParsedError, Request, Response
from ..types.values import Delivery
from .operation import ControlPlaneOperation

__all__ = ["parsed_error", "verdict_of", "verdict_of_control_plane"]


def verdict_of(response: Response, request: Request, invocation_type: str, *, streamed: bool) -> Delivery:
    """The verdict on the answer to an invocation. `ConnectionLostError` for a success that is not Lambda's."""
    if not 200 <= response.status < 300:
        return parsed_error(response).delivery
    problem = success_response.problem_of(response, request, invocation_type, streamed=streamed)
    if problem is not None:
        raise _not_of_lambda(problem, response)
    return delivery.verdict_of_output(response.status, invocation_type)


def verdict_of_control_plane(operation: ControlPlaneOperation, response: Response, request: Request) -> Delivery:
    """The verdict on another answer. `ConnectionLostError` for a success that is not Lambda's, or that cannot be read."""
    if not 200 <= response.status < 300:
        return parsed_error(response, delivery.verdict_of_control_plane_error).delivery
    problem = success_response.problem_of_operation(response, request)
    if problem is not None:
        raise _not_of_lambda(problem, response)
    operation.read(response)
    return operation.verdict


def parsed_error(
    response: Response, verdict_of_code: Callable[[int, str | None], Delivery] = delivery.verdict_of_error
) -> ParsedError:
    """Code, members and verdict of an error answer, parsed once. If a middleware changes the answer, it is parsed again."""
    source = (response.status, response.fields.get("x-amzn-errortype"), response.body)
    parsed = response.parsed_error
    if parsed is None or parsed.source != source:
        members = error_response.members_of(response)
        code = error_response.code_of(response, members)
        parsed = ParsedError(code, members, verdict_of_code(response.status, code), source)
        response.parsed_error = parsed
    return parsed


def _not_of_lambda(problem: str, response: Response) -> ConnectionLostError:
    return ConnectionLostError(
        f"the answer is not Lambda's: {problem}. Check endpoint_url and the proxy settings",
        request_id=response.fields.get("x-amzn-requestid"),
    )
