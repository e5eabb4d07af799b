"""The order of the built-in middlewares, with their names from the AWS SDK for JavaScript v3.

Owns steps, priorities, names and tags. Must not hold any behaviour.
"""

from typing import Any

from . import build, deserialize, finalize, initialize, retry_loop, serialize
from .context import PipelineState
from .stack import ClientStack

__all__ = ["BuiltinMiddlewares"]


class BuiltinMiddlewares:
    """The plugin that adds the built-in middlewares to a client's stack."""

    def __init__(self, state: PipelineState) -> None:
        self.state = state

    def apply_to_stack(self, stack: ClientStack[Any, Any], /) -> None:
        state = self.state
        stack.add(initialize.LoggerMiddleware(state), step="initialize", name="loggerMiddleware", tags=["LOGGER"])
        # Low, so that an input is checked after the user's middlewares of this step, which have the default priority.
        stack.add(
            initialize.validation_middleware(state),
            step="initialize",
            priority="low",
            name="validationMiddleware",
            tags=["VALIDATION"],
        )
        stack.add(serialize.serializer_middleware(state), step="serialize", name="serializerMiddleware", tags=["SERIALIZER"])
        stack.add_relative_to(
            serialize.endpoint_middleware(state),
            relation="before",
            to_middleware="serializerMiddleware",
            name="endpointV2Middleware",
            tags=["ENDPOINT_PARAMETERS", "ENDPOINT_V2", "ENDPOINT"],
        )
        stack.add(
            build.content_length_middleware(state),
            step="build",
            name="contentLengthMiddleware",
            tags=["SET_CONTENT_LENGTH", "CONTENT_LENGTH"],
        )
        stack.add(
            build.user_agent_middleware(state),
            step="build",
            priority="low",
            name="getUserAgentMiddleware",
            tags=["SET_USER_AGENT", "USER_AGENT"],
        )
        stack.add(build.host_header_middleware(state), step="build", priority="low", name="hostHeaderMiddleware", tags=["HOST"])
        stack.add(
            build.recursion_detection_middleware(state),
            step="build",
            priority="low",
            name="recursionDetectionMiddleware",
            tags=["RECURSION_DETECTION"],
        )
        stack.add(retry_loop.RetryMiddleware(state), step="finalize", priority="high", name="retryMiddleware", tags=["RETRY"])
        stack.add_closing(
            finalize.ConcurrencyMiddleware(state),
            step="finalize",
            rank=1,
            name="concurrencyMiddleware",
            tags=["CONCURRENCY"],
        )
        stack.add_closing(
            finalize.signing_middleware(state),
            step="finalize",
            rank=2,
            name="httpSigningMiddleware",
            aliases=["awsAuthMiddleware"],
            tags=["HTTP_SIGNING"],
        )
        stack.add_closing(
            deserialize.DeserializerMiddleware(state),
            step="deserialize",
            rank=1,
            name="deserializerMiddleware",
            tags=["DESERIALIZER"],
        )
