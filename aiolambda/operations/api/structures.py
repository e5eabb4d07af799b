"""The structures of the operations. Written by tools/operations.py from botocore 1.44.8: do not edit.

Owns their members. Must not know an operation.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from ..structure import Structure

__all__ = [
    "AcceleratorConfig",
    "AccountLimit",
    "AccountUsage",
    "AliasConfiguration",
    "AliasRoutingConfiguration",
    "AllowedPublishers",
    "AmazonManagedKafkaEventSourceConfig",
    "CallbackDetails",
    "CallbackFailedDetails",
    "CallbackOptions",
    "CallbackStartedDetails",
    "CallbackSucceededDetails",
    "CallbackTimedOutDetails",
    "CapacityProvider",
    "CapacityProviderConfig",
    "CapacityProviderLoggingConfig",
    "CapacityProviderPermissionsConfig",
    "CapacityProviderScalingConfig",
    "CapacityProviderTelemetryConfig",
    "CapacityProviderVpcConfig",
    "ChainedInvokeDetails",
    "ChainedInvokeFailedDetails",
    "ChainedInvokeOptions",
    "ChainedInvokeStartedDetails",
    "ChainedInvokeStoppedDetails",
    "ChainedInvokeSucceededDetails",
    "ChainedInvokeTimedOutDetails",
    "CheckpointUpdatedExecutionState",
    "CodeSigningConfig",
    "CodeSigningPolicies",
    "Concurrency",
    "ContextDetails",
    "ContextFailedDetails",
    "ContextOptions",
    "ContextStartedDetails",
    "ContextSucceededDetails",
    "Cors",
    "DeadLetterConfig",
    "DestinationConfig",
    "DocumentDBEventSourceConfig",
    "DurableConfig",
    "Environment",
    "EnvironmentError",
    "EnvironmentResponse",
    "EphemeralStorage",
    "ErrorObject",
    "Event",
    "EventError",
    "EventInput",
    "EventPauseReason",
    "EventResult",
    "EventResumeReason",
    "EventSourceMappingConfiguration",
    "EventSourceMappingLoggingConfig",
    "EventSourceMappingMetricsConfig",
    "Execution",
    "ExecutionDetails",
    "ExecutionFailedDetails",
    "ExecutionPausedDetails",
    "ExecutionResumedDetails",
    "ExecutionStartedDetails",
    "ExecutionStoppedDetails",
    "ExecutionSucceededDetails",
    "ExecutionTimedOutDetails",
    "FileSystemConfig",
    "Filter",
    "FilterCriteria",
    "FilterCriteriaError",
    "FunctionCode",
    "FunctionCodeLocation",
    "FunctionCodeLocationError",
    "FunctionConfiguration",
    "FunctionEventInvokeConfig",
    "FunctionRuntimeConfig",
    "FunctionScalingConfig",
    "FunctionUrlConfig",
    "FunctionVersionsByCapacityProviderListItem",
    "ImageConfig",
    "ImageConfigError",
    "ImageConfigResponse",
    "InstanceRequirements",
    "InvocationCompletedDetails",
    "KafkaSchemaRegistryAccessConfig",
    "KafkaSchemaRegistryConfig",
    "KafkaSchemaValidationConfig",
    "LambdaManagedInstancesCapacityProviderConfig",
    "Layer",
    "LayerVersionContentInput",
    "LayerVersionContentOutput",
    "LayerVersionsListItem",
    "LayersListItem",
    "LoggingConfig",
    "OnFailure",
    "OnSuccess",
    "Operation",
    "OperationUpdate",
    "PauseDetails",
    "PropagateTags",
    "ProvisionedConcurrencyConfigListItem",
    "ProvisionedPollerConfig",
    "ResolvedS3Object",
    "RetryDetails",
    "RuntimeVersionConfig",
    "RuntimeVersionError",
    "S3FilesConfig",
    "ScalingConfig",
    "SelfManagedEventSource",
    "SelfManagedKafkaEventSourceConfig",
    "SnapStart",
    "SnapStartResponse",
    "SourceAccessConfiguration",
    "StepDetails",
    "StepFailedDetails",
    "StepOptions",
    "StepStartedDetails",
    "StepSucceededDetails",
    "TagsError",
    "TargetTrackingScalingPolicy",
    "TenancyConfig",
    "TraceHeader",
    "TracingConfig",
    "TracingConfigResponse",
    "VpcConfig",
    "VpcConfigResponse",
    "WaitCancelledDetails",
    "WaitDetails",
    "WaitOptions",
    "WaitStartedDetails",
    "WaitSucceededDetails",
]


class _Structure(Structure):
    @classmethod
    def _scope(cls) -> Mapping[str, object]:
        return globals()


class AcceleratorConfig(_Structure):
    """The structure AcceleratorConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_AcceleratorConfig.html
    """

    _members = ("AcceleratorMemorySize int required",)

    accelerator_memory_size: int


class AccountLimit(_Structure):
    """The structure AccountLimit.

    https://docs.aws.amazon.com/lambda/latest/api/API_AccountLimit.html
    """

    _members = (
        "TotalCodeSize int",
        "CodeSizeUnzipped int",
        "CodeSizeZipped int",
        "ConcurrentExecutions int",
        "UnreservedConcurrentExecutions int",
    )

    total_code_size: int | None = None
    code_size_unzipped: int | None = None
    code_size_zipped: int | None = None
    concurrent_executions: int | None = None
    unreserved_concurrent_executions: int | None = None
    """At least 0."""


class AccountUsage(_Structure):
    """The structure AccountUsage.

    https://docs.aws.amazon.com/lambda/latest/api/API_AccountUsage.html
    """

    _members = (
        "TotalCodeSize int",
        "FunctionCount int",
    )

    total_code_size: int | None = None
    function_count: int | None = None


class AliasConfiguration(_Structure):
    """The structure AliasConfiguration.

    https://docs.aws.amazon.com/lambda/latest/api/API_AliasConfiguration.html
    """

    _members = (
        "AliasArn str",
        "Name str",
        "FunctionVersion str",
        "Description str",
        "RoutingConfig AliasRoutingConfiguration",
        "RevisionId str",
    )

    alias_arn: str | None = None
    name: str | None = None
    function_version: str | None = None
    description: str | None = None
    routing_config: AliasRoutingConfiguration | None = None
    revision_id: str | None = None


class AliasRoutingConfiguration(_Structure):
    """The structure AliasRoutingConfiguration.

    https://docs.aws.amazon.com/lambda/latest/api/API_AliasRoutingConfiguration.html
    """

    _members = ("AdditionalVersionWeights {float}",)

    additional_version_weights: Mapping[str, float] | None = None


class AllowedPublishers(_Structure):
    """The structure AllowedPublishers.

    https://docs.aws.amazon.com/lambda/latest/api/API_AllowedPublishers.html
    """

    _members = ("SigningProfileVersionArns [str] required",)

    signing_profile_version_arns: Sequence[str]


class AmazonManagedKafkaEventSourceConfig(_Structure):
    """The structure AmazonManagedKafkaEventSourceConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_AmazonManagedKafkaEventSourceConfig.html
    """

    _members = (
        "ConsumerGroupId str",
        "SchemaRegistryConfig KafkaSchemaRegistryConfig",
    )

    consumer_group_id: str | None = None
    schema_registry_config: KafkaSchemaRegistryConfig | None = None


class CallbackDetails(_Structure):
    """The structure CallbackDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_CallbackDetails.html
    """

    _members = (
        "CallbackId str",
        "Result str sensitive",
        "Error ErrorObject",
    )

    callback_id: str | None = None
    result: str | None = None
    error: ErrorObject | None = None


class CallbackFailedDetails(_Structure):
    """The structure CallbackFailedDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_CallbackFailedDetails.html
    """

    _members = ("Error EventError required",)

    error: EventError


class CallbackOptions(_Structure):
    """The structure CallbackOptions.

    https://docs.aws.amazon.com/lambda/latest/api/API_CallbackOptions.html
    """

    _members = (
        "TimeoutSeconds int",
        "HeartbeatTimeoutSeconds int",
    )

    timeout_seconds: int | None = None
    """0 to 99,999,999."""
    heartbeat_timeout_seconds: int | None = None
    """0 to 99,999,999."""


class CallbackStartedDetails(_Structure):
    """The structure CallbackStartedDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_CallbackStartedDetails.html
    """

    _members = (
        "CallbackId str required",
        "HeartbeatTimeout int",
        "Timeout int",
    )

    callback_id: str
    heartbeat_timeout: int | None = None
    """At least 0."""
    timeout: int | None = None
    """At least 0."""


class CallbackSucceededDetails(_Structure):
    """The structure CallbackSucceededDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_CallbackSucceededDetails.html
    """

    _members = ("Result EventResult required",)

    result: EventResult


class CallbackTimedOutDetails(_Structure):
    """The structure CallbackTimedOutDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_CallbackTimedOutDetails.html
    """

    _members = ("Error EventError required",)

    error: EventError


class CapacityProvider(_Structure):
    """The structure CapacityProvider.

    https://docs.aws.amazon.com/lambda/latest/api/API_CapacityProvider.html
    """

    _members = (
        "CapacityProviderArn str required",
        "State str required",
        "VpcConfig CapacityProviderVpcConfig required",
        "PermissionsConfig CapacityProviderPermissionsConfig required",
        "InstanceRequirements InstanceRequirements",
        "CapacityProviderScalingConfig CapacityProviderScalingConfig",
        "KmsKeyArn str",
        "LastModified str",
        "PropagateTags PropagateTags",
        "TelemetryConfig CapacityProviderTelemetryConfig",
    )

    capacity_provider_arn: str
    state: str
    """`Pending`, `Active`, `Failed` or `Deleting`."""
    vpc_config: CapacityProviderVpcConfig
    permissions_config: CapacityProviderPermissionsConfig
    instance_requirements: InstanceRequirements | None = None
    capacity_provider_scaling_config: CapacityProviderScalingConfig | None = None
    kms_key_arn: str | None = None
    last_modified: str | None = None
    propagate_tags: PropagateTags | None = None
    telemetry_config: CapacityProviderTelemetryConfig | None = None


class CapacityProviderConfig(_Structure):
    """The structure CapacityProviderConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_CapacityProviderConfig.html
    """

    _members = ("LambdaManagedInstancesCapacityProviderConfig LambdaManagedInstancesCapacityProviderConfig required",)

    lambda_managed_instances_capacity_provider_config: LambdaManagedInstancesCapacityProviderConfig


class CapacityProviderLoggingConfig(_Structure):
    """The structure CapacityProviderLoggingConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_CapacityProviderLoggingConfig.html
    """

    _members = (
        "SystemLogLevel str",
        "LogGroup str",
    )

    system_log_level: str | None = None
    """`DEBUG`, `INFO` or `WARN`."""
    log_group: str | None = None


class CapacityProviderPermissionsConfig(_Structure):
    """The structure CapacityProviderPermissionsConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_CapacityProviderPermissionsConfig.html
    """

    _members = ("CapacityProviderOperatorRoleArn str required",)

    capacity_provider_operator_role_arn: str


class CapacityProviderScalingConfig(_Structure):
    """The structure CapacityProviderScalingConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_CapacityProviderScalingConfig.html
    """

    _members = (
        "MaxVCpuCount int",
        "ScalingMode str",
        "ScalingPolicies [TargetTrackingScalingPolicy]",
    )

    max_vcpu_count: int | None = None
    """2 to 15,000."""
    scaling_mode: str | None = None
    """`Auto` or `Manual`."""
    scaling_policies: Sequence[TargetTrackingScalingPolicy] | None = None


class CapacityProviderTelemetryConfig(_Structure):
    """The structure CapacityProviderTelemetryConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_CapacityProviderTelemetryConfig.html
    """

    _members = ("LoggingConfig CapacityProviderLoggingConfig",)

    logging_config: CapacityProviderLoggingConfig | None = None


class CapacityProviderVpcConfig(_Structure):
    """The structure CapacityProviderVpcConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_CapacityProviderVpcConfig.html
    """

    _members = (
        "SubnetIds [str] required",
        "SecurityGroupIds [str] required",
    )

    subnet_ids: Sequence[str]
    security_group_ids: Sequence[str]


class ChainedInvokeDetails(_Structure):
    """The structure ChainedInvokeDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_ChainedInvokeDetails.html
    """

    _members = (
        "Result str sensitive",
        "Error ErrorObject",
    )

    result: str | None = None
    error: ErrorObject | None = None


class ChainedInvokeFailedDetails(_Structure):
    """The structure ChainedInvokeFailedDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_ChainedInvokeFailedDetails.html
    """

    _members = ("Error EventError required",)

    error: EventError


class ChainedInvokeOptions(_Structure):
    """The structure ChainedInvokeOptions.

    https://docs.aws.amazon.com/lambda/latest/api/API_ChainedInvokeOptions.html
    """

    _members = (
        "FunctionName str required",
        "TenantId str sensitive",
        "XAmznTraceId str",
    )

    function_name: str
    tenant_id: str | None = None
    x_amzn_trace_id: str | None = None


class ChainedInvokeStartedDetails(_Structure):
    """The structure ChainedInvokeStartedDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_ChainedInvokeStartedDetails.html
    """

    _members = (
        "FunctionName str required",
        "TenantId str sensitive",
        "Input EventInput",
        "ExecutedVersion str",
        "DurableExecutionArn str",
    )

    function_name: str
    tenant_id: str | None = None
    input: EventInput | None = None
    executed_version: str | None = None
    durable_execution_arn: str | None = None


class ChainedInvokeStoppedDetails(_Structure):
    """The structure ChainedInvokeStoppedDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_ChainedInvokeStoppedDetails.html
    """

    _members = ("Error EventError required",)

    error: EventError


class ChainedInvokeSucceededDetails(_Structure):
    """The structure ChainedInvokeSucceededDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_ChainedInvokeSucceededDetails.html
    """

    _members = ("Result EventResult required",)

    result: EventResult


class ChainedInvokeTimedOutDetails(_Structure):
    """The structure ChainedInvokeTimedOutDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_ChainedInvokeTimedOutDetails.html
    """

    _members = ("Error EventError required",)

    error: EventError


class CheckpointUpdatedExecutionState(_Structure):
    """The structure CheckpointUpdatedExecutionState.

    https://docs.aws.amazon.com/lambda/latest/api/API_CheckpointUpdatedExecutionState.html
    """

    _members = (
        "Operations [Operation]",
        "NextMarker str",
    )

    operations: Sequence[Operation] | None = None
    next_marker: str | None = None


class CodeSigningConfig(_Structure):
    """The structure CodeSigningConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_CodeSigningConfig.html
    """

    _members = (
        "CodeSigningConfigId str required",
        "CodeSigningConfigArn str required",
        "Description str",
        "AllowedPublishers AllowedPublishers required",
        "CodeSigningPolicies CodeSigningPolicies required",
        "LastModified str required",
    )

    code_signing_config_id: str
    code_signing_config_arn: str
    allowed_publishers: AllowedPublishers
    code_signing_policies: CodeSigningPolicies
    last_modified: str
    description: str | None = None


class CodeSigningPolicies(_Structure):
    """The structure CodeSigningPolicies.

    https://docs.aws.amazon.com/lambda/latest/api/API_CodeSigningPolicies.html
    """

    _members = ("UntrustedArtifactOnDeployment str",)

    untrusted_artifact_on_deployment: str | None = None
    """`Warn` or `Enforce`."""


class Concurrency(_Structure):
    """The structure Concurrency.

    https://docs.aws.amazon.com/lambda/latest/api/API_Concurrency.html
    """

    _members = ("ReservedConcurrentExecutions int",)

    reserved_concurrent_executions: int | None = None
    """At least 0."""


class ContextDetails(_Structure):
    """The structure ContextDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_ContextDetails.html
    """

    _members = (
        "ReplayChildren bool",
        "Result str sensitive",
        "Error ErrorObject",
    )

    replay_children: bool | None = None
    result: str | None = None
    error: ErrorObject | None = None


class ContextFailedDetails(_Structure):
    """The structure ContextFailedDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_ContextFailedDetails.html
    """

    _members = ("Error EventError required",)

    error: EventError


class ContextOptions(_Structure):
    """The structure ContextOptions.

    https://docs.aws.amazon.com/lambda/latest/api/API_ContextOptions.html
    """

    _members = ("ReplayChildren bool",)

    replay_children: bool | None = None


class ContextStartedDetails(_Structure):
    """The structure ContextStartedDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_ContextStartedDetails.html
    """


class ContextSucceededDetails(_Structure):
    """The structure ContextSucceededDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_ContextSucceededDetails.html
    """

    _members = ("Result EventResult required",)

    result: EventResult


class Cors(_Structure):
    """The structure Cors.

    https://docs.aws.amazon.com/lambda/latest/api/API_Cors.html
    """

    _members = (
        "AllowCredentials bool",
        "AllowHeaders [str]",
        "AllowMethods [str]",
        "AllowOrigins [str]",
        "ExposeHeaders [str]",
        "MaxAge int",
    )

    allow_credentials: bool | None = None
    allow_headers: Sequence[str] | None = None
    allow_methods: Sequence[str] | None = None
    allow_origins: Sequence[str] | None = None
    expose_headers: Sequence[str] | None = None
    max_age: int | None = None
    """0 to 86,400."""


class DeadLetterConfig(_Structure):
    """The structure DeadLetterConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_DeadLetterConfig.html
    """

    _members = ("TargetArn str",)

    target_arn: str | None = None


class DestinationConfig(_Structure):
    """The structure DestinationConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_DestinationConfig.html
    """

    _members = (
        "OnSuccess OnSuccess",
        "OnFailure OnFailure",
    )

    on_success: OnSuccess | None = None
    on_failure: OnFailure | None = None


class DocumentDBEventSourceConfig(_Structure):
    """The structure DocumentDBEventSourceConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_DocumentDBEventSourceConfig.html
    """

    _members = (
        "DatabaseName str",
        "CollectionName str",
        "FullDocument str",
    )

    database_name: str | None = None
    collection_name: str | None = None
    full_document: str | None = None
    """`UpdateLookup` or `Default`."""


class DurableConfig(_Structure):
    """The structure DurableConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_DurableConfig.html
    """

    _members = (
        "KMSKeyArn str",
        "RetentionPeriodInDays int",
        "ExecutionTimeout int",
    )

    kms_key_arn: str | None = None
    retention_period_in_days: int | None = None
    """1 to 90."""
    execution_timeout: int | None = None
    """1 to 31,622,400."""


class Environment(_Structure):
    """The structure Environment.

    https://docs.aws.amazon.com/lambda/latest/api/API_Environment.html
    """

    _members = ("Variables {str} sensitive",)

    variables: Mapping[str, str] | None = None


class EnvironmentError(_Structure):
    """The structure EnvironmentError.

    https://docs.aws.amazon.com/lambda/latest/api/API_EnvironmentError.html
    """

    _members = (
        "ErrorCode str",
        "Message str sensitive",
    )

    error_code: str | None = None
    message: str | None = None


class EnvironmentResponse(_Structure):
    """The structure EnvironmentResponse.

    https://docs.aws.amazon.com/lambda/latest/api/API_EnvironmentResponse.html
    """

    _members = (
        "Variables {str} sensitive",
        "Error EnvironmentError",
    )

    variables: Mapping[str, str] | None = None
    error: EnvironmentError | None = None


class EphemeralStorage(_Structure):
    """The structure EphemeralStorage.

    https://docs.aws.amazon.com/lambda/latest/api/API_EphemeralStorage.html
    """

    _members = ("Size int required",)

    size: int
    """512 to 32,768."""


class ErrorObject(_Structure):
    """The structure ErrorObject.

    https://docs.aws.amazon.com/lambda/latest/api/API_ErrorObject.html
    """

    _members = (
        "ErrorMessage str sensitive",
        "ErrorType str sensitive",
        "ErrorData str sensitive",
        "StackTrace [str] sensitive",
    )

    error_message: str | None = None
    error_type: str | None = None
    error_data: str | None = None
    stack_trace: Sequence[str] | None = None


class Event(_Structure):
    """The structure Event.

    https://docs.aws.amazon.com/lambda/latest/api/API_Event.html
    """

    _members = (
        "EventType str",
        "SubType str",
        "EventId int",
        "Id str",
        "Name str",
        "EventTimestamp time",
        "ParentId str",
        "ExecutionStartedDetails ExecutionStartedDetails",
        "ExecutionSucceededDetails ExecutionSucceededDetails",
        "ExecutionFailedDetails ExecutionFailedDetails",
        "ExecutionTimedOutDetails ExecutionTimedOutDetails",
        "ExecutionStoppedDetails ExecutionStoppedDetails",
        "ContextStartedDetails ContextStartedDetails",
        "ContextSucceededDetails ContextSucceededDetails",
        "ContextFailedDetails ContextFailedDetails",
        "WaitStartedDetails WaitStartedDetails",
        "WaitSucceededDetails WaitSucceededDetails",
        "WaitCancelledDetails WaitCancelledDetails",
        "StepStartedDetails StepStartedDetails",
        "StepSucceededDetails StepSucceededDetails",
        "StepFailedDetails StepFailedDetails",
        "ChainedInvokeStartedDetails ChainedInvokeStartedDetails",
        "ChainedInvokeSucceededDetails ChainedInvokeSucceededDetails",
        "ChainedInvokeFailedDetails ChainedInvokeFailedDetails",
        "ChainedInvokeTimedOutDetails ChainedInvokeTimedOutDetails",
        "ChainedInvokeStoppedDetails ChainedInvokeStoppedDetails",
        "CallbackStartedDetails CallbackStartedDetails",
        "CallbackSucceededDetails CallbackSucceededDetails",
        "CallbackFailedDetails CallbackFailedDetails",
        "CallbackTimedOutDetails CallbackTimedOutDetails",
        "InvocationCompletedDetails InvocationCompletedDetails",
        "ExecutionPausedDetails ExecutionPausedDetails",
        "ExecutionResumedDetails ExecutionResumedDetails",
    )

    event_type: str | None = None
    """`ExecutionStarted`, `ExecutionSucceeded`, `ExecutionFailed`, `ExecutionTimedOut`, `ExecutionStopped`,
    `ContextStarted`, `ContextSucceeded`, `ContextFailed`, `WaitStarted`, `WaitSucceeded`, `WaitCancelled`, `StepStarted`,
    `StepSucceeded`, `StepFailed`, `ChainedInvokeStarted`, `ChainedInvokeSucceeded`, `ChainedInvokeFailed`,
    `ChainedInvokeTimedOut`, `ChainedInvokeStopped`, `CallbackStarted`, `CallbackSucceeded`, `CallbackFailed`,
    `CallbackTimedOut`, `InvocationCompleted`, `ExecutionPaused` or `ExecutionResumed`."""
    sub_type: str | None = None
    event_id: int | None = None
    """At least 1."""
    id: str | None = None
    name: str | None = None
    event_timestamp: dt.datetime | None = None
    parent_id: str | None = None
    execution_started_details: ExecutionStartedDetails | None = None
    execution_succeeded_details: ExecutionSucceededDetails | None = None
    execution_failed_details: ExecutionFailedDetails | None = None
    execution_timed_out_details: ExecutionTimedOutDetails | None = None
    execution_stopped_details: ExecutionStoppedDetails | None = None
    context_started_details: ContextStartedDetails | None = None
    context_succeeded_details: ContextSucceededDetails | None = None
    context_failed_details: ContextFailedDetails | None = None
    wait_started_details: WaitStartedDetails | None = None
    wait_succeeded_details: WaitSucceededDetails | None = None
    wait_cancelled_details: WaitCancelledDetails | None = None
    step_started_details: StepStartedDetails | None = None
    step_succeeded_details: StepSucceededDetails | None = None
    step_failed_details: StepFailedDetails | None = None
    chained_invoke_started_details: ChainedInvokeStartedDetails | None = None
    chained_invoke_succeeded_details: ChainedInvokeSucceededDetails | None = None
    chained_invoke_failed_details: ChainedInvokeFailedDetails | None = None
    chained_invoke_timed_out_details: ChainedInvokeTimedOutDetails | None = None
    chained_invoke_stopped_details: ChainedInvokeStoppedDetails | None = None
    callback_started_details: CallbackStartedDetails | None = None
    callback_succeeded_details: CallbackSucceededDetails | None = None
    callback_failed_details: CallbackFailedDetails | None = None
    callback_timed_out_details: CallbackTimedOutDetails | None = None
    invocation_completed_details: InvocationCompletedDetails | None = None
    execution_paused_details: ExecutionPausedDetails | None = None
    execution_resumed_details: ExecutionResumedDetails | None = None


class EventError(_Structure):
    """The structure EventError.

    https://docs.aws.amazon.com/lambda/latest/api/API_EventError.html
    """

    _members = (
        "Payload ErrorObject",
        "Truncated bool",
    )

    payload: ErrorObject | None = None
    truncated: bool | None = None


class EventInput(_Structure):
    """The structure EventInput.

    https://docs.aws.amazon.com/lambda/latest/api/API_EventInput.html
    """

    _members = (
        "Payload str sensitive",
        "Truncated bool",
    )

    payload: str | None = None
    truncated: bool | None = None


class EventPauseReason(_Structure):
    """The structure EventPauseReason.

    https://docs.aws.amazon.com/lambda/latest/api/API_EventPauseReason.html
    """

    _members = (
        "Payload str sensitive",
        "Truncated bool",
    )

    payload: str | None = None
    truncated: bool | None = None


class EventResult(_Structure):
    """The structure EventResult.

    https://docs.aws.amazon.com/lambda/latest/api/API_EventResult.html
    """

    _members = (
        "Payload str sensitive",
        "Truncated bool",
    )

    payload: str | None = None
    truncated: bool | None = None


class EventResumeReason(_Structure):
    """The structure EventResumeReason.

    https://docs.aws.amazon.com/lambda/latest/api/API_EventResumeReason.html
    """

    _members = (
        "Payload str sensitive",
        "Truncated bool",
    )

    payload: str | None = None
    truncated: bool | None = None


class EventSourceMappingConfiguration(_Structure):
    """The structure EventSourceMappingConfiguration.

    https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html
    """

    _members = (
        "UUID str",
        "StartingPosition str",
        "StartingPositionTimestamp time",
        "BatchSize int",
        "MaximumBatchingWindowInSeconds int",
        "ParallelizationFactor int",
        "EventSourceArn str",
        "FilterCriteria FilterCriteria",
        "FilterCriteriaError FilterCriteriaError",
        "KMSKeyArn str",
        "MetricsConfig EventSourceMappingMetricsConfig",
        "LoggingConfig EventSourceMappingLoggingConfig",
        "ScalingConfig ScalingConfig",
        "FunctionArn str",
        "LastModified time",
        "LastProcessingResult str",
        "State str",
        "StateTransitionReason str",
        "DestinationConfig DestinationConfig",
        "Topics [str]",
        "Queues [str]",
        "SourceAccessConfigurations [SourceAccessConfiguration]",
        "SelfManagedEventSource SelfManagedEventSource",
        "MaximumRecordAgeInSeconds int",
        "BisectBatchOnFunctionError bool",
        "MaximumRetryAttempts int",
        "TumblingWindowInSeconds int",
        "FunctionResponseTypes [str]",
        "AmazonManagedKafkaEventSourceConfig AmazonManagedKafkaEventSourceConfig",
        "SelfManagedKafkaEventSourceConfig SelfManagedKafkaEventSourceConfig",
        "DocumentDBEventSourceConfig DocumentDBEventSourceConfig",
        "EventSourceMappingArn str",
        "ProvisionedPollerConfig ProvisionedPollerConfig",
    )

    uuid: str | None = None
    starting_position: str | None = None
    """`TRIM_HORIZON`, `LATEST` or `AT_TIMESTAMP`."""
    starting_position_timestamp: dt.datetime | None = None
    batch_size: int | None = None
    """1 to 10,000."""
    maximum_batching_window_in_seconds: int | None = None
    """0 to 300."""
    parallelization_factor: int | None = None
    """1 to 10."""
    event_source_arn: str | None = None
    filter_criteria: FilterCriteria | None = None
    filter_criteria_error: FilterCriteriaError | None = None
    kms_key_arn: str | None = None
    metrics_config: EventSourceMappingMetricsConfig | None = None
    logging_config: EventSourceMappingLoggingConfig | None = None
    scaling_config: ScalingConfig | None = None
    function_arn: str | None = None
    last_modified: dt.datetime | None = None
    last_processing_result: str | None = None
    state: str | None = None
    state_transition_reason: str | None = None
    destination_config: DestinationConfig | None = None
    topics: Sequence[str] | None = None
    queues: Sequence[str] | None = None
    source_access_configurations: Sequence[SourceAccessConfiguration] | None = None
    self_managed_event_source: SelfManagedEventSource | None = None
    maximum_record_age_in_seconds: int | None = None
    """-1 to 604,800."""
    bisect_batch_on_function_error: bool | None = None
    maximum_retry_attempts: int | None = None
    """-1 to 10,000."""
    tumbling_window_in_seconds: int | None = None
    """0 to 900."""
    function_response_types: Sequence[str] | None = None
    """`ReportBatchItemFailures`."""
    amazon_managed_kafka_event_source_config: AmazonManagedKafkaEventSourceConfig | None = None
    self_managed_kafka_event_source_config: SelfManagedKafkaEventSourceConfig | None = None
    document_db_event_source_config: DocumentDBEventSourceConfig | None = None
    event_source_mapping_arn: str | None = None
    provisioned_poller_config: ProvisionedPollerConfig | None = None


class EventSourceMappingLoggingConfig(_Structure):
    """The structure EventSourceMappingLoggingConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingLoggingConfig.html
    """

    _members = ("SystemLogLevel str",)

    system_log_level: str | None = None
    """`DEBUG`, `INFO` or `WARN`."""


class EventSourceMappingMetricsConfig(_Structure):
    """The structure EventSourceMappingMetricsConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingMetricsConfig.html
    """

    _members = ("Metrics [str]",)

    metrics: Sequence[str] | None = None
    """`EventCount`, `ErrorCount` or `KafkaMetrics`."""


class Execution(_Structure):
    """The structure Execution.

    https://docs.aws.amazon.com/lambda/latest/api/API_Execution.html
    """

    _members = (
        "DurableExecutionArn str required",
        "DurableExecutionName str required",
        "FunctionArn str required",
        "Status str required",
        "StartTimestamp time required",
        "EndTimestamp time",
        "KMSKeyArn str",
    )

    durable_execution_arn: str
    durable_execution_name: str
    function_arn: str
    status: str
    """`RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT`, `STOPPED`, `DELETING`, `PAUSING` or `PAUSED`."""
    start_timestamp: dt.datetime
    end_timestamp: dt.datetime | None = None
    kms_key_arn: str | None = None


class ExecutionDetails(_Structure):
    """The structure ExecutionDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_ExecutionDetails.html
    """

    _members = ("InputPayload str sensitive",)

    input_payload: str | None = None


class ExecutionFailedDetails(_Structure):
    """The structure ExecutionFailedDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_ExecutionFailedDetails.html
    """

    _members = ("Error EventError required",)

    error: EventError


class ExecutionPausedDetails(_Structure):
    """The structure ExecutionPausedDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_ExecutionPausedDetails.html
    """

    _members = (
        "PauseRequestTimestamp time required",
        "Reason EventPauseReason",
        "ExecutionTimeoutPaused bool required",
    )

    pause_request_timestamp: dt.datetime
    execution_timeout_paused: bool
    reason: EventPauseReason | None = None


class ExecutionResumedDetails(_Structure):
    """The structure ExecutionResumedDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_ExecutionResumedDetails.html
    """

    _members = (
        "ResumeRequestTimestamp time required",
        "Reason EventResumeReason",
    )

    resume_request_timestamp: dt.datetime
    reason: EventResumeReason | None = None


class ExecutionStartedDetails(_Structure):
    """The structure ExecutionStartedDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_ExecutionStartedDetails.html
    """

    _members = (
        "Input EventInput required",
        "ExecutionTimeout int required",
    )

    input: EventInput
    execution_timeout: int
    """At least 0."""


class ExecutionStoppedDetails(_Structure):
    """The structure ExecutionStoppedDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_ExecutionStoppedDetails.html
    """

    _members = ("Error EventError required",)

    error: EventError


class ExecutionSucceededDetails(_Structure):
    """The structure ExecutionSucceededDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_ExecutionSucceededDetails.html
    """

    _members = ("Result EventResult required",)

    result: EventResult


class ExecutionTimedOutDetails(_Structure):
    """The structure ExecutionTimedOutDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_ExecutionTimedOutDetails.html
    """

    _members = ("Error EventError",)

    error: EventError | None = None


class FileSystemConfig(_Structure):
    """The structure FileSystemConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_FileSystemConfig.html
    """

    _members = (
        "Arn str required",
        "LocalMountPath str required",
        "S3FilesConfig S3FilesConfig",
    )

    arn: str
    local_mount_path: str
    s3_files_config: S3FilesConfig | None = None


class Filter(_Structure):
    """The structure Filter.

    https://docs.aws.amazon.com/lambda/latest/api/API_Filter.html
    """

    _members = ("Pattern str",)

    pattern: str | None = None


class FilterCriteria(_Structure):
    """The structure FilterCriteria.

    https://docs.aws.amazon.com/lambda/latest/api/API_FilterCriteria.html
    """

    _members = ("Filters [Filter]",)

    filters: Sequence[Filter] | None = None


class FilterCriteriaError(_Structure):
    """The structure FilterCriteriaError.

    https://docs.aws.amazon.com/lambda/latest/api/API_FilterCriteriaError.html
    """

    _members = (
        "ErrorCode str",
        "Message str",
    )

    error_code: str | None = None
    message: str | None = None


class FunctionCode(_Structure):
    """The structure FunctionCode.

    https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCode.html
    """

    _members = (
        "ZipFile blob sensitive",
        "S3Bucket str",
        "S3Key str",
        "S3ObjectVersion str",
        "S3ObjectStorageMode str",
        "ImageUri str",
        "SourceKMSKeyArn str",
    )

    zip_file: bytes | None = None
    s3_bucket: str | None = None
    s3_key: str | None = None
    s3_object_version: str | None = None
    s3_object_storage_mode: str | None = None
    """`COPY` or `REFERENCE`."""
    image_uri: str | None = None
    source_kms_key_arn: str | None = None


class FunctionCodeLocation(_Structure):
    """The structure FunctionCodeLocation.

    https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCodeLocation.html
    """

    _members = (
        "RepositoryType str",
        "Location str sensitive",
        "ImageUri str",
        "ResolvedImageUri str",
        "ResolvedS3Object ResolvedS3Object",
        "SourceKMSKeyArn str",
        "Error FunctionCodeLocationError",
    )

    repository_type: str | None = None
    location: str | None = None
    image_uri: str | None = None
    resolved_image_uri: str | None = None
    resolved_s3_object: ResolvedS3Object | None = None
    source_kms_key_arn: str | None = None
    error: FunctionCodeLocationError | None = None


class FunctionCodeLocationError(_Structure):
    """The structure FunctionCodeLocationError.

    https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCodeLocationError.html
    """

    _members = (
        "ErrorCode str",
        "Message str sensitive",
    )

    error_code: str | None = None
    message: str | None = None


class FunctionConfiguration(_Structure):
    """The structure FunctionConfiguration.

    https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html
    """

    _members = (
        "FunctionName str",
        "FunctionArn str",
        "Runtime str",
        "Role str",
        "Handler str",
        "CodeSize int",
        "Description str",
        "Timeout int",
        "MemorySize int",
        "LastModified str",
        "CodeSha256 str",
        "Version str",
        "VpcConfig VpcConfigResponse",
        "DeadLetterConfig DeadLetterConfig",
        "Environment EnvironmentResponse",
        "KMSKeyArn str",
        "TracingConfig TracingConfigResponse",
        "MasterArn str",
        "RevisionId str",
        "Layers [Layer]",
        "State str",
        "StateReason str",
        "StateReasonCode str",
        "LastUpdateStatus str",
        "LastUpdateStatusReason str",
        "LastUpdateStatusReasonCode str",
        "FileSystemConfigs [FileSystemConfig]",
        "SigningProfileVersionArn str",
        "SigningJobArn str",
        "PackageType str",
        "ImageConfigResponse ImageConfigResponse",
        "Architectures [str]",
        "EphemeralStorage EphemeralStorage",
        "SnapStart SnapStartResponse",
        "RuntimeVersionConfig RuntimeVersionConfig",
        "LoggingConfig LoggingConfig",
        "TenancyConfig TenancyConfig",
        "CapacityProviderConfig CapacityProviderConfig",
        "ConfigSha256 str",
        "DurableConfig DurableConfig",
        "RuntimeConfig FunctionRuntimeConfig",
        "AcceleratorConfig AcceleratorConfig",
    )

    function_name: str | None = None
    function_arn: str | None = None
    runtime: str | None = None
    """`nodejs`, `nodejs4.3`, `nodejs6.10`, `nodejs8.10`, `nodejs10.x`, `nodejs12.x`, `nodejs14.x`, `nodejs16.x`,
    `nodejs18.x`, `nodejs20.x`, `nodejs22.x`, `nodejs24.x`, `java8`, `java8.al2`, `java11`, `java17`, `java21`, `java25`,
    `python2.7`, `python3.6`, `python3.7`, `python3.8`, `python3.9`, `python3.10`, `python3.11`, `python3.12`, `python3.13`,
    `python3.14`, `dotnetcore1.0`, `dotnetcore2.0`, `dotnetcore2.1`, `dotnetcore3.1`, `dotnet6`, `dotnet8`, `dotnet10`,
    `nodejs4.3-edge`, `go1.x`, `ruby2.5`, `ruby2.7`, `ruby3.2`, `ruby3.3`, `ruby3.4`, `ruby4.0`, `provided`, `provided.al2`,
    `provided.al2023`, `nodejs26.x`, `python3.15`, `java8.al2023`, `java11.al2023`, `java17.al2023` or `custom`."""
    role: str | None = None
    handler: str | None = None
    code_size: int | None = None
    description: str | None = None
    timeout: int | None = None
    """1 to 5,400."""
    memory_size: int | None = None
    """128 to 32,768."""
    last_modified: str | None = None
    code_sha256: str | None = None
    version: str | None = None
    vpc_config: VpcConfigResponse | None = None
    dead_letter_config: DeadLetterConfig | None = None
    environment: EnvironmentResponse | None = None
    kms_key_arn: str | None = None
    tracing_config: TracingConfigResponse | None = None
    master_arn: str | None = None
    revision_id: str | None = None
    layers: Sequence[Layer] | None = None
    state: str | None = None
    """`Pending`, `Active`, `Inactive`, `Failed`, `Deactivating`, `Deactivated`, `ActiveNonInvocable` or `Deleting`."""
    state_reason: str | None = None
    state_reason_code: str | None = None
    """`Idle`, `Creating`, `Restoring`, `EniLimitExceeded`, `InsufficientRolePermissions`, `InvalidConfiguration`,
    `InternalError`, `SubnetOutOfIPAddresses`, `InvalidSubnet`, `InvalidSecurityGroup`, `ImageDeleted`, `ImageAccessDenied`,
    `InvalidImage`, `KMSKeyAccessDenied`, `KMSKeyNotFound`, `InvalidStateKMSKey`, `DisabledKMSKey`, `EFSIOError`,
    `EFSMountConnectivityError`, `EFSMountFailure`, `EFSMountTimeout`, `InvalidRuntime`, `InvalidZipFileException`,
    `FunctionError`, `ServiceQuotaExceededException`, `VcpuLimitExceeded`, `CapacityProviderScalingLimitExceeded`,
    `InsufficientCapacity`, `EC2RequestLimitExceeded`, `FunctionError.InitTimeout`, `FunctionError.RuntimeInitError`,
    `FunctionError.ExtensionInitError`, `FunctionError.InvalidEntryPoint`, `FunctionError.InvalidWorkingDirectory`,
    `FunctionError.PermissionDenied`, `FunctionError.TooManyExtensions`, `FunctionError.InitResourceExhausted`,
    `DisallowedByVpcEncryptionControl`, `DrainingDurableExecutions`, `IncompatibleAcceleratorInstanceTypes` or
    `DependencyError`."""
    last_update_status: str | None = None
    """`Successful`, `Failed` or `InProgress`."""
    last_update_status_reason: str | None = None
    last_update_status_reason_code: str | None = None
    """`EniLimitExceeded`, `InsufficientRolePermissions`, `InvalidConfiguration`, `InternalError`, `SubnetOutOfIPAddresses`,
    `InvalidSubnet`, `InvalidSecurityGroup`, `ImageDeleted`, `ImageAccessDenied`, `InvalidImage`, `KMSKeyAccessDenied`,
    `KMSKeyNotFound`, `InvalidStateKMSKey`, `DisabledKMSKey`, `EFSIOError`, `EFSMountConnectivityError`, `EFSMountFailure`,
    `EFSMountTimeout`, `InvalidRuntime`, `InvalidZipFileException`, `FunctionError`, `ServiceQuotaExceededException`,
    `VcpuLimitExceeded`, `CapacityProviderScalingLimitExceeded`, `InsufficientCapacity`, `EC2RequestLimitExceeded`,
    `FunctionError.InitTimeout`, `FunctionError.RuntimeInitError`, `FunctionError.ExtensionInitError`,
    `FunctionError.InvalidEntryPoint`, `FunctionError.InvalidWorkingDirectory`, `FunctionError.PermissionDenied`,
    `FunctionError.TooManyExtensions`, `FunctionError.InitResourceExhausted`, `DisallowedByVpcEncryptionControl`,
    `IncompatibleAcceleratorInstanceTypes` or `DependencyError`."""
    file_system_configs: Sequence[FileSystemConfig] | None = None
    signing_profile_version_arn: str | None = None
    signing_job_arn: str | None = None
    package_type: str | None = None
    """`Zip` or `Image`."""
    image_config_response: ImageConfigResponse | None = None
    architectures: Sequence[str] | None = None
    """`x86_64` or `arm64`."""
    ephemeral_storage: EphemeralStorage | None = None
    snap_start: SnapStartResponse | None = None
    runtime_version_config: RuntimeVersionConfig | None = None
    logging_config: LoggingConfig | None = None
    tenancy_config: TenancyConfig | None = None
    capacity_provider_config: CapacityProviderConfig | None = None
    config_sha256: str | None = None
    durable_config: DurableConfig | None = None
    runtime_config: FunctionRuntimeConfig | None = None
    accelerator_config: AcceleratorConfig | None = None


class FunctionEventInvokeConfig(_Structure):
    """The structure FunctionEventInvokeConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_FunctionEventInvokeConfig.html
    """

    _members = (
        "LastModified time",
        "FunctionArn str",
        "MaximumRetryAttempts int",
        "MaximumEventAgeInSeconds int",
        "DestinationConfig DestinationConfig",
    )

    last_modified: dt.datetime | None = None
    function_arn: str | None = None
    maximum_retry_attempts: int | None = None
    """0 to 2."""
    maximum_event_age_in_seconds: int | None = None
    """60 to 21,600."""
    destination_config: DestinationConfig | None = None


class FunctionRuntimeConfig(_Structure):
    """The structure FunctionRuntimeConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_FunctionRuntimeConfig.html
    """

    _members = (
        "RuntimeArn str required",
        "RuntimeAlias str required",
    )

    runtime_arn: str
    runtime_alias: str


class FunctionScalingConfig(_Structure):
    """The structure FunctionScalingConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_FunctionScalingConfig.html
    """

    _members = (
        "MinExecutionEnvironments int",
        "MaxExecutionEnvironments int",
    )

    min_execution_environments: int | None = None
    """0 to 15,000."""
    max_execution_environments: int | None = None
    """0 to 15,000."""


class FunctionUrlConfig(_Structure):
    """The structure FunctionUrlConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_FunctionUrlConfig.html
    """

    _members = (
        "FunctionUrl str required",
        "FunctionArn str required",
        "CreationTime str required",
        "LastModifiedTime str required",
        "Cors Cors",
        "AuthType str required",
        "InvokeMode str",
    )

    function_url: str
    function_arn: str
    creation_time: str
    last_modified_time: str
    auth_type: str
    """`NONE` or `AWS_IAM`."""
    cors: Cors | None = None
    invoke_mode: str | None = None
    """`BUFFERED` or `RESPONSE_STREAM`."""


class FunctionVersionsByCapacityProviderListItem(_Structure):
    """The structure FunctionVersionsByCapacityProviderListItem.

    https://docs.aws.amazon.com/lambda/latest/api/API_FunctionVersionsByCapacityProviderListItem.html
    """

    _members = (
        "FunctionArn str required",
        "State str required",
    )

    function_arn: str
    state: str
    """`Pending`, `Active`, `Inactive`, `Failed`, `Deactivating`, `Deactivated`, `ActiveNonInvocable` or `Deleting`."""


class ImageConfig(_Structure):
    """The structure ImageConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_ImageConfig.html
    """

    _members = (
        "EntryPoint [str]",
        "Command [str]",
        "WorkingDirectory str",
    )

    entry_point: Sequence[str] | None = None
    command: Sequence[str] | None = None
    working_directory: str | None = None


class ImageConfigError(_Structure):
    """The structure ImageConfigError.

    https://docs.aws.amazon.com/lambda/latest/api/API_ImageConfigError.html
    """

    _members = (
        "ErrorCode str",
        "Message str sensitive",
    )

    error_code: str | None = None
    message: str | None = None


class ImageConfigResponse(_Structure):
    """The structure ImageConfigResponse.

    https://docs.aws.amazon.com/lambda/latest/api/API_ImageConfigResponse.html
    """

    _members = (
        "ImageConfig ImageConfig",
        "Error ImageConfigError",
    )

    image_config: ImageConfig | None = None
    error: ImageConfigError | None = None


class InstanceRequirements(_Structure):
    """The structure InstanceRequirements.

    https://docs.aws.amazon.com/lambda/latest/api/API_InstanceRequirements.html
    """

    _members = (
        "Architectures [str]",
        "AllowedInstanceTypes [str]",
        "ExcludedInstanceTypes [str]",
    )

    architectures: Sequence[str] | None = None
    """`x86_64` or `arm64`."""
    allowed_instance_types: Sequence[str] | None = None
    excluded_instance_types: Sequence[str] | None = None


class InvocationCompletedDetails(_Structure):
    """The structure InvocationCompletedDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_InvocationCompletedDetails.html
    """

    _members = (
        "StartTimestamp time required",
        "EndTimestamp time required",
        "RequestId str required",
        "Error EventError",
    )

    start_timestamp: dt.datetime
    end_timestamp: dt.datetime
    request_id: str
    error: EventError | None = None


class KafkaSchemaRegistryAccessConfig(_Structure):
    """The structure KafkaSchemaRegistryAccessConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_KafkaSchemaRegistryAccessConfig.html
    """

    _members = (
        "Type str",
        "URI str",
    )

    type: str | None = None
    """`BASIC_AUTH`, `CLIENT_CERTIFICATE_TLS_AUTH`, `SERVER_ROOT_CA_CERTIFICATE` or `OAUTHBEARER_AUTH`."""
    uri: str | None = None


class KafkaSchemaRegistryConfig(_Structure):
    """The structure KafkaSchemaRegistryConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_KafkaSchemaRegistryConfig.html
    """

    _members = (
        "SchemaRegistryURI str",
        "EventRecordFormat str",
        "AccessConfigs [KafkaSchemaRegistryAccessConfig]",
        "SchemaValidationConfigs [KafkaSchemaValidationConfig]",
    )

    schema_registry_uri: str | None = None
    event_record_format: str | None = None
    """`JSON` or `SOURCE`."""
    access_configs: Sequence[KafkaSchemaRegistryAccessConfig] | None = None
    schema_validation_configs: Sequence[KafkaSchemaValidationConfig] | None = None


class KafkaSchemaValidationConfig(_Structure):
    """The structure KafkaSchemaValidationConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_KafkaSchemaValidationConfig.html
    """

    _members = ("Attribute str",)

    attribute: str | None = None
    """`KEY` or `VALUE`."""


class LambdaManagedInstancesCapacityProviderConfig(_Structure):
    """The structure LambdaManagedInstancesCapacityProviderConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_LambdaManagedInstancesCapacityProviderConfig.html
    """

    _members = (
        "CapacityProviderArn str required",
        "PerExecutionEnvironmentMaxConcurrency int",
        "ExecutionEnvironmentMemoryGiBPerVCpu float",
    )

    capacity_provider_arn: str
    per_execution_environment_max_concurrency: int | None = None
    """1 to 1,600."""
    execution_environment_memory_gib_per_vcpu: float | None = None
    """2 to 8."""


class Layer(_Structure):
    """The structure Layer.

    https://docs.aws.amazon.com/lambda/latest/api/API_Layer.html
    """

    _members = (
        "Arn str",
        "CodeSize int",
        "SigningProfileVersionArn str",
        "SigningJobArn str",
    )

    arn: str | None = None
    code_size: int | None = None
    signing_profile_version_arn: str | None = None
    signing_job_arn: str | None = None


class LayerVersionContentInput(_Structure):
    """The structure LayerVersionContentInput.

    https://docs.aws.amazon.com/lambda/latest/api/API_LayerVersionContentInput.html
    """

    _members = (
        "S3Bucket str",
        "S3Key str",
        "S3ObjectVersion str",
        "S3ObjectStorageMode str",
        "ZipFile blob sensitive",
    )

    s3_bucket: str | None = None
    s3_key: str | None = None
    s3_object_version: str | None = None
    s3_object_storage_mode: str | None = None
    """`COPY` or `REFERENCE`."""
    zip_file: bytes | None = None


class LayerVersionContentOutput(_Structure):
    """The structure LayerVersionContentOutput.

    https://docs.aws.amazon.com/lambda/latest/api/API_LayerVersionContentOutput.html
    """

    _members = (
        "Location str sensitive",
        "CodeSha256 str",
        "CodeSize int",
        "SigningProfileVersionArn str",
        "SigningJobArn str",
        "ResolvedS3Object ResolvedS3Object",
    )

    location: str | None = None
    code_sha256: str | None = None
    code_size: int | None = None
    signing_profile_version_arn: str | None = None
    signing_job_arn: str | None = None
    resolved_s3_object: ResolvedS3Object | None = None


class LayerVersionsListItem(_Structure):
    """The structure LayerVersionsListItem.

    https://docs.aws.amazon.com/lambda/latest/api/API_LayerVersionsListItem.html
    """

    _members = (
        "LayerVersionArn str",
        "Version int",
        "Description str",
        "CreatedDate str",
        "CompatibleArchitectures [str]",
        "CompatibleRuntimes [str]",
        "LicenseInfo str",
    )

    layer_version_arn: str | None = None
    version: int | None = None
    description: str | None = None
    created_date: str | None = None
    compatible_architectures: Sequence[str] | None = None
    """`x86_64` or `arm64`."""
    compatible_runtimes: Sequence[str] | None = None
    """`nodejs`, `nodejs4.3`, `nodejs6.10`, `nodejs8.10`, `nodejs10.x`, `nodejs12.x`, `nodejs14.x`, `nodejs16.x`,
    `nodejs18.x`, `nodejs20.x`, `nodejs22.x`, `nodejs24.x`, `java8`, `java8.al2`, `java11`, `java17`, `java21`, `java25`,
    `python2.7`, `python3.6`, `python3.7`, `python3.8`, `python3.9`, `python3.10`, `python3.11`, `python3.12`, `python3.13`,
    `python3.14`, `dotnetcore1.0`, `dotnetcore2.0`, `dotnetcore2.1`, `dotnetcore3.1`, `dotnet6`, `dotnet8`, `dotnet10`,
    `nodejs4.3-edge`, `go1.x`, `ruby2.5`, `ruby2.7`, `ruby3.2`, `ruby3.3`, `ruby3.4`, `ruby4.0`, `provided`, `provided.al2`,
    `provided.al2023`, `nodejs26.x`, `python3.15`, `java8.al2023`, `java11.al2023`, `java17.al2023` or `custom`."""
    license_info: str | None = None


class LayersListItem(_Structure):
    """The structure LayersListItem.

    https://docs.aws.amazon.com/lambda/latest/api/API_LayersListItem.html
    """

    _members = (
        "LayerName str",
        "LayerArn str",
        "LatestMatchingVersion LayerVersionsListItem",
    )

    layer_name: str | None = None
    layer_arn: str | None = None
    latest_matching_version: LayerVersionsListItem | None = None


class LoggingConfig(_Structure):
    """The structure LoggingConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_LoggingConfig.html
    """

    _members = (
        "LogFormat str",
        "ApplicationLogLevel str",
        "SystemLogLevel str",
        "LogGroup str",
    )

    log_format: str | None = None
    """`JSON` or `Text`."""
    application_log_level: str | None = None
    """`TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR` or `FATAL`."""
    system_log_level: str | None = None
    """`DEBUG`, `INFO` or `WARN`."""
    log_group: str | None = None


class OnFailure(_Structure):
    """The structure OnFailure.

    https://docs.aws.amazon.com/lambda/latest/api/API_OnFailure.html
    """

    _members = ("Destination str",)

    destination: str | None = None


class OnSuccess(_Structure):
    """The structure OnSuccess.

    https://docs.aws.amazon.com/lambda/latest/api/API_OnSuccess.html
    """

    _members = ("Destination str",)

    destination: str | None = None


class Operation(_Structure):
    """The structure Operation.

    https://docs.aws.amazon.com/lambda/latest/api/API_Operation.html
    """

    _members = (
        "Id str required",
        "ParentId str",
        "Name str",
        "Type str required",
        "SubType str",
        "StartTimestamp time required",
        "EndTimestamp time",
        "Status str required",
        "ExecutionDetails ExecutionDetails",
        "ContextDetails ContextDetails",
        "StepDetails StepDetails",
        "WaitDetails WaitDetails",
        "CallbackDetails CallbackDetails",
        "ChainedInvokeDetails ChainedInvokeDetails",
    )

    id: str
    type: str
    """`EXECUTION`, `CONTEXT`, `STEP`, `WAIT`, `CALLBACK` or `CHAINED_INVOKE`."""
    start_timestamp: dt.datetime
    status: str
    """`STARTED`, `PENDING`, `READY`, `SUCCEEDED`, `FAILED`, `CANCELLED`, `TIMED_OUT` or `STOPPED`."""
    parent_id: str | None = None
    name: str | None = None
    sub_type: str | None = None
    end_timestamp: dt.datetime | None = None
    execution_details: ExecutionDetails | None = None
    context_details: ContextDetails | None = None
    step_details: StepDetails | None = None
    wait_details: WaitDetails | None = None
    callback_details: CallbackDetails | None = None
    chained_invoke_details: ChainedInvokeDetails | None = None


class OperationUpdate(_Structure):
    """The structure OperationUpdate.

    https://docs.aws.amazon.com/lambda/latest/api/API_OperationUpdate.html
    """

    _members = (
        "Id str required",
        "ParentId str",
        "Name str",
        "Type str required",
        "SubType str",
        "Action str required",
        "Payload str sensitive",
        "Error ErrorObject",
        "ContextOptions ContextOptions",
        "StepOptions StepOptions",
        "WaitOptions WaitOptions",
        "CallbackOptions CallbackOptions",
        "ChainedInvokeOptions ChainedInvokeOptions",
    )

    id: str
    type: str
    """`EXECUTION`, `CONTEXT`, `STEP`, `WAIT`, `CALLBACK` or `CHAINED_INVOKE`."""
    action: str
    """`START`, `SUCCEED`, `FAIL`, `RETRY` or `CANCEL`."""
    parent_id: str | None = None
    name: str | None = None
    sub_type: str | None = None
    payload: str | None = None
    error: ErrorObject | None = None
    context_options: ContextOptions | None = None
    step_options: StepOptions | None = None
    wait_options: WaitOptions | None = None
    callback_options: CallbackOptions | None = None
    chained_invoke_options: ChainedInvokeOptions | None = None


class PauseDetails(_Structure):
    """The structure PauseDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_PauseDetails.html
    """

    _members = (
        "PauseRequestTimestamp time required",
        "Reason str sensitive",
        "ExecutionTimeoutPaused bool required",
    )

    pause_request_timestamp: dt.datetime
    execution_timeout_paused: bool
    reason: str | None = None


class PropagateTags(_Structure):
    """The structure PropagateTags.

    https://docs.aws.amazon.com/lambda/latest/api/API_PropagateTags.html
    """

    _members = (
        "Mode str",
        "ExplicitTags {str}",
    )

    mode: str | None = None
    """`None` or `Explicit`."""
    explicit_tags: Mapping[str, str] | None = None


class ProvisionedConcurrencyConfigListItem(_Structure):
    """The structure ProvisionedConcurrencyConfigListItem.

    https://docs.aws.amazon.com/lambda/latest/api/API_ProvisionedConcurrencyConfigListItem.html
    """

    _members = (
        "FunctionArn str",
        "RequestedProvisionedConcurrentExecutions int",
        "AvailableProvisionedConcurrentExecutions int",
        "AllocatedProvisionedConcurrentExecutions int",
        "Status str",
        "StatusReason str",
        "LastModified str",
    )

    function_arn: str | None = None
    requested_provisioned_concurrent_executions: int | None = None
    """At least 1."""
    available_provisioned_concurrent_executions: int | None = None
    """At least 0."""
    allocated_provisioned_concurrent_executions: int | None = None
    """At least 0."""
    status: str | None = None
    """`IN_PROGRESS`, `READY` or `FAILED`."""
    status_reason: str | None = None
    last_modified: str | None = None


class ProvisionedPollerConfig(_Structure):
    """The structure ProvisionedPollerConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_ProvisionedPollerConfig.html
    """

    _members = (
        "MinimumPollers int",
        "MaximumPollers int",
        "PollerGroupName str",
    )

    minimum_pollers: int | None = None
    """1 to 200."""
    maximum_pollers: int | None = None
    """1 to 10,000."""
    poller_group_name: str | None = None


class ResolvedS3Object(_Structure):
    """The structure ResolvedS3Object.

    https://docs.aws.amazon.com/lambda/latest/api/API_ResolvedS3Object.html
    """

    _members = (
        "S3Bucket str",
        "S3Key str",
        "S3ObjectVersion str",
    )

    s3_bucket: str | None = None
    s3_key: str | None = None
    s3_object_version: str | None = None


class RetryDetails(_Structure):
    """The structure RetryDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_RetryDetails.html
    """

    _members = (
        "CurrentAttempt int",
        "NextAttemptDelaySeconds int",
    )

    current_attempt: int | None = None
    """At least 0."""
    next_attempt_delay_seconds: int | None = None
    """At least 0."""


class RuntimeVersionConfig(_Structure):
    """The structure RuntimeVersionConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_RuntimeVersionConfig.html
    """

    _members = (
        "RuntimeVersionArn str",
        "Error RuntimeVersionError",
    )

    runtime_version_arn: str | None = None
    error: RuntimeVersionError | None = None


class RuntimeVersionError(_Structure):
    """The structure RuntimeVersionError.

    https://docs.aws.amazon.com/lambda/latest/api/API_RuntimeVersionError.html
    """

    _members = (
        "ErrorCode str",
        "Message str sensitive",
    )

    error_code: str | None = None
    message: str | None = None


class S3FilesConfig(_Structure):
    """The structure S3FilesConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_S3FilesConfig.html
    """

    _members = ("DirectS3Read str",)

    direct_s3_read: str | None = None
    """`ENABLED`, `DISABLED` or `AUTO`."""


class ScalingConfig(_Structure):
    """The structure ScalingConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_ScalingConfig.html
    """

    _members = ("MaximumConcurrency int",)

    maximum_concurrency: int | None = None
    """2 to 1,000."""


class SelfManagedEventSource(_Structure):
    """The structure SelfManagedEventSource.

    https://docs.aws.amazon.com/lambda/latest/api/API_SelfManagedEventSource.html
    """

    _members = ("Endpoints {[str]}",)

    endpoints: Mapping[str, Sequence[str]] | None = None


class SelfManagedKafkaEventSourceConfig(_Structure):
    """The structure SelfManagedKafkaEventSourceConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_SelfManagedKafkaEventSourceConfig.html
    """

    _members = (
        "ConsumerGroupId str",
        "SchemaRegistryConfig KafkaSchemaRegistryConfig",
        "ConsumptionMode str",
    )

    consumer_group_id: str | None = None
    schema_registry_config: KafkaSchemaRegistryConfig | None = None
    consumption_mode: str | None = None
    """`Stream` or `Queue`."""


class SnapStart(_Structure):
    """The structure SnapStart.

    https://docs.aws.amazon.com/lambda/latest/api/API_SnapStart.html
    """

    _members = ("ApplyOn str",)

    apply_on: str | None = None
    """`PublishedVersions` or `None`."""


class SnapStartResponse(_Structure):
    """The structure SnapStartResponse.

    https://docs.aws.amazon.com/lambda/latest/api/API_SnapStartResponse.html
    """

    _members = (
        "ApplyOn str",
        "OptimizationStatus str",
    )

    apply_on: str | None = None
    """`PublishedVersions` or `None`."""
    optimization_status: str | None = None
    """`On` or `Off`."""


class SourceAccessConfiguration(_Structure):
    """The structure SourceAccessConfiguration.

    https://docs.aws.amazon.com/lambda/latest/api/API_SourceAccessConfiguration.html
    """

    _members = (
        "Type str",
        "URI str",
    )

    type: str | None = None
    """`BASIC_AUTH`, `VPC_SUBNET`, `VPC_SECURITY_GROUP`, `SASL_SCRAM_512_AUTH`, `SASL_SCRAM_256_AUTH`, `VIRTUAL_HOST`,
    `CLIENT_CERTIFICATE_TLS_AUTH`, `SERVER_ROOT_CA_CERTIFICATE`, `OAUTHBEARER_AUTH`, `OAUTHBEARER_SCOPE`,
    `OAUTHBEARER_AUDIENCE`, `OAUTHBEARER_LOGICAL_CLUSTER`, `OAUTHBEARER_IDENTITY_POOL`, `IAM_AUTH` or
    `IAM_OAUTHBEARER_AUTH`."""
    uri: str | None = None


class StepDetails(_Structure):
    """The structure StepDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_StepDetails.html
    """

    _members = (
        "Attempt int",
        "NextAttemptTimestamp time",
        "Result str sensitive",
        "Error ErrorObject",
    )

    attempt: int | None = None
    """At least 0."""
    next_attempt_timestamp: dt.datetime | None = None
    result: str | None = None
    error: ErrorObject | None = None


class StepFailedDetails(_Structure):
    """The structure StepFailedDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_StepFailedDetails.html
    """

    _members = (
        "Error EventError required",
        "RetryDetails RetryDetails required",
    )

    error: EventError
    retry_details: RetryDetails


class StepOptions(_Structure):
    """The structure StepOptions.

    https://docs.aws.amazon.com/lambda/latest/api/API_StepOptions.html
    """

    _members = ("NextAttemptDelaySeconds int",)

    next_attempt_delay_seconds: int | None = None
    """1 to 31,622,400."""


class StepStartedDetails(_Structure):
    """The structure StepStartedDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_StepStartedDetails.html
    """


class StepSucceededDetails(_Structure):
    """The structure StepSucceededDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_StepSucceededDetails.html
    """

    _members = (
        "Result EventResult required",
        "RetryDetails RetryDetails required",
    )

    result: EventResult
    retry_details: RetryDetails


class TagsError(_Structure):
    """The structure TagsError.

    https://docs.aws.amazon.com/lambda/latest/api/API_TagsError.html
    """

    _members = (
        "ErrorCode str required",
        "Message str required",
    )

    error_code: str
    message: str


class TargetTrackingScalingPolicy(_Structure):
    """The structure TargetTrackingScalingPolicy.

    https://docs.aws.amazon.com/lambda/latest/api/API_TargetTrackingScalingPolicy.html
    """

    _members = (
        "PredefinedMetricType str required",
        "TargetValue float required",
    )

    predefined_metric_type: str
    """`LambdaCapacityProviderAverageCPUUtilization` or `LambdaCapacityProviderAverageGPUUtilization`."""
    target_value: float
    """0 to 100."""


class TenancyConfig(_Structure):
    """The structure TenancyConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_TenancyConfig.html
    """

    _members = ("TenantIsolationMode str required",)

    tenant_isolation_mode: str
    """`PER_TENANT`."""


class TraceHeader(_Structure):
    """The structure TraceHeader.

    https://docs.aws.amazon.com/lambda/latest/api/API_TraceHeader.html
    """

    _members = ("XAmznTraceId str",)

    x_amzn_trace_id: str | None = None


class TracingConfig(_Structure):
    """The structure TracingConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_TracingConfig.html
    """

    _members = ("Mode str",)

    mode: str | None = None
    """`Active` or `PassThrough`."""


class TracingConfigResponse(_Structure):
    """The structure TracingConfigResponse.

    https://docs.aws.amazon.com/lambda/latest/api/API_TracingConfigResponse.html
    """

    _members = ("Mode str",)

    mode: str | None = None
    """`Active` or `PassThrough`."""


class VpcConfig(_Structure):
    """The structure VpcConfig.

    https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfig.html
    """

    _members = (
        "SubnetIds [str]",
        "SecurityGroupIds [str]",
        "Ipv6AllowedForDualStack bool",
    )

    subnet_ids: Sequence[str] | None = None
    security_group_ids: Sequence[str] | None = None
    ipv6_allowed_for_dual_stack: bool | None = None


class VpcConfigResponse(_Structure):
    """The structure VpcConfigResponse.

    https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfigResponse.html
    """

    _members = (
        "SubnetIds [str]",
        "SecurityGroupIds [str]",
        "VpcId str",
        "Ipv6AllowedForDualStack bool",
    )

    subnet_ids: Sequence[str] | None = None
    security_group_ids: Sequence[str] | None = None
    vpc_id: str | None = None
    ipv6_allowed_for_dual_stack: bool | None = None


class WaitCancelledDetails(_Structure):
    """The structure WaitCancelledDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_WaitCancelledDetails.html
    """

    _members = ("Error EventError",)

    error: EventError | None = None


class WaitDetails(_Structure):
    """The structure WaitDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_WaitDetails.html
    """

    _members = ("ScheduledEndTimestamp time",)

    scheduled_end_timestamp: dt.datetime | None = None


class WaitOptions(_Structure):
    """The structure WaitOptions.

    https://docs.aws.amazon.com/lambda/latest/api/API_WaitOptions.html
    """

    _members = ("WaitSeconds int",)

    wait_seconds: int | None = None
    """1 to 31,622,400."""


class WaitStartedDetails(_Structure):
    """The structure WaitStartedDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_WaitStartedDetails.html
    """

    _members = (
        "Duration int required",
        "ScheduledEndTimestamp time required",
    )

    duration: int
    """At least 0."""
    scheduled_end_timestamp: dt.datetime


class WaitSucceededDetails(_Structure):
    """The structure WaitSucceededDetails.

    https://docs.aws.amazon.com/lambda/latest/api/API_WaitSucceededDetails.html
    """

    _members = ("Duration int",)

    duration: int | None = None
    """At least 0."""
