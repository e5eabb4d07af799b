"""The names of spans, attributes and metrics: those of OpenTelemetry's semantic conventions, and our own.

Owns the names and the units. Must not know when a span or a metric is made.
Source: semantic conventions 1.44 for AWS SDK, FaaS, RPC and HTTP client spans. The tests compare the names with the constants
of `opentelemetry-semantic-conventions`.
"""

from typing import Final

SCOPE: Final = "aiolambda"
"""The name of the instrumentation scope."""

# Of the conventions. Those of AWS, FaaS and RPC are not stable yet.
AWS_REQUEST_ID: Final = "aws.request_id"
AWS_EXTENDED_REQUEST_ID: Final = "aws.extended_request_id"
CLOUD_REGION: Final = "cloud.region"
ERROR_TYPE: Final = "error.type"
FAAS_INVOKED_NAME: Final = "faas.invoked_name"
FAAS_INVOKED_PROVIDER: Final = "faas.invoked_provider"
FAAS_INVOKED_REGION: Final = "faas.invoked_region"
HTTP_REQUEST_METHOD: Final = "http.request.method"
HTTP_REQUEST_RESEND_COUNT: Final = "http.request.resend_count"
HTTP_RESPONSE_STATUS_CODE: Final = "http.response.status_code"
RPC_METHOD: Final = "rpc.method"
RPC_SERVICE: Final = "rpc.service"
RPC_SYSTEM: Final = "rpc.system"
RPC_SYSTEM_NAME: Final = "rpc.system.name"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
URL_FULL: Final = "url.full"

AWS_API: Final = "aws-api"
"""The value of `rpc.system` and `rpc.system.name`."""
OTHER: Final = "_OTHER"
"""The value of `error.type` in metrics for a type beyond the number that is kept apart."""

RPC_CLIENT_CALL_DURATION: Final = "rpc.client.call.duration"
HTTP_CLIENT_REQUEST_DURATION: Final = "http.client.request.duration"
HTTP_CLIENT_ACTIVE_REQUESTS: Final = "http.client.active_requests"

# Our own.
DELIVERY: Final = "aiolambda.delivery"
ATTEMPTS: Final = "aiolambda.attempts"
QUEUE_WAIT: Final = "aiolambda.queue_wait"
QUALIFIER: Final = "aiolambda.qualifier"
INVOCATION_TYPE: Final = "aiolambda.invocation_type"
HEDGE: Final = "aiolambda.hedge"
THROTTLE_COUNT: Final = "aiolambda.throttle.count"
THROTTLE_REASON: Final = "aiolambda.throttle.reason"
FUNCTION_DURATION: Final = "aiolambda.function.duration"
FUNCTION_BILLED_DURATION: Final = "aiolambda.function.billed_duration"
FUNCTION_INIT_DURATION: Final = "aiolambda.function.init_duration"
FUNCTION_MAX_MEMORY_USED: Final = "aiolambda.function.max_memory_used"
FUNCTION_COLD_START: Final = "aiolambda.function.cold_start"
MAP_DONE: Final = "aiolambda.map.done"
MAP_FAILED: Final = "aiolambda.map.failed"
MAP_REPLAYED: Final = "aiolambda.map.replayed"
MAP_UNSENT: Final = "aiolambda.map.unsent"
MAP_THROTTLED: Final = "aiolambda.map.throttled"
MAP_HEDGED: Final = "aiolambda.map.hedged"

MAP_SPAN: Final = "aiolambda.map"
"""The name of the span of a map."""

WAITING: Final = "aiolambda.client.waiting"
QUEUE_DURATION: Final = "aiolambda.client.queue.duration"
THROTTLES: Final = "aiolambda.client.throttles"
RETRIES: Final = "aiolambda.client.retries"
BILLED_DURATION: Final = "aiolambda.client.function.billed_duration"
COLD_STARTS: Final = "aiolambda.client.function.cold_starts"

BOUNDARIES: Final = (
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 120, 300, 600, 900, 1800,
)  # fmt: skip
"""Bounds of histograms, in seconds: those of the conventions, and more, because a call may take half an hour."""
