"""The commands that manage functions. Written by tools/operations.py from botocore 1.44.8: do not edit.

Owns their members, and where each is sent. Must not know how a command is sent.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from ..api_operation import ApiOperation, OperationCommand, OperationInput, OperationOutput, PagedCommand
from . import structures
from .structures import (
    AcceleratorConfig,
    AccountLimit,
    AccountUsage,
    AliasConfiguration,
    AliasRoutingConfiguration,
    AllowedPublishers,
    AmazonManagedKafkaEventSourceConfig,
    CapacityProvider,
    CapacityProviderConfig,
    CapacityProviderPermissionsConfig,
    CapacityProviderScalingConfig,
    CapacityProviderTelemetryConfig,
    CapacityProviderVpcConfig,
    CheckpointUpdatedExecutionState,
    CodeSigningConfig,
    CodeSigningPolicies,
    Concurrency,
    Cors,
    DeadLetterConfig,
    DestinationConfig,
    DocumentDBEventSourceConfig,
    DurableConfig,
    Environment,
    EphemeralStorage,
    ErrorObject,
    Event,
    EventSourceMappingConfiguration,
    EventSourceMappingLoggingConfig,
    EventSourceMappingMetricsConfig,
    Execution,
    FileSystemConfig,
    FilterCriteria,
    FunctionCode,
    FunctionCodeLocation,
    FunctionConfiguration,
    FunctionEventInvokeConfig,
    FunctionRuntimeConfig,
    FunctionScalingConfig,
    FunctionUrlConfig,
    FunctionVersionsByCapacityProviderListItem,
    ImageConfig,
    InstanceRequirements,
    LayersListItem,
    LayerVersionContentInput,
    LayerVersionContentOutput,
    LayerVersionsListItem,
    LoggingConfig,
    Operation,
    OperationUpdate,
    PauseDetails,
    PropagateTags,
    ProvisionedConcurrencyConfigListItem,
    ProvisionedPollerConfig,
    ScalingConfig,
    SelfManagedEventSource,
    SelfManagedKafkaEventSourceConfig,
    SnapStart,
    SourceAccessConfiguration,
    TagsError,
    TenancyConfig,
    TraceHeader,
    TracingConfig,
    VpcConfig,
)

__all__ = [
    "AddLayerVersionPermissionCommand",
    "AddLayerVersionPermissionCommandInput",
    "AddLayerVersionPermissionCommandOutput",
    "AddPermissionCommand",
    "AddPermissionCommandInput",
    "AddPermissionCommandOutput",
    "CheckpointDurableExecutionCommand",
    "CheckpointDurableExecutionCommandInput",
    "CheckpointDurableExecutionCommandOutput",
    "CreateAliasCommand",
    "CreateAliasCommandInput",
    "CreateAliasCommandOutput",
    "CreateCapacityProviderCommand",
    "CreateCapacityProviderCommandInput",
    "CreateCapacityProviderCommandOutput",
    "CreateCodeSigningConfigCommand",
    "CreateCodeSigningConfigCommandInput",
    "CreateCodeSigningConfigCommandOutput",
    "CreateEventSourceMappingCommand",
    "CreateEventSourceMappingCommandInput",
    "CreateEventSourceMappingCommandOutput",
    "CreateFunctionCommand",
    "CreateFunctionCommandInput",
    "CreateFunctionCommandOutput",
    "CreateFunctionUrlConfigCommand",
    "CreateFunctionUrlConfigCommandInput",
    "CreateFunctionUrlConfigCommandOutput",
    "DeleteAliasCommand",
    "DeleteAliasCommandInput",
    "DeleteAliasCommandOutput",
    "DeleteCapacityProviderCommand",
    "DeleteCapacityProviderCommandInput",
    "DeleteCapacityProviderCommandOutput",
    "DeleteCodeSigningConfigCommand",
    "DeleteCodeSigningConfigCommandInput",
    "DeleteCodeSigningConfigCommandOutput",
    "DeleteDurableExecutionCommand",
    "DeleteDurableExecutionCommandInput",
    "DeleteDurableExecutionCommandOutput",
    "DeleteEventSourceMappingCommand",
    "DeleteEventSourceMappingCommandInput",
    "DeleteEventSourceMappingCommandOutput",
    "DeleteFunctionCodeSigningConfigCommand",
    "DeleteFunctionCodeSigningConfigCommandInput",
    "DeleteFunctionCodeSigningConfigCommandOutput",
    "DeleteFunctionCommand",
    "DeleteFunctionCommandInput",
    "DeleteFunctionCommandOutput",
    "DeleteFunctionConcurrencyCommand",
    "DeleteFunctionConcurrencyCommandInput",
    "DeleteFunctionConcurrencyCommandOutput",
    "DeleteFunctionEventInvokeConfigCommand",
    "DeleteFunctionEventInvokeConfigCommandInput",
    "DeleteFunctionEventInvokeConfigCommandOutput",
    "DeleteFunctionUrlConfigCommand",
    "DeleteFunctionUrlConfigCommandInput",
    "DeleteFunctionUrlConfigCommandOutput",
    "DeleteLayerVersionCommand",
    "DeleteLayerVersionCommandInput",
    "DeleteLayerVersionCommandOutput",
    "DeleteProvisionedConcurrencyConfigCommand",
    "DeleteProvisionedConcurrencyConfigCommandInput",
    "DeleteProvisionedConcurrencyConfigCommandOutput",
    "DeleteResourcePolicyCommand",
    "DeleteResourcePolicyCommandInput",
    "DeleteResourcePolicyCommandOutput",
    "GetAccountSettingsCommand",
    "GetAccountSettingsCommandInput",
    "GetAccountSettingsCommandOutput",
    "GetAliasCommand",
    "GetAliasCommandInput",
    "GetAliasCommandOutput",
    "GetCapacityProviderCommand",
    "GetCapacityProviderCommandInput",
    "GetCapacityProviderCommandOutput",
    "GetCodeSigningConfigCommand",
    "GetCodeSigningConfigCommandInput",
    "GetCodeSigningConfigCommandOutput",
    "GetDurableExecutionCommand",
    "GetDurableExecutionCommandInput",
    "GetDurableExecutionCommandOutput",
    "GetDurableExecutionHistoryCommand",
    "GetDurableExecutionHistoryCommandInput",
    "GetDurableExecutionHistoryCommandOutput",
    "GetDurableExecutionStateCommand",
    "GetDurableExecutionStateCommandInput",
    "GetDurableExecutionStateCommandOutput",
    "GetEventSourceMappingCommand",
    "GetEventSourceMappingCommandInput",
    "GetEventSourceMappingCommandOutput",
    "GetFunctionCodeSigningConfigCommand",
    "GetFunctionCodeSigningConfigCommandInput",
    "GetFunctionCodeSigningConfigCommandOutput",
    "GetFunctionCommand",
    "GetFunctionCommandInput",
    "GetFunctionCommandOutput",
    "GetFunctionConcurrencyCommand",
    "GetFunctionConcurrencyCommandInput",
    "GetFunctionConcurrencyCommandOutput",
    "GetFunctionConfigurationCommand",
    "GetFunctionConfigurationCommandInput",
    "GetFunctionConfigurationCommandOutput",
    "GetFunctionEventInvokeConfigCommand",
    "GetFunctionEventInvokeConfigCommandInput",
    "GetFunctionEventInvokeConfigCommandOutput",
    "GetFunctionRecursionConfigCommand",
    "GetFunctionRecursionConfigCommandInput",
    "GetFunctionRecursionConfigCommandOutput",
    "GetFunctionScalingConfigCommand",
    "GetFunctionScalingConfigCommandInput",
    "GetFunctionScalingConfigCommandOutput",
    "GetFunctionUrlConfigCommand",
    "GetFunctionUrlConfigCommandInput",
    "GetFunctionUrlConfigCommandOutput",
    "GetLayerVersionByArnCommand",
    "GetLayerVersionByArnCommandInput",
    "GetLayerVersionByArnCommandOutput",
    "GetLayerVersionCommand",
    "GetLayerVersionCommandInput",
    "GetLayerVersionCommandOutput",
    "GetLayerVersionPolicyCommand",
    "GetLayerVersionPolicyCommandInput",
    "GetLayerVersionPolicyCommandOutput",
    "GetPolicyCommand",
    "GetPolicyCommandInput",
    "GetPolicyCommandOutput",
    "GetProvisionedConcurrencyConfigCommand",
    "GetProvisionedConcurrencyConfigCommandInput",
    "GetProvisionedConcurrencyConfigCommandOutput",
    "GetResourcePolicyCommand",
    "GetResourcePolicyCommandInput",
    "GetResourcePolicyCommandOutput",
    "GetRuntimeManagementConfigCommand",
    "GetRuntimeManagementConfigCommandInput",
    "GetRuntimeManagementConfigCommandOutput",
    "InvokeAsyncCommand",
    "InvokeAsyncCommandInput",
    "InvokeAsyncCommandOutput",
    "ListAliasesCommand",
    "ListAliasesCommandInput",
    "ListAliasesCommandOutput",
    "ListCapacityProvidersCommand",
    "ListCapacityProvidersCommandInput",
    "ListCapacityProvidersCommandOutput",
    "ListCodeSigningConfigsCommand",
    "ListCodeSigningConfigsCommandInput",
    "ListCodeSigningConfigsCommandOutput",
    "ListDurableExecutionsByFunctionCommand",
    "ListDurableExecutionsByFunctionCommandInput",
    "ListDurableExecutionsByFunctionCommandOutput",
    "ListEventSourceMappingsCommand",
    "ListEventSourceMappingsCommandInput",
    "ListEventSourceMappingsCommandOutput",
    "ListFunctionEventInvokeConfigsCommand",
    "ListFunctionEventInvokeConfigsCommandInput",
    "ListFunctionEventInvokeConfigsCommandOutput",
    "ListFunctionUrlConfigsCommand",
    "ListFunctionUrlConfigsCommandInput",
    "ListFunctionUrlConfigsCommandOutput",
    "ListFunctionVersionsByCapacityProviderCommand",
    "ListFunctionVersionsByCapacityProviderCommandInput",
    "ListFunctionVersionsByCapacityProviderCommandOutput",
    "ListFunctionsByCodeSigningConfigCommand",
    "ListFunctionsByCodeSigningConfigCommandInput",
    "ListFunctionsByCodeSigningConfigCommandOutput",
    "ListFunctionsCommand",
    "ListFunctionsCommandInput",
    "ListFunctionsCommandOutput",
    "ListLayerVersionsCommand",
    "ListLayerVersionsCommandInput",
    "ListLayerVersionsCommandOutput",
    "ListLayersCommand",
    "ListLayersCommandInput",
    "ListLayersCommandOutput",
    "ListProvisionedConcurrencyConfigsCommand",
    "ListProvisionedConcurrencyConfigsCommandInput",
    "ListProvisionedConcurrencyConfigsCommandOutput",
    "ListTagsCommand",
    "ListTagsCommandInput",
    "ListTagsCommandOutput",
    "ListVersionsByFunctionCommand",
    "ListVersionsByFunctionCommandInput",
    "ListVersionsByFunctionCommandOutput",
    "PauseDurableExecutionCommand",
    "PauseDurableExecutionCommandInput",
    "PauseDurableExecutionCommandOutput",
    "PublishLayerVersionCommand",
    "PublishLayerVersionCommandInput",
    "PublishLayerVersionCommandOutput",
    "PublishVersionCommand",
    "PublishVersionCommandInput",
    "PublishVersionCommandOutput",
    "PutFunctionCodeSigningConfigCommand",
    "PutFunctionCodeSigningConfigCommandInput",
    "PutFunctionCodeSigningConfigCommandOutput",
    "PutFunctionConcurrencyCommand",
    "PutFunctionConcurrencyCommandInput",
    "PutFunctionConcurrencyCommandOutput",
    "PutFunctionEventInvokeConfigCommand",
    "PutFunctionEventInvokeConfigCommandInput",
    "PutFunctionEventInvokeConfigCommandOutput",
    "PutFunctionRecursionConfigCommand",
    "PutFunctionRecursionConfigCommandInput",
    "PutFunctionRecursionConfigCommandOutput",
    "PutFunctionScalingConfigCommand",
    "PutFunctionScalingConfigCommandInput",
    "PutFunctionScalingConfigCommandOutput",
    "PutProvisionedConcurrencyConfigCommand",
    "PutProvisionedConcurrencyConfigCommandInput",
    "PutProvisionedConcurrencyConfigCommandOutput",
    "PutResourcePolicyCommand",
    "PutResourcePolicyCommandInput",
    "PutResourcePolicyCommandOutput",
    "PutRuntimeManagementConfigCommand",
    "PutRuntimeManagementConfigCommandInput",
    "PutRuntimeManagementConfigCommandOutput",
    "RemoveLayerVersionPermissionCommand",
    "RemoveLayerVersionPermissionCommandInput",
    "RemoveLayerVersionPermissionCommandOutput",
    "RemovePermissionCommand",
    "RemovePermissionCommandInput",
    "RemovePermissionCommandOutput",
    "ResumeDurableExecutionCommand",
    "ResumeDurableExecutionCommandInput",
    "ResumeDurableExecutionCommandOutput",
    "SendDurableExecutionCallbackFailureCommand",
    "SendDurableExecutionCallbackFailureCommandInput",
    "SendDurableExecutionCallbackFailureCommandOutput",
    "SendDurableExecutionCallbackHeartbeatCommand",
    "SendDurableExecutionCallbackHeartbeatCommandInput",
    "SendDurableExecutionCallbackHeartbeatCommandOutput",
    "SendDurableExecutionCallbackSuccessCommand",
    "SendDurableExecutionCallbackSuccessCommandInput",
    "SendDurableExecutionCallbackSuccessCommandOutput",
    "StopDurableExecutionCommand",
    "StopDurableExecutionCommandInput",
    "StopDurableExecutionCommandOutput",
    "TagResourceCommand",
    "TagResourceCommandInput",
    "TagResourceCommandOutput",
    "UntagResourceCommand",
    "UntagResourceCommandInput",
    "UntagResourceCommandOutput",
    "UpdateAliasCommand",
    "UpdateAliasCommandInput",
    "UpdateAliasCommandOutput",
    "UpdateCapacityProviderCommand",
    "UpdateCapacityProviderCommandInput",
    "UpdateCapacityProviderCommandOutput",
    "UpdateCodeSigningConfigCommand",
    "UpdateCodeSigningConfigCommandInput",
    "UpdateCodeSigningConfigCommandOutput",
    "UpdateEventSourceMappingCommand",
    "UpdateEventSourceMappingCommandInput",
    "UpdateEventSourceMappingCommandOutput",
    "UpdateFunctionCodeCommand",
    "UpdateFunctionCodeCommandInput",
    "UpdateFunctionCodeCommandOutput",
    "UpdateFunctionConfigurationCommand",
    "UpdateFunctionConfigurationCommandInput",
    "UpdateFunctionConfigurationCommandOutput",
    "UpdateFunctionEventInvokeConfigCommand",
    "UpdateFunctionEventInvokeConfigCommandInput",
    "UpdateFunctionEventInvokeConfigCommandOutput",
    "UpdateFunctionUrlConfigCommand",
    "UpdateFunctionUrlConfigCommandInput",
    "UpdateFunctionUrlConfigCommandOutput",
]


class _Input(OperationInput):
    @classmethod
    def _scope(cls) -> Mapping[str, object]:
        return vars(structures)


class _Output(OperationOutput):
    @classmethod
    def _scope(cls) -> Mapping[str, object]:
        return vars(structures)


class AddLayerVersionPermissionCommandInput(_Input):
    """The input of AddLayerVersionPermission."""

    _members = (
        "LayerName str required uri",
        "VersionNumber int required uri",
        "StatementId str required",
        "Action str required",
        "Principal str required",
        "OrganizationId str",
        "RevisionId str query",
    )

    layer_name: str
    version_number: int
    statement_id: str
    action: str
    principal: str
    organization_id: str | None = None
    revision_id: str | None = None


class AddLayerVersionPermissionCommandOutput(_Output):
    """The output of AddLayerVersionPermission."""

    _members = (
        "Statement str",
        "RevisionId str",
    )

    statement: str | None = None
    revision_id: str | None = None


class AddLayerVersionPermissionCommand(
    OperationCommand[AddLayerVersionPermissionCommandInput, AddLayerVersionPermissionCommandOutput]
):
    """AddLayerVersionPermission is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_AddLayerVersionPermission.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "AddLayerVersionPermission",
        "POST /2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy",
        AddLayerVersionPermissionCommandInput,
        AddLayerVersionPermissionCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: AddLayerVersionPermissionCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            layer_name: str,
            version_number: int,
            statement_id: str,
            action: str,
            principal: str,
            organization_id: str | None = None,
            revision_id: str | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class AddPermissionCommandInput(_Input):
    """The input of AddPermission."""

    _members = (
        "FunctionName str required uri",
        "StatementId str required",
        "Action str required",
        "Principal str required",
        "SourceArn str",
        "FunctionUrlAuthType str",
        "InvokedViaFunctionUrl bool",
        "SourceAccount str",
        "EventSourceToken str sensitive",
        "Qualifier str query",
        "RevisionId str",
        "PrincipalOrgID str",
    )

    function_name: str
    statement_id: str
    action: str
    principal: str
    source_arn: str | None = None
    function_url_auth_type: str | None = None
    """`NONE` or `AWS_IAM`."""
    invoked_via_function_url: bool | None = None
    source_account: str | None = None
    event_source_token: str | None = None
    qualifier: str | None = None
    revision_id: str | None = None
    principal_org_id: str | None = None


class AddPermissionCommandOutput(_Output):
    """The output of AddPermission."""

    _members = ("Statement str",)

    statement: str | None = None


class AddPermissionCommand(OperationCommand[AddPermissionCommandInput, AddPermissionCommandOutput]):
    """AddPermission is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "AddPermission",
        "POST /2015-03-31/functions/{FunctionName}/policy",
        AddPermissionCommandInput,
        AddPermissionCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: AddPermissionCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            function_name: str,
            statement_id: str,
            action: str,
            principal: str,
            source_arn: str | None = None,
            function_url_auth_type: str | None = None,
            invoked_via_function_url: bool | None = None,
            source_account: str | None = None,
            event_source_token: str | None = None,
            qualifier: str | None = None,
            revision_id: str | None = None,
            principal_org_id: str | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class CheckpointDurableExecutionCommandInput(_Input):
    """The input of CheckpointDurableExecution."""

    _members = (
        "DurableExecutionArn str required uri",
        "CheckpointToken str required sensitive",
        "Updates [OperationUpdate]",
        "ClientToken str token",
    )

    durable_execution_arn: str
    checkpoint_token: str
    updates: Sequence[OperationUpdate] | None = None
    client_token: str | None = None


class CheckpointDurableExecutionCommandOutput(_Output):
    """The output of CheckpointDurableExecution."""

    _members = (
        "CheckpointToken str sensitive",
        "NewExecutionState CheckpointUpdatedExecutionState required",
    )

    new_execution_state: CheckpointUpdatedExecutionState
    checkpoint_token: str | None = None


class CheckpointDurableExecutionCommand(
    OperationCommand[CheckpointDurableExecutionCommandInput, CheckpointDurableExecutionCommandOutput]
):
    """CheckpointDurableExecution is repeated, because a repeat does no harm.

    https://docs.aws.amazon.com/lambda/latest/api/API_CheckpointDurableExecution.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "CheckpointDurableExecution",
        "POST /2025-12-01/durable-executions/{DurableExecutionArn}/checkpoint",
        CheckpointDurableExecutionCommandInput,
        CheckpointDurableExecutionCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: CheckpointDurableExecutionCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            durable_execution_arn: str,
            checkpoint_token: str,
            updates: Sequence[OperationUpdate] | None = None,
            client_token: str | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class CreateAliasCommandInput(_Input):
    """The input of CreateAlias."""

    _members = (
        "FunctionName str required uri",
        "Name str required",
        "FunctionVersion str required",
        "Description str",
        "RoutingConfig AliasRoutingConfiguration",
    )

    function_name: str
    name: str
    function_version: str
    description: str | None = None
    routing_config: AliasRoutingConfiguration | None = None


class CreateAliasCommandOutput(_Output, structures.AliasConfiguration):
    """The output of CreateAlias."""


class CreateAliasCommand(OperationCommand[CreateAliasCommandInput, CreateAliasCommandOutput]):
    """CreateAlias is repeated, because a repeat does no harm.

    https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "CreateAlias",
        "POST /2015-03-31/functions/{FunctionName}/aliases",
        CreateAliasCommandInput,
        CreateAliasCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: CreateAliasCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            function_name: str,
            name: str,
            function_version: str,
            description: str | None = None,
            routing_config: AliasRoutingConfiguration | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class CreateCapacityProviderCommandInput(_Input):
    """The input of CreateCapacityProvider."""

    _members = (
        "CapacityProviderName str required",
        "VpcConfig CapacityProviderVpcConfig required",
        "PermissionsConfig CapacityProviderPermissionsConfig required",
        "InstanceRequirements InstanceRequirements",
        "CapacityProviderScalingConfig CapacityProviderScalingConfig",
        "KmsKeyArn str",
        "Tags {str}",
        "PropagateTags PropagateTags",
        "TelemetryConfig CapacityProviderTelemetryConfig",
    )

    capacity_provider_name: str
    vpc_config: CapacityProviderVpcConfig
    permissions_config: CapacityProviderPermissionsConfig
    instance_requirements: InstanceRequirements | None = None
    capacity_provider_scaling_config: CapacityProviderScalingConfig | None = None
    kms_key_arn: str | None = None
    tags: Mapping[str, str] | None = None
    propagate_tags: PropagateTags | None = None
    telemetry_config: CapacityProviderTelemetryConfig | None = None


class CreateCapacityProviderCommandOutput(_Output):
    """The output of CreateCapacityProvider."""

    _members = ("CapacityProvider CapacityProvider required",)

    capacity_provider: CapacityProvider


class CreateCapacityProviderCommand(OperationCommand[CreateCapacityProviderCommandInput, CreateCapacityProviderCommandOutput]):
    """CreateCapacityProvider is repeated, because a repeat does no harm.

    https://docs.aws.amazon.com/lambda/latest/api/API_CreateCapacityProvider.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "CreateCapacityProvider",
        "POST /2025-11-30/capacity-providers",
        CreateCapacityProviderCommandInput,
        CreateCapacityProviderCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: CreateCapacityProviderCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            capacity_provider_name: str,
            vpc_config: CapacityProviderVpcConfig,
            permissions_config: CapacityProviderPermissionsConfig,
            instance_requirements: InstanceRequirements | None = None,
            capacity_provider_scaling_config: CapacityProviderScalingConfig | None = None,
            kms_key_arn: str | None = None,
            tags: Mapping[str, str] | None = None,
            propagate_tags: PropagateTags | None = None,
            telemetry_config: CapacityProviderTelemetryConfig | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class CreateCodeSigningConfigCommandInput(_Input):
    """The input of CreateCodeSigningConfig."""

    _members = (
        "Description str",
        "AllowedPublishers AllowedPublishers required",
        "CodeSigningPolicies CodeSigningPolicies",
        "Tags {str}",
    )

    allowed_publishers: AllowedPublishers
    description: str | None = None
    code_signing_policies: CodeSigningPolicies | None = None
    tags: Mapping[str, str] | None = None


class CreateCodeSigningConfigCommandOutput(_Output):
    """The output of CreateCodeSigningConfig."""

    _members = ("CodeSigningConfig CodeSigningConfig required",)

    code_signing_config: CodeSigningConfig


class CreateCodeSigningConfigCommand(
    OperationCommand[CreateCodeSigningConfigCommandInput, CreateCodeSigningConfigCommandOutput]
):
    """CreateCodeSigningConfig is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_CreateCodeSigningConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "CreateCodeSigningConfig",
        "POST /2020-04-22/code-signing-configs",
        CreateCodeSigningConfigCommandInput,
        CreateCodeSigningConfigCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: CreateCodeSigningConfigCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            allowed_publishers: AllowedPublishers,
            description: str | None = None,
            code_signing_policies: CodeSigningPolicies | None = None,
            tags: Mapping[str, str] | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class CreateEventSourceMappingCommandInput(_Input):
    """The input of CreateEventSourceMapping."""

    _members = (
        "EventSourceArn str",
        "FunctionName str required",
        "Enabled bool",
        "BatchSize int",
        "FilterCriteria FilterCriteria",
        "KMSKeyArn str",
        "MetricsConfig EventSourceMappingMetricsConfig",
        "LoggingConfig EventSourceMappingLoggingConfig",
        "ScalingConfig ScalingConfig",
        "MaximumBatchingWindowInSeconds int",
        "ParallelizationFactor int",
        "StartingPosition str",
        "StartingPositionTimestamp time",
        "DestinationConfig DestinationConfig",
        "MaximumRecordAgeInSeconds int",
        "BisectBatchOnFunctionError bool",
        "MaximumRetryAttempts int",
        "Tags {str}",
        "TumblingWindowInSeconds int",
        "Topics [str]",
        "Queues [str]",
        "SourceAccessConfigurations [SourceAccessConfiguration]",
        "SelfManagedEventSource SelfManagedEventSource",
        "FunctionResponseTypes [str]",
        "AmazonManagedKafkaEventSourceConfig AmazonManagedKafkaEventSourceConfig",
        "SelfManagedKafkaEventSourceConfig SelfManagedKafkaEventSourceConfig",
        "DocumentDBEventSourceConfig DocumentDBEventSourceConfig",
        "ProvisionedPollerConfig ProvisionedPollerConfig",
    )

    function_name: str
    event_source_arn: str | None = None
    enabled: bool | None = None
    batch_size: int | None = None
    """1 to 10,000."""
    filter_criteria: FilterCriteria | None = None
    kms_key_arn: str | None = None
    metrics_config: EventSourceMappingMetricsConfig | None = None
    logging_config: EventSourceMappingLoggingConfig | None = None
    scaling_config: ScalingConfig | None = None
    maximum_batching_window_in_seconds: int | None = None
    """0 to 300."""
    parallelization_factor: int | None = None
    """1 to 10."""
    starting_position: str | None = None
    """`TRIM_HORIZON`, `LATEST` or `AT_TIMESTAMP`."""
    starting_position_timestamp: dt.datetime | None = None
    destination_config: DestinationConfig | None = None
    maximum_record_age_in_seconds: int | None = None
    """-1 to 604,800."""
    bisect_batch_on_function_error: bool | None = None
    maximum_retry_attempts: int | None = None
    """-1 to 10,000."""
    tags: Mapping[str, str] | None = None
    tumbling_window_in_seconds: int | None = None
    """0 to 900."""
    topics: Sequence[str] | None = None
    queues: Sequence[str] | None = None
    source_access_configurations: Sequence[SourceAccessConfiguration] | None = None
    self_managed_event_source: SelfManagedEventSource | None = None
    function_response_types: Sequence[str] | None = None
    """`ReportBatchItemFailures`."""
    amazon_managed_kafka_event_source_config: AmazonManagedKafkaEventSourceConfig | None = None
    self_managed_kafka_event_source_config: SelfManagedKafkaEventSourceConfig | None = None
    document_db_event_source_config: DocumentDBEventSourceConfig | None = None
    provisioned_poller_config: ProvisionedPollerConfig | None = None


class CreateEventSourceMappingCommandOutput(_Output, structures.EventSourceMappingConfiguration):
    """The output of CreateEventSourceMapping."""


class CreateEventSourceMappingCommand(
    OperationCommand[CreateEventSourceMappingCommandInput, CreateEventSourceMappingCommandOutput]
):
    """CreateEventSourceMapping is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "CreateEventSourceMapping",
        "POST /2015-03-31/event-source-mappings",
        CreateEventSourceMappingCommandInput,
        CreateEventSourceMappingCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: CreateEventSourceMappingCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            function_name: str,
            event_source_arn: str | None = None,
            enabled: bool | None = None,
            batch_size: int | None = None,
            filter_criteria: FilterCriteria | None = None,
            kms_key_arn: str | None = None,
            metrics_config: EventSourceMappingMetricsConfig | None = None,
            logging_config: EventSourceMappingLoggingConfig | None = None,
            scaling_config: ScalingConfig | None = None,
            maximum_batching_window_in_seconds: int | None = None,
            parallelization_factor: int | None = None,
            starting_position: str | None = None,
            starting_position_timestamp: dt.datetime | None = None,
            destination_config: DestinationConfig | None = None,
            maximum_record_age_in_seconds: int | None = None,
            bisect_batch_on_function_error: bool | None = None,
            maximum_retry_attempts: int | None = None,
            tags: Mapping[str, str] | None = None,
            tumbling_window_in_seconds: int | None = None,
            topics: Sequence[str] | None = None,
            queues: Sequence[str] | None = None,
            source_access_configurations: Sequence[SourceAccessConfiguration] | None = None,
            self_managed_event_source: SelfManagedEventSource | None = None,
            function_response_types: Sequence[str] | None = None,
            amazon_managed_kafka_event_source_config: AmazonManagedKafkaEventSourceConfig | None = None,
            self_managed_kafka_event_source_config: SelfManagedKafkaEventSourceConfig | None = None,
            document_db_event_source_config: DocumentDBEventSourceConfig | None = None,
            provisioned_poller_config: ProvisionedPollerConfig | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class CreateFunctionCommandInput(_Input):
    """The input of CreateFunction."""

    _members = (
        "FunctionName str required",
        "Runtime str",
        "Role str required",
        "Handler str",
        "Code FunctionCode required",
        "Description str",
        "Timeout int",
        "MemorySize int",
        "Publish bool",
        "PublishTo str",
        "VpcConfig VpcConfig",
        "PackageType str",
        "DeadLetterConfig DeadLetterConfig",
        "Environment Environment",
        "KMSKeyArn str",
        "TracingConfig TracingConfig",
        "Tags {str}",
        "Layers [str]",
        "FileSystemConfigs [FileSystemConfig]",
        "CodeSigningConfigArn str",
        "ImageConfig ImageConfig",
        "Architectures [str]",
        "EphemeralStorage EphemeralStorage",
        "SnapStart SnapStart",
        "LoggingConfig LoggingConfig",
        "TenancyConfig TenancyConfig",
        "CapacityProviderConfig CapacityProviderConfig",
        "DurableConfig DurableConfig",
        "RuntimeConfig FunctionRuntimeConfig",
        "AcceleratorConfig AcceleratorConfig",
    )

    function_name: str
    role: str
    code: FunctionCode
    runtime: str | None = None
    """`nodejs`, `nodejs4.3`, `nodejs6.10`, `nodejs8.10`, `nodejs10.x`, `nodejs12.x`, `nodejs14.x`, `nodejs16.x`,
    `nodejs18.x`, `nodejs20.x`, `nodejs22.x`, `nodejs24.x`, `java8`, `java8.al2`, `java11`, `java17`, `java21`, `java25`,
    `python2.7`, `python3.6`, `python3.7`, `python3.8`, `python3.9`, `python3.10`, `python3.11`, `python3.12`, `python3.13`,
    `python3.14`, `dotnetcore1.0`, `dotnetcore2.0`, `dotnetcore2.1`, `dotnetcore3.1`, `dotnet6`, `dotnet8`, `dotnet10`,
    `nodejs4.3-edge`, `go1.x`, `ruby2.5`, `ruby2.7`, `ruby3.2`, `ruby3.3`, `ruby3.4`, `ruby4.0`, `provided`, `provided.al2`,
    `provided.al2023`, `nodejs26.x`, `python3.15`, `java8.al2023`, `java11.al2023`, `java17.al2023` or `custom`."""
    handler: str | None = None
    description: str | None = None
    timeout: int | None = None
    """1 to 5,400."""
    memory_size: int | None = None
    """128 to 32,768."""
    publish: bool | None = None
    publish_to: str | None = None
    """`LATEST_PUBLISHED`."""
    vpc_config: VpcConfig | None = None
    package_type: str | None = None
    """`Zip` or `Image`."""
    dead_letter_config: DeadLetterConfig | None = None
    environment: Environment | None = None
    kms_key_arn: str | None = None
    tracing_config: TracingConfig | None = None
    tags: Mapping[str, str] | None = None
    layers: Sequence[str] | None = None
    file_system_configs: Sequence[FileSystemConfig] | None = None
    code_signing_config_arn: str | None = None
    image_config: ImageConfig | None = None
    architectures: Sequence[str] | None = None
    """`x86_64` or `arm64`."""
    ephemeral_storage: EphemeralStorage | None = None
    snap_start: SnapStart | None = None
    logging_config: LoggingConfig | None = None
    tenancy_config: TenancyConfig | None = None
    capacity_provider_config: CapacityProviderConfig | None = None
    durable_config: DurableConfig | None = None
    runtime_config: FunctionRuntimeConfig | None = None
    accelerator_config: AcceleratorConfig | None = None


class CreateFunctionCommandOutput(_Output, structures.FunctionConfiguration):
    """The output of CreateFunction."""


class CreateFunctionCommand(OperationCommand[CreateFunctionCommandInput, CreateFunctionCommandOutput]):
    """CreateFunction is repeated, because a repeat does no harm.

    https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "CreateFunction", "POST /2015-03-31/functions", CreateFunctionCommandInput, CreateFunctionCommandOutput, idempotent=True
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: CreateFunctionCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            function_name: str,
            role: str,
            code: FunctionCode,
            runtime: str | None = None,
            handler: str | None = None,
            description: str | None = None,
            timeout: int | None = None,
            memory_size: int | None = None,
            publish: bool | None = None,
            publish_to: str | None = None,
            vpc_config: VpcConfig | None = None,
            package_type: str | None = None,
            dead_letter_config: DeadLetterConfig | None = None,
            environment: Environment | None = None,
            kms_key_arn: str | None = None,
            tracing_config: TracingConfig | None = None,
            tags: Mapping[str, str] | None = None,
            layers: Sequence[str] | None = None,
            file_system_configs: Sequence[FileSystemConfig] | None = None,
            code_signing_config_arn: str | None = None,
            image_config: ImageConfig | None = None,
            architectures: Sequence[str] | None = None,
            ephemeral_storage: EphemeralStorage | None = None,
            snap_start: SnapStart | None = None,
            logging_config: LoggingConfig | None = None,
            tenancy_config: TenancyConfig | None = None,
            capacity_provider_config: CapacityProviderConfig | None = None,
            durable_config: DurableConfig | None = None,
            runtime_config: FunctionRuntimeConfig | None = None,
            accelerator_config: AcceleratorConfig | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class CreateFunctionUrlConfigCommandInput(_Input):
    """The input of CreateFunctionUrlConfig."""

    _members = (
        "FunctionName str required uri",
        "Qualifier str query",
        "AuthType str required",
        "Cors Cors",
        "InvokeMode str",
    )

    function_name: str
    auth_type: str
    """`NONE` or `AWS_IAM`."""
    qualifier: str | None = None
    cors: Cors | None = None
    invoke_mode: str | None = None
    """`BUFFERED` or `RESPONSE_STREAM`."""


class CreateFunctionUrlConfigCommandOutput(_Output):
    """The output of CreateFunctionUrlConfig."""

    _members = (
        "FunctionUrl str required",
        "FunctionArn str required",
        "AuthType str required",
        "Cors Cors",
        "CreationTime str required",
        "InvokeMode str",
    )

    function_url: str
    function_arn: str
    auth_type: str
    """`NONE` or `AWS_IAM`."""
    creation_time: str
    cors: Cors | None = None
    invoke_mode: str | None = None
    """`BUFFERED` or `RESPONSE_STREAM`."""


class CreateFunctionUrlConfigCommand(
    OperationCommand[CreateFunctionUrlConfigCommandInput, CreateFunctionUrlConfigCommandOutput]
):
    """CreateFunctionUrlConfig is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunctionUrlConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "CreateFunctionUrlConfig",
        "POST /2021-10-31/functions/{FunctionName}/url",
        CreateFunctionUrlConfigCommandInput,
        CreateFunctionUrlConfigCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: CreateFunctionUrlConfigCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            function_name: str,
            auth_type: str,
            qualifier: str | None = None,
            cors: Cors | None = None,
            invoke_mode: str | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class DeleteAliasCommandInput(_Input):
    """The input of DeleteAlias."""

    _members = (
        "FunctionName str required uri",
        "Name str required uri",
    )

    function_name: str
    name: str


class DeleteAliasCommandOutput(_Output):
    """The output of DeleteAlias."""


class DeleteAliasCommand(OperationCommand[DeleteAliasCommandInput, DeleteAliasCommandOutput]):
    """DeleteAlias is repeated, because a repeat does no harm.

    https://docs.aws.amazon.com/lambda/latest/api/API_DeleteAlias.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "DeleteAlias",
        "DELETE /2015-03-31/functions/{FunctionName}/aliases/{Name}",
        DeleteAliasCommandInput,
        DeleteAliasCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: DeleteAliasCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, function_name: str, name: str, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class DeleteCapacityProviderCommandInput(_Input):
    """The input of DeleteCapacityProvider."""

    _members = ("CapacityProviderName str required uri",)

    capacity_provider_name: str


class DeleteCapacityProviderCommandOutput(_Output):
    """The output of DeleteCapacityProvider."""

    _members = ("CapacityProvider CapacityProvider required",)

    capacity_provider: CapacityProvider


class DeleteCapacityProviderCommand(OperationCommand[DeleteCapacityProviderCommandInput, DeleteCapacityProviderCommandOutput]):
    """DeleteCapacityProvider is repeated, because a repeat does no harm.

    https://docs.aws.amazon.com/lambda/latest/api/API_DeleteCapacityProvider.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "DeleteCapacityProvider",
        "DELETE /2025-11-30/capacity-providers/{CapacityProviderName}",
        DeleteCapacityProviderCommandInput,
        DeleteCapacityProviderCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: DeleteCapacityProviderCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, capacity_provider_name: str, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class DeleteCodeSigningConfigCommandInput(_Input):
    """The input of DeleteCodeSigningConfig."""

    _members = ("CodeSigningConfigArn str required uri",)

    code_signing_config_arn: str


class DeleteCodeSigningConfigCommandOutput(_Output):
    """The output of DeleteCodeSigningConfig."""


class DeleteCodeSigningConfigCommand(
    OperationCommand[DeleteCodeSigningConfigCommandInput, DeleteCodeSigningConfigCommandOutput]
):
    """DeleteCodeSigningConfig is repeated, because a repeat does no harm.

    https://docs.aws.amazon.com/lambda/latest/api/API_DeleteCodeSigningConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "DeleteCodeSigningConfig",
        "DELETE /2020-04-22/code-signing-configs/{CodeSigningConfigArn}",
        DeleteCodeSigningConfigCommandInput,
        DeleteCodeSigningConfigCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: DeleteCodeSigningConfigCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, code_signing_config_arn: str, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class DeleteDurableExecutionCommandInput(_Input):
    """The input of DeleteDurableExecution."""

    _members = ("DurableExecutionArn str required uri",)

    durable_execution_arn: str


class DeleteDurableExecutionCommandOutput(_Output):
    """The output of DeleteDurableExecution."""

    _members = ("DeletionRequestTimestamp time required",)

    deletion_request_timestamp: dt.datetime


class DeleteDurableExecutionCommand(OperationCommand[DeleteDurableExecutionCommandInput, DeleteDurableExecutionCommandOutput]):
    """DeleteDurableExecution is repeated, because a repeat does no harm.

    https://docs.aws.amazon.com/lambda/latest/api/API_DeleteDurableExecution.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "DeleteDurableExecution",
        "DELETE /2025-12-01/durable-executions/{DurableExecutionArn}",
        DeleteDurableExecutionCommandInput,
        DeleteDurableExecutionCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: DeleteDurableExecutionCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, durable_execution_arn: str, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class DeleteEventSourceMappingCommandInput(_Input):
    """The input of DeleteEventSourceMapping."""

    _members = ("UUID str required uri",)

    uuid: str


class DeleteEventSourceMappingCommandOutput(_Output, structures.EventSourceMappingConfiguration):
    """The output of DeleteEventSourceMapping."""


class DeleteEventSourceMappingCommand(
    OperationCommand[DeleteEventSourceMappingCommandInput, DeleteEventSourceMappingCommandOutput]
):
    """DeleteEventSourceMapping is repeated, because a repeat does no harm.

    https://docs.aws.amazon.com/lambda/latest/api/API_DeleteEventSourceMapping.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "DeleteEventSourceMapping",
        "DELETE /2015-03-31/event-source-mappings/{UUID}",
        DeleteEventSourceMappingCommandInput,
        DeleteEventSourceMappingCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: DeleteEventSourceMappingCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, uuid: str, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class DeleteFunctionCommandInput(_Input):
    """The input of DeleteFunction."""

    _members = (
        "FunctionName str required uri",
        "Qualifier str query",
    )

    function_name: str
    qualifier: str | None = None


class DeleteFunctionCommandOutput(_Output):
    """The output of DeleteFunction."""

    _members = ("StatusCode int status",)

    status_code: int | None = None


class DeleteFunctionCommand(OperationCommand[DeleteFunctionCommandInput, DeleteFunctionCommandOutput]):
    """DeleteFunction is repeated, because a repeat does no harm.

    https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "DeleteFunction",
        "DELETE /2015-03-31/functions/{FunctionName}",
        DeleteFunctionCommandInput,
        DeleteFunctionCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: DeleteFunctionCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, function_name: str, qualifier: str | None = None, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class DeleteFunctionCodeSigningConfigCommandInput(_Input):
    """The input of DeleteFunctionCodeSigningConfig."""

    _members = ("FunctionName str required uri",)

    function_name: str


class DeleteFunctionCodeSigningConfigCommandOutput(_Output):
    """The output of DeleteFunctionCodeSigningConfig."""


class DeleteFunctionCodeSigningConfigCommand(
    OperationCommand[DeleteFunctionCodeSigningConfigCommandInput, DeleteFunctionCodeSigningConfigCommandOutput]
):
    """DeleteFunctionCodeSigningConfig is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunctionCodeSigningConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "DeleteFunctionCodeSigningConfig",
        "DELETE /2020-06-30/functions/{FunctionName}/code-signing-config",
        DeleteFunctionCodeSigningConfigCommandInput,
        DeleteFunctionCodeSigningConfigCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(
            self, input: DeleteFunctionCodeSigningConfigCommandInput, /, *, idempotent: bool | None = None
        ) -> None: ...
        @overload
        def __init__(self, *, function_name: str, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class DeleteFunctionConcurrencyCommandInput(_Input):
    """The input of DeleteFunctionConcurrency."""

    _members = ("FunctionName str required uri",)

    function_name: str


class DeleteFunctionConcurrencyCommandOutput(_Output):
    """The output of DeleteFunctionConcurrency."""


class DeleteFunctionConcurrencyCommand(
    OperationCommand[DeleteFunctionConcurrencyCommandInput, DeleteFunctionConcurrencyCommandOutput]
):
    """DeleteFunctionConcurrency is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunctionConcurrency.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "DeleteFunctionConcurrency",
        "DELETE /2017-10-31/functions/{FunctionName}/concurrency",
        DeleteFunctionConcurrencyCommandInput,
        DeleteFunctionConcurrencyCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: DeleteFunctionConcurrencyCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, function_name: str, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class DeleteFunctionEventInvokeConfigCommandInput(_Input):
    """The input of DeleteFunctionEventInvokeConfig."""

    _members = (
        "FunctionName str required uri",
        "Qualifier str query",
    )

    function_name: str
    qualifier: str | None = None


class DeleteFunctionEventInvokeConfigCommandOutput(_Output):
    """The output of DeleteFunctionEventInvokeConfig."""


class DeleteFunctionEventInvokeConfigCommand(
    OperationCommand[DeleteFunctionEventInvokeConfigCommandInput, DeleteFunctionEventInvokeConfigCommandOutput]
):
    """DeleteFunctionEventInvokeConfig is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunctionEventInvokeConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "DeleteFunctionEventInvokeConfig",
        "DELETE /2019-09-25/functions/{FunctionName}/event-invoke-config",
        DeleteFunctionEventInvokeConfigCommandInput,
        DeleteFunctionEventInvokeConfigCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(
            self, input: DeleteFunctionEventInvokeConfigCommandInput, /, *, idempotent: bool | None = None
        ) -> None: ...
        @overload
        def __init__(self, *, function_name: str, qualifier: str | None = None, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class DeleteFunctionUrlConfigCommandInput(_Input):
    """The input of DeleteFunctionUrlConfig."""

    _members = (
        "FunctionName str required uri",
        "Qualifier str query",
    )

    function_name: str
    qualifier: str | None = None


class DeleteFunctionUrlConfigCommandOutput(_Output):
    """The output of DeleteFunctionUrlConfig."""


class DeleteFunctionUrlConfigCommand(
    OperationCommand[DeleteFunctionUrlConfigCommandInput, DeleteFunctionUrlConfigCommandOutput]
):
    """DeleteFunctionUrlConfig is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunctionUrlConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "DeleteFunctionUrlConfig",
        "DELETE /2021-10-31/functions/{FunctionName}/url",
        DeleteFunctionUrlConfigCommandInput,
        DeleteFunctionUrlConfigCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: DeleteFunctionUrlConfigCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, function_name: str, qualifier: str | None = None, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class DeleteLayerVersionCommandInput(_Input):
    """The input of DeleteLayerVersion."""

    _members = (
        "LayerName str required uri",
        "VersionNumber int required uri",
    )

    layer_name: str
    version_number: int


class DeleteLayerVersionCommandOutput(_Output):
    """The output of DeleteLayerVersion."""


class DeleteLayerVersionCommand(OperationCommand[DeleteLayerVersionCommandInput, DeleteLayerVersionCommandOutput]):
    """DeleteLayerVersion is repeated, because a repeat does no harm.

    https://docs.aws.amazon.com/lambda/latest/api/API_DeleteLayerVersion.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "DeleteLayerVersion",
        "DELETE /2018-10-31/layers/{LayerName}/versions/{VersionNumber}",
        DeleteLayerVersionCommandInput,
        DeleteLayerVersionCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: DeleteLayerVersionCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, layer_name: str, version_number: int, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class DeleteProvisionedConcurrencyConfigCommandInput(_Input):
    """The input of DeleteProvisionedConcurrencyConfig."""

    _members = (
        "FunctionName str required uri",
        "Qualifier str required query",
    )

    function_name: str
    qualifier: str


class DeleteProvisionedConcurrencyConfigCommandOutput(_Output):
    """The output of DeleteProvisionedConcurrencyConfig."""


class DeleteProvisionedConcurrencyConfigCommand(
    OperationCommand[DeleteProvisionedConcurrencyConfigCommandInput, DeleteProvisionedConcurrencyConfigCommandOutput]
):
    """DeleteProvisionedConcurrencyConfig is repeated, because a repeat does no harm.

    https://docs.aws.amazon.com/lambda/latest/api/API_DeleteProvisionedConcurrencyConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "DeleteProvisionedConcurrencyConfig",
        "DELETE /2019-09-30/functions/{FunctionName}/provisioned-concurrency",
        DeleteProvisionedConcurrencyConfigCommandInput,
        DeleteProvisionedConcurrencyConfigCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(
            self, input: DeleteProvisionedConcurrencyConfigCommandInput, /, *, idempotent: bool | None = None
        ) -> None: ...
        @overload
        def __init__(self, *, function_name: str, qualifier: str, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class DeleteResourcePolicyCommandInput(_Input):
    """The input of DeleteResourcePolicy."""

    _members = (
        "ResourceArn str required uri",
        "RevisionId str query",
    )

    resource_arn: str
    revision_id: str | None = None


class DeleteResourcePolicyCommandOutput(_Output):
    """The output of DeleteResourcePolicy."""


class DeleteResourcePolicyCommand(OperationCommand[DeleteResourcePolicyCommandInput, DeleteResourcePolicyCommandOutput]):
    """DeleteResourcePolicy is repeated, because a repeat does no harm.

    https://docs.aws.amazon.com/lambda/latest/api/API_DeleteResourcePolicy.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "DeleteResourcePolicy",
        "DELETE /2026-07-09/resource-policy/{ResourceArn}",
        DeleteResourcePolicyCommandInput,
        DeleteResourcePolicyCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: DeleteResourcePolicyCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, resource_arn: str, revision_id: str | None = None, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class GetAccountSettingsCommandInput(_Input):
    """The input of GetAccountSettings."""


class GetAccountSettingsCommandOutput(_Output):
    """The output of GetAccountSettings."""

    _members = (
        "AccountLimit AccountLimit",
        "AccountUsage AccountUsage",
    )

    account_limit: AccountLimit | None = None
    account_usage: AccountUsage | None = None


class GetAccountSettingsCommand(OperationCommand[GetAccountSettingsCommandInput, GetAccountSettingsCommandOutput]):
    """GetAccountSettings reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetAccountSettings.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "GetAccountSettings",
        "GET /2016-08-19/account-settings",
        GetAccountSettingsCommandInput,
        GetAccountSettingsCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: GetAccountSettingsCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class GetAliasCommandInput(_Input):
    """The input of GetAlias."""

    _members = (
        "FunctionName str required uri",
        "Name str required uri",
    )

    function_name: str
    name: str


class GetAliasCommandOutput(_Output, structures.AliasConfiguration):
    """The output of GetAlias."""


class GetAliasCommand(OperationCommand[GetAliasCommandInput, GetAliasCommandOutput]):
    """GetAlias reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetAlias.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "GetAlias",
        "GET /2015-03-31/functions/{FunctionName}/aliases/{Name}",
        GetAliasCommandInput,
        GetAliasCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: GetAliasCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, function_name: str, name: str, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class GetCapacityProviderCommandInput(_Input):
    """The input of GetCapacityProvider."""

    _members = ("CapacityProviderName str required uri",)

    capacity_provider_name: str


class GetCapacityProviderCommandOutput(_Output):
    """The output of GetCapacityProvider."""

    _members = ("CapacityProvider CapacityProvider required",)

    capacity_provider: CapacityProvider


class GetCapacityProviderCommand(OperationCommand[GetCapacityProviderCommandInput, GetCapacityProviderCommandOutput]):
    """GetCapacityProvider reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetCapacityProvider.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "GetCapacityProvider",
        "GET /2025-11-30/capacity-providers/{CapacityProviderName}",
        GetCapacityProviderCommandInput,
        GetCapacityProviderCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: GetCapacityProviderCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, capacity_provider_name: str, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class GetCodeSigningConfigCommandInput(_Input):
    """The input of GetCodeSigningConfig."""

    _members = ("CodeSigningConfigArn str required uri",)

    code_signing_config_arn: str


class GetCodeSigningConfigCommandOutput(_Output):
    """The output of GetCodeSigningConfig."""

    _members = ("CodeSigningConfig CodeSigningConfig required",)

    code_signing_config: CodeSigningConfig


class GetCodeSigningConfigCommand(OperationCommand[GetCodeSigningConfigCommandInput, GetCodeSigningConfigCommandOutput]):
    """GetCodeSigningConfig reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetCodeSigningConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "GetCodeSigningConfig",
        "GET /2020-04-22/code-signing-configs/{CodeSigningConfigArn}",
        GetCodeSigningConfigCommandInput,
        GetCodeSigningConfigCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: GetCodeSigningConfigCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, code_signing_config_arn: str, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class GetDurableExecutionCommandInput(_Input):
    """The input of GetDurableExecution."""

    _members = (
        "DurableExecutionArn str required uri",
        "IncludeExecutionData bool query",
    )

    durable_execution_arn: str
    include_execution_data: bool | None = None


class GetDurableExecutionCommandOutput(_Output):
    """The output of GetDurableExecution."""

    _members = (
        "DurableExecutionArn str required",
        "DurableExecutionName str required",
        "FunctionArn str required",
        "InputPayload str sensitive",
        "Result str sensitive",
        "Error ErrorObject",
        "StartTimestamp time required",
        "Status str required",
        "EndTimestamp time",
        "Version str",
        "TraceHeader TraceHeader",
        "ExecutionDataIncluded bool",
        "DurableConfig DurableConfig",
        "PauseDetails PauseDetails",
        "ExpectedExecutionTimeoutTimestamp time",
    )

    durable_execution_arn: str
    durable_execution_name: str
    function_arn: str
    start_timestamp: dt.datetime
    status: str
    """`RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT`, `STOPPED`, `DELETING`, `PAUSING` or `PAUSED`."""
    input_payload: str | None = None
    result: str | None = None
    error: ErrorObject | None = None
    end_timestamp: dt.datetime | None = None
    version: str | None = None
    trace_header: TraceHeader | None = None
    execution_data_included: bool | None = None
    durable_config: DurableConfig | None = None
    pause_details: PauseDetails | None = None
    expected_execution_timeout_timestamp: dt.datetime | None = None


class GetDurableExecutionCommand(OperationCommand[GetDurableExecutionCommandInput, GetDurableExecutionCommandOutput]):
    """GetDurableExecution reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetDurableExecution.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "GetDurableExecution",
        "GET /2025-12-01/durable-executions/{DurableExecutionArn}",
        GetDurableExecutionCommandInput,
        GetDurableExecutionCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: GetDurableExecutionCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self, *, durable_execution_arn: str, include_execution_data: bool | None = None, idempotent: bool | None = None
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class GetDurableExecutionHistoryCommandInput(_Input):
    """The input of GetDurableExecutionHistory."""

    _members = (
        "DurableExecutionArn str required uri",
        "IncludeExecutionData bool query",
        "MaxItems int query",
        "Marker str query",
        "ReverseOrder bool query",
    )

    durable_execution_arn: str
    include_execution_data: bool | None = None
    max_items: int | None = None
    """0 to 1,000."""
    marker: str | None = None
    reverse_order: bool | None = None


class GetDurableExecutionHistoryCommandOutput(_Output):
    """The output of GetDurableExecutionHistory."""

    _members = (
        "Events [Event] required",
        "NextMarker str",
    )

    events: Sequence[Event]
    next_marker: str | None = None


class GetDurableExecutionHistoryCommand(
    PagedCommand[GetDurableExecutionHistoryCommandInput, GetDurableExecutionHistoryCommandOutput]
):
    """GetDurableExecutionHistory reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetDurableExecutionHistory.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "GetDurableExecutionHistory",
        "GET /2025-12-01/durable-executions/{DurableExecutionArn}/history",
        GetDurableExecutionHistoryCommandInput,
        GetDurableExecutionHistoryCommandOutput,
        idempotent=True,
        items="events",
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: GetDurableExecutionHistoryCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            durable_execution_arn: str,
            include_execution_data: bool | None = None,
            max_items: int | None = None,
            marker: str | None = None,
            reverse_order: bool | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class GetDurableExecutionStateCommandInput(_Input):
    """The input of GetDurableExecutionState."""

    _members = (
        "DurableExecutionArn str required uri",
        "CheckpointToken str required sensitive query",
        "Marker str query",
        "MaxItems int query",
    )

    durable_execution_arn: str
    checkpoint_token: str
    marker: str | None = None
    max_items: int | None = None
    """0 to 1,000."""


class GetDurableExecutionStateCommandOutput(_Output):
    """The output of GetDurableExecutionState."""

    _members = (
        "Operations [Operation] required",
        "NextMarker str",
    )

    operations: Sequence[Operation]
    next_marker: str | None = None


class GetDurableExecutionStateCommand(
    PagedCommand[GetDurableExecutionStateCommandInput, GetDurableExecutionStateCommandOutput]
):
    """GetDurableExecutionState reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetDurableExecutionState.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "GetDurableExecutionState",
        "GET /2025-12-01/durable-executions/{DurableExecutionArn}/state",
        GetDurableExecutionStateCommandInput,
        GetDurableExecutionStateCommandOutput,
        idempotent=True,
        items="operations",
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: GetDurableExecutionStateCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            durable_execution_arn: str,
            checkpoint_token: str,
            marker: str | None = None,
            max_items: int | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class GetEventSourceMappingCommandInput(_Input):
    """The input of GetEventSourceMapping."""

    _members = ("UUID str required uri",)

    uuid: str


class GetEventSourceMappingCommandOutput(_Output, structures.EventSourceMappingConfiguration):
    """The output of GetEventSourceMapping."""


class GetEventSourceMappingCommand(OperationCommand[GetEventSourceMappingCommandInput, GetEventSourceMappingCommandOutput]):
    """GetEventSourceMapping reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetEventSourceMapping.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "GetEventSourceMapping",
        "GET /2015-03-31/event-source-mappings/{UUID}",
        GetEventSourceMappingCommandInput,
        GetEventSourceMappingCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: GetEventSourceMappingCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, uuid: str, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class GetFunctionCommandInput(_Input):
    """The input of GetFunction."""

    _members = (
        "FunctionName str required uri",
        "Qualifier str query",
    )

    function_name: str
    qualifier: str | None = None


class GetFunctionCommandOutput(_Output):
    """The output of GetFunction."""

    _members = (
        "Configuration FunctionConfiguration",
        "Code FunctionCodeLocation",
        "Tags {str}",
        "TagsError TagsError",
        "Concurrency Concurrency",
    )

    configuration: FunctionConfiguration | None = None
    code: FunctionCodeLocation | None = None
    tags: Mapping[str, str] | None = None
    tags_error: TagsError | None = None
    concurrency: Concurrency | None = None


class GetFunctionCommand(OperationCommand[GetFunctionCommandInput, GetFunctionCommandOutput]):
    """GetFunction reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "GetFunction",
        "GET /2015-03-31/functions/{FunctionName}",
        GetFunctionCommandInput,
        GetFunctionCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: GetFunctionCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, function_name: str, qualifier: str | None = None, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class GetFunctionCodeSigningConfigCommandInput(_Input):
    """The input of GetFunctionCodeSigningConfig."""

    _members = ("FunctionName str required uri",)

    function_name: str


class GetFunctionCodeSigningConfigCommandOutput(_Output):
    """The output of GetFunctionCodeSigningConfig."""

    _members = (
        "CodeSigningConfigArn str required",
        "FunctionName str required",
    )

    code_signing_config_arn: str
    function_name: str


class GetFunctionCodeSigningConfigCommand(
    OperationCommand[GetFunctionCodeSigningConfigCommandInput, GetFunctionCodeSigningConfigCommandOutput]
):
    """GetFunctionCodeSigningConfig reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionCodeSigningConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "GetFunctionCodeSigningConfig",
        "GET /2020-06-30/functions/{FunctionName}/code-signing-config",
        GetFunctionCodeSigningConfigCommandInput,
        GetFunctionCodeSigningConfigCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: GetFunctionCodeSigningConfigCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, function_name: str, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class GetFunctionConcurrencyCommandInput(_Input):
    """The input of GetFunctionConcurrency."""

    _members = ("FunctionName str required uri",)

    function_name: str


class GetFunctionConcurrencyCommandOutput(_Output):
    """The output of GetFunctionConcurrency."""

    _members = ("ReservedConcurrentExecutions int",)

    reserved_concurrent_executions: int | None = None
    """At least 0."""


class GetFunctionConcurrencyCommand(OperationCommand[GetFunctionConcurrencyCommandInput, GetFunctionConcurrencyCommandOutput]):
    """GetFunctionConcurrency reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConcurrency.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "GetFunctionConcurrency",
        "GET /2019-09-30/functions/{FunctionName}/concurrency",
        GetFunctionConcurrencyCommandInput,
        GetFunctionConcurrencyCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: GetFunctionConcurrencyCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, function_name: str, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class GetFunctionConfigurationCommandInput(_Input):
    """The input of GetFunctionConfiguration."""

    _members = (
        "FunctionName str required uri",
        "Qualifier str query",
    )

    function_name: str
    qualifier: str | None = None


class GetFunctionConfigurationCommandOutput(_Output, structures.FunctionConfiguration):
    """The output of GetFunctionConfiguration."""


class GetFunctionConfigurationCommand(
    OperationCommand[GetFunctionConfigurationCommandInput, GetFunctionConfigurationCommandOutput]
):
    """GetFunctionConfiguration reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "GetFunctionConfiguration",
        "GET /2015-03-31/functions/{FunctionName}/configuration",
        GetFunctionConfigurationCommandInput,
        GetFunctionConfigurationCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: GetFunctionConfigurationCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, function_name: str, qualifier: str | None = None, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class GetFunctionEventInvokeConfigCommandInput(_Input):
    """The input of GetFunctionEventInvokeConfig."""

    _members = (
        "FunctionName str required uri",
        "Qualifier str query",
    )

    function_name: str
    qualifier: str | None = None


class GetFunctionEventInvokeConfigCommandOutput(_Output, structures.FunctionEventInvokeConfig):
    """The output of GetFunctionEventInvokeConfig."""


class GetFunctionEventInvokeConfigCommand(
    OperationCommand[GetFunctionEventInvokeConfigCommandInput, GetFunctionEventInvokeConfigCommandOutput]
):
    """GetFunctionEventInvokeConfig reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionEventInvokeConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "GetFunctionEventInvokeConfig",
        "GET /2019-09-25/functions/{FunctionName}/event-invoke-config",
        GetFunctionEventInvokeConfigCommandInput,
        GetFunctionEventInvokeConfigCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: GetFunctionEventInvokeConfigCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, function_name: str, qualifier: str | None = None, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class GetFunctionRecursionConfigCommandInput(_Input):
    """The input of GetFunctionRecursionConfig."""

    _members = ("FunctionName str required uri",)

    function_name: str


class GetFunctionRecursionConfigCommandOutput(_Output):
    """The output of GetFunctionRecursionConfig."""

    _members = ("RecursiveLoop str",)

    recursive_loop: str | None = None
    """`Allow` or `Terminate`."""


class GetFunctionRecursionConfigCommand(
    OperationCommand[GetFunctionRecursionConfigCommandInput, GetFunctionRecursionConfigCommandOutput]
):
    """GetFunctionRecursionConfig reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionRecursionConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "GetFunctionRecursionConfig",
        "GET /2024-08-31/functions/{FunctionName}/recursion-config",
        GetFunctionRecursionConfigCommandInput,
        GetFunctionRecursionConfigCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: GetFunctionRecursionConfigCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, function_name: str, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class GetFunctionScalingConfigCommandInput(_Input):
    """The input of GetFunctionScalingConfig."""

    _members = (
        "FunctionName str required uri",
        "Qualifier str required query",
    )

    function_name: str
    qualifier: str


class GetFunctionScalingConfigCommandOutput(_Output):
    """The output of GetFunctionScalingConfig."""

    _members = (
        "FunctionArn str",
        "AppliedFunctionScalingConfig FunctionScalingConfig",
        "RequestedFunctionScalingConfig FunctionScalingConfig",
    )

    function_arn: str | None = None
    applied_function_scaling_config: FunctionScalingConfig | None = None
    requested_function_scaling_config: FunctionScalingConfig | None = None


class GetFunctionScalingConfigCommand(
    OperationCommand[GetFunctionScalingConfigCommandInput, GetFunctionScalingConfigCommandOutput]
):
    """GetFunctionScalingConfig reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionScalingConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "GetFunctionScalingConfig",
        "GET /2025-11-30/functions/{FunctionName}/function-scaling-config",
        GetFunctionScalingConfigCommandInput,
        GetFunctionScalingConfigCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: GetFunctionScalingConfigCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, function_name: str, qualifier: str, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class GetFunctionUrlConfigCommandInput(_Input):
    """The input of GetFunctionUrlConfig."""

    _members = (
        "FunctionName str required uri",
        "Qualifier str query",
    )

    function_name: str
    qualifier: str | None = None


class GetFunctionUrlConfigCommandOutput(_Output):
    """The output of GetFunctionUrlConfig."""

    _members = (
        "FunctionUrl str required",
        "FunctionArn str required",
        "AuthType str required",
        "Cors Cors",
        "CreationTime str required",
        "LastModifiedTime str required",
        "InvokeMode str",
    )

    function_url: str
    function_arn: str
    auth_type: str
    """`NONE` or `AWS_IAM`."""
    creation_time: str
    last_modified_time: str
    cors: Cors | None = None
    invoke_mode: str | None = None
    """`BUFFERED` or `RESPONSE_STREAM`."""


class GetFunctionUrlConfigCommand(OperationCommand[GetFunctionUrlConfigCommandInput, GetFunctionUrlConfigCommandOutput]):
    """GetFunctionUrlConfig reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionUrlConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "GetFunctionUrlConfig",
        "GET /2021-10-31/functions/{FunctionName}/url",
        GetFunctionUrlConfigCommandInput,
        GetFunctionUrlConfigCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: GetFunctionUrlConfigCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, function_name: str, qualifier: str | None = None, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class GetLayerVersionCommandInput(_Input):
    """The input of GetLayerVersion."""

    _members = (
        "LayerName str required uri",
        "VersionNumber int required uri",
    )

    layer_name: str
    version_number: int


class GetLayerVersionCommandOutput(_Output):
    """The output of GetLayerVersion."""

    _members = (
        "Content LayerVersionContentOutput",
        "LayerArn str",
        "LayerVersionArn str",
        "Description str",
        "CreatedDate str",
        "Version int",
        "CompatibleArchitectures [str]",
        "CompatibleRuntimes [str]",
        "LicenseInfo str",
    )

    content: LayerVersionContentOutput | None = None
    layer_arn: str | None = None
    layer_version_arn: str | None = None
    description: str | None = None
    created_date: str | None = None
    version: int | None = None
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


class GetLayerVersionCommand(OperationCommand[GetLayerVersionCommandInput, GetLayerVersionCommandOutput]):
    """GetLayerVersion reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetLayerVersion.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "GetLayerVersion",
        "GET /2018-10-31/layers/{LayerName}/versions/{VersionNumber}",
        GetLayerVersionCommandInput,
        GetLayerVersionCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: GetLayerVersionCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, layer_name: str, version_number: int, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class GetLayerVersionByArnCommandInput(_Input):
    """The input of GetLayerVersionByArn."""

    _members = ("Arn str required query",)

    arn: str


class GetLayerVersionByArnCommandOutput(_Output):
    """The output of GetLayerVersionByArn."""

    _members = (
        "Content LayerVersionContentOutput",
        "LayerArn str",
        "LayerVersionArn str",
        "Description str",
        "CreatedDate str",
        "Version int",
        "CompatibleArchitectures [str]",
        "CompatibleRuntimes [str]",
        "LicenseInfo str",
    )

    content: LayerVersionContentOutput | None = None
    layer_arn: str | None = None
    layer_version_arn: str | None = None
    description: str | None = None
    created_date: str | None = None
    version: int | None = None
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


class GetLayerVersionByArnCommand(OperationCommand[GetLayerVersionByArnCommandInput, GetLayerVersionByArnCommandOutput]):
    """GetLayerVersionByArn reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetLayerVersionByArn.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "GetLayerVersionByArn",
        "GET /2018-10-31/layers?find=LayerVersion",
        GetLayerVersionByArnCommandInput,
        GetLayerVersionByArnCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: GetLayerVersionByArnCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, arn: str, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class GetLayerVersionPolicyCommandInput(_Input):
    """The input of GetLayerVersionPolicy."""

    _members = (
        "LayerName str required uri",
        "VersionNumber int required uri",
    )

    layer_name: str
    version_number: int


class GetLayerVersionPolicyCommandOutput(_Output):
    """The output of GetLayerVersionPolicy."""

    _members = (
        "Policy str",
        "RevisionId str",
    )

    policy: str | None = None
    revision_id: str | None = None


class GetLayerVersionPolicyCommand(OperationCommand[GetLayerVersionPolicyCommandInput, GetLayerVersionPolicyCommandOutput]):
    """GetLayerVersionPolicy reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetLayerVersionPolicy.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "GetLayerVersionPolicy",
        "GET /2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy",
        GetLayerVersionPolicyCommandInput,
        GetLayerVersionPolicyCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: GetLayerVersionPolicyCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, layer_name: str, version_number: int, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class GetPolicyCommandInput(_Input):
    """The input of GetPolicy."""

    _members = (
        "FunctionName str required uri",
        "Qualifier str query",
    )

    function_name: str
    qualifier: str | None = None


class GetPolicyCommandOutput(_Output):
    """The output of GetPolicy."""

    _members = (
        "Policy str",
        "RevisionId str",
    )

    policy: str | None = None
    revision_id: str | None = None


class GetPolicyCommand(OperationCommand[GetPolicyCommandInput, GetPolicyCommandOutput]):
    """GetPolicy reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetPolicy.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "GetPolicy",
        "GET /2015-03-31/functions/{FunctionName}/policy",
        GetPolicyCommandInput,
        GetPolicyCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: GetPolicyCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, function_name: str, qualifier: str | None = None, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class GetProvisionedConcurrencyConfigCommandInput(_Input):
    """The input of GetProvisionedConcurrencyConfig."""

    _members = (
        "FunctionName str required uri",
        "Qualifier str required query",
    )

    function_name: str
    qualifier: str


class GetProvisionedConcurrencyConfigCommandOutput(_Output):
    """The output of GetProvisionedConcurrencyConfig."""

    _members = (
        "RequestedProvisionedConcurrentExecutions int",
        "AvailableProvisionedConcurrentExecutions int",
        "AllocatedProvisionedConcurrentExecutions int",
        "Status str",
        "StatusReason str",
        "LastModified str",
    )

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


class GetProvisionedConcurrencyConfigCommand(
    OperationCommand[GetProvisionedConcurrencyConfigCommandInput, GetProvisionedConcurrencyConfigCommandOutput]
):
    """GetProvisionedConcurrencyConfig reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetProvisionedConcurrencyConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "GetProvisionedConcurrencyConfig",
        "GET /2019-09-30/functions/{FunctionName}/provisioned-concurrency",
        GetProvisionedConcurrencyConfigCommandInput,
        GetProvisionedConcurrencyConfigCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(
            self, input: GetProvisionedConcurrencyConfigCommandInput, /, *, idempotent: bool | None = None
        ) -> None: ...
        @overload
        def __init__(self, *, function_name: str, qualifier: str, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class GetResourcePolicyCommandInput(_Input):
    """The input of GetResourcePolicy."""

    _members = ("ResourceArn str required uri",)

    resource_arn: str


class GetResourcePolicyCommandOutput(_Output):
    """The output of GetResourcePolicy."""

    _members = (
        "Policy str",
        "RevisionId str",
    )

    policy: str | None = None
    revision_id: str | None = None


class GetResourcePolicyCommand(OperationCommand[GetResourcePolicyCommandInput, GetResourcePolicyCommandOutput]):
    """GetResourcePolicy reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetResourcePolicy.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "GetResourcePolicy",
        "GET /2026-07-09/resource-policy/{ResourceArn}",
        GetResourcePolicyCommandInput,
        GetResourcePolicyCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: GetResourcePolicyCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, resource_arn: str, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class GetRuntimeManagementConfigCommandInput(_Input):
    """The input of GetRuntimeManagementConfig."""

    _members = (
        "FunctionName str required uri",
        "Qualifier str query",
    )

    function_name: str
    qualifier: str | None = None


class GetRuntimeManagementConfigCommandOutput(_Output):
    """The output of GetRuntimeManagementConfig."""

    _members = (
        "UpdateRuntimeOn str",
        "FunctionArn str",
        "RuntimeVersionArn str",
    )

    update_runtime_on: str | None = None
    """`Auto`, `Manual` or `FunctionUpdate`."""
    function_arn: str | None = None
    runtime_version_arn: str | None = None


class GetRuntimeManagementConfigCommand(
    OperationCommand[GetRuntimeManagementConfigCommandInput, GetRuntimeManagementConfigCommandOutput]
):
    """GetRuntimeManagementConfig reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_GetRuntimeManagementConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "GetRuntimeManagementConfig",
        "GET /2021-07-20/functions/{FunctionName}/runtime-management-config",
        GetRuntimeManagementConfigCommandInput,
        GetRuntimeManagementConfigCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: GetRuntimeManagementConfigCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, function_name: str, qualifier: str | None = None, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class InvokeAsyncCommandInput(_Input):
    """The input of InvokeAsync."""

    _members = (
        "FunctionName str required uri",
        "InvokeArgs blob required payload",
    )

    function_name: str
    invoke_args: bytes


class InvokeAsyncCommandOutput(_Output):
    """The output of InvokeAsync."""

    _members = ("Status int status",)

    status: int | None = None


class InvokeAsyncCommand(OperationCommand[InvokeAsyncCommandInput, InvokeAsyncCommandOutput]):
    """InvokeAsync is sent at most once. Deprecated: use Invoke.

    https://docs.aws.amazon.com/lambda/latest/api/API_InvokeAsync.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "InvokeAsync",
        "POST /2014-11-13/functions/{FunctionName}/invoke-async",
        InvokeAsyncCommandInput,
        InvokeAsyncCommandOutput,
        queues=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: InvokeAsyncCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, function_name: str, invoke_args: bytes, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class ListAliasesCommandInput(_Input):
    """The input of ListAliases."""

    _members = (
        "FunctionName str required uri",
        "FunctionVersion str query",
        "Marker str query",
        "MaxItems int query",
    )

    function_name: str
    function_version: str | None = None
    marker: str | None = None
    max_items: int | None = None
    """1 to 10,000."""


class ListAliasesCommandOutput(_Output):
    """The output of ListAliases."""

    _members = (
        "NextMarker str",
        "Aliases [AliasConfiguration]",
    )

    next_marker: str | None = None
    aliases: Sequence[AliasConfiguration] | None = None


class ListAliasesCommand(PagedCommand[ListAliasesCommandInput, ListAliasesCommandOutput]):
    """ListAliases reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_ListAliases.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "ListAliases",
        "GET /2015-03-31/functions/{FunctionName}/aliases",
        ListAliasesCommandInput,
        ListAliasesCommandOutput,
        idempotent=True,
        items="aliases",
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: ListAliasesCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            function_name: str,
            function_version: str | None = None,
            marker: str | None = None,
            max_items: int | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class ListCapacityProvidersCommandInput(_Input):
    """The input of ListCapacityProviders."""

    _members = (
        "State str query",
        "Marker str query",
        "MaxItems int query",
    )

    state: str | None = None
    """`Pending`, `Active`, `Failed` or `Deleting`."""
    marker: str | None = None
    max_items: int | None = None
    """1 to 50."""


class ListCapacityProvidersCommandOutput(_Output):
    """The output of ListCapacityProviders."""

    _members = (
        "CapacityProviders [CapacityProvider] required",
        "NextMarker str",
    )

    capacity_providers: Sequence[CapacityProvider]
    next_marker: str | None = None


class ListCapacityProvidersCommand(PagedCommand[ListCapacityProvidersCommandInput, ListCapacityProvidersCommandOutput]):
    """ListCapacityProviders reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_ListCapacityProviders.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "ListCapacityProviders",
        "GET /2025-11-30/capacity-providers",
        ListCapacityProvidersCommandInput,
        ListCapacityProvidersCommandOutput,
        idempotent=True,
        items="capacity_providers",
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: ListCapacityProvidersCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            state: str | None = None,
            marker: str | None = None,
            max_items: int | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class ListCodeSigningConfigsCommandInput(_Input):
    """The input of ListCodeSigningConfigs."""

    _members = (
        "Marker str query",
        "MaxItems int query",
    )

    marker: str | None = None
    max_items: int | None = None
    """1 to 10,000."""


class ListCodeSigningConfigsCommandOutput(_Output):
    """The output of ListCodeSigningConfigs."""

    _members = (
        "NextMarker str",
        "CodeSigningConfigs [CodeSigningConfig]",
    )

    next_marker: str | None = None
    code_signing_configs: Sequence[CodeSigningConfig] | None = None


class ListCodeSigningConfigsCommand(PagedCommand[ListCodeSigningConfigsCommandInput, ListCodeSigningConfigsCommandOutput]):
    """ListCodeSigningConfigs reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_ListCodeSigningConfigs.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "ListCodeSigningConfigs",
        "GET /2020-04-22/code-signing-configs",
        ListCodeSigningConfigsCommandInput,
        ListCodeSigningConfigsCommandOutput,
        idempotent=True,
        items="code_signing_configs",
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: ListCodeSigningConfigsCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self, *, marker: str | None = None, max_items: int | None = None, idempotent: bool | None = None
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class ListDurableExecutionsByFunctionCommandInput(_Input):
    """The input of ListDurableExecutionsByFunction."""

    _members = (
        "FunctionName str required uri",
        "Qualifier str query",
        "DurableExecutionName str query",
        "Statuses [str] query",
        "StartedAfter time query",
        "StartedBefore time query",
        "ReverseOrder bool query",
        "Marker str query",
        "MaxItems int query",
    )

    function_name: str
    qualifier: str | None = None
    durable_execution_name: str | None = None
    statuses: Sequence[str] | None = None
    """`RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT`, `STOPPED`, `DELETING`, `PAUSING` or `PAUSED`."""
    started_after: dt.datetime | None = None
    started_before: dt.datetime | None = None
    reverse_order: bool | None = None
    marker: str | None = None
    max_items: int | None = None
    """0 to 1,000."""


class ListDurableExecutionsByFunctionCommandOutput(_Output):
    """The output of ListDurableExecutionsByFunction."""

    _members = (
        "DurableExecutions [Execution]",
        "NextMarker str",
    )

    durable_executions: Sequence[Execution] | None = None
    next_marker: str | None = None


class ListDurableExecutionsByFunctionCommand(
    PagedCommand[ListDurableExecutionsByFunctionCommandInput, ListDurableExecutionsByFunctionCommandOutput]
):
    """ListDurableExecutionsByFunction reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_ListDurableExecutionsByFunction.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "ListDurableExecutionsByFunction",
        "GET /2025-12-01/functions/{FunctionName}/durable-executions",
        ListDurableExecutionsByFunctionCommandInput,
        ListDurableExecutionsByFunctionCommandOutput,
        idempotent=True,
        items="durable_executions",
    )
    if TYPE_CHECKING:

        @overload
        def __init__(
            self, input: ListDurableExecutionsByFunctionCommandInput, /, *, idempotent: bool | None = None
        ) -> None: ...
        @overload
        def __init__(
            self,
            *,
            function_name: str,
            qualifier: str | None = None,
            durable_execution_name: str | None = None,
            statuses: Sequence[str] | None = None,
            started_after: dt.datetime | None = None,
            started_before: dt.datetime | None = None,
            reverse_order: bool | None = None,
            marker: str | None = None,
            max_items: int | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class ListEventSourceMappingsCommandInput(_Input):
    """The input of ListEventSourceMappings."""

    _members = (
        "EventSourceArn str query",
        "FunctionName str query",
        "Marker str query",
        "MaxItems int query",
    )

    event_source_arn: str | None = None
    function_name: str | None = None
    marker: str | None = None
    max_items: int | None = None
    """1 to 10,000."""


class ListEventSourceMappingsCommandOutput(_Output):
    """The output of ListEventSourceMappings."""

    _members = (
        "NextMarker str",
        "EventSourceMappings [EventSourceMappingConfiguration]",
    )

    next_marker: str | None = None
    event_source_mappings: Sequence[EventSourceMappingConfiguration] | None = None


class ListEventSourceMappingsCommand(PagedCommand[ListEventSourceMappingsCommandInput, ListEventSourceMappingsCommandOutput]):
    """ListEventSourceMappings reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_ListEventSourceMappings.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "ListEventSourceMappings",
        "GET /2015-03-31/event-source-mappings",
        ListEventSourceMappingsCommandInput,
        ListEventSourceMappingsCommandOutput,
        idempotent=True,
        items="event_source_mappings",
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: ListEventSourceMappingsCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            event_source_arn: str | None = None,
            function_name: str | None = None,
            marker: str | None = None,
            max_items: int | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class ListFunctionEventInvokeConfigsCommandInput(_Input):
    """The input of ListFunctionEventInvokeConfigs."""

    _members = (
        "FunctionName str required uri",
        "Marker str query",
        "MaxItems int query",
    )

    function_name: str
    marker: str | None = None
    max_items: int | None = None
    """1 to 50."""


class ListFunctionEventInvokeConfigsCommandOutput(_Output):
    """The output of ListFunctionEventInvokeConfigs."""

    _members = (
        "FunctionEventInvokeConfigs [FunctionEventInvokeConfig]",
        "NextMarker str",
    )

    function_event_invoke_configs: Sequence[FunctionEventInvokeConfig] | None = None
    next_marker: str | None = None


class ListFunctionEventInvokeConfigsCommand(
    PagedCommand[ListFunctionEventInvokeConfigsCommandInput, ListFunctionEventInvokeConfigsCommandOutput]
):
    """ListFunctionEventInvokeConfigs reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctionEventInvokeConfigs.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "ListFunctionEventInvokeConfigs",
        "GET /2019-09-25/functions/{FunctionName}/event-invoke-config/list",
        ListFunctionEventInvokeConfigsCommandInput,
        ListFunctionEventInvokeConfigsCommandOutput,
        idempotent=True,
        items="function_event_invoke_configs",
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: ListFunctionEventInvokeConfigsCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self, *, function_name: str, marker: str | None = None, max_items: int | None = None, idempotent: bool | None = None
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class ListFunctionUrlConfigsCommandInput(_Input):
    """The input of ListFunctionUrlConfigs."""

    _members = (
        "FunctionName str required uri",
        "Marker str query",
        "MaxItems int query",
    )

    function_name: str
    marker: str | None = None
    max_items: int | None = None
    """1 to 50."""


class ListFunctionUrlConfigsCommandOutput(_Output):
    """The output of ListFunctionUrlConfigs."""

    _members = (
        "FunctionUrlConfigs [FunctionUrlConfig] required",
        "NextMarker str",
    )

    function_url_configs: Sequence[FunctionUrlConfig]
    next_marker: str | None = None


class ListFunctionUrlConfigsCommand(PagedCommand[ListFunctionUrlConfigsCommandInput, ListFunctionUrlConfigsCommandOutput]):
    """ListFunctionUrlConfigs reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctionUrlConfigs.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "ListFunctionUrlConfigs",
        "GET /2021-10-31/functions/{FunctionName}/urls",
        ListFunctionUrlConfigsCommandInput,
        ListFunctionUrlConfigsCommandOutput,
        idempotent=True,
        items="function_url_configs",
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: ListFunctionUrlConfigsCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self, *, function_name: str, marker: str | None = None, max_items: int | None = None, idempotent: bool | None = None
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class ListFunctionVersionsByCapacityProviderCommandInput(_Input):
    """The input of ListFunctionVersionsByCapacityProvider."""

    _members = (
        "CapacityProviderName str required uri",
        "Marker str query",
        "MaxItems int query",
    )

    capacity_provider_name: str
    marker: str | None = None
    max_items: int | None = None
    """1 to 50."""


class ListFunctionVersionsByCapacityProviderCommandOutput(_Output):
    """The output of ListFunctionVersionsByCapacityProvider."""

    _members = (
        "CapacityProviderArn str required",
        "FunctionVersions [FunctionVersionsByCapacityProviderListItem] required",
        "NextMarker str",
    )

    capacity_provider_arn: str
    function_versions: Sequence[FunctionVersionsByCapacityProviderListItem]
    next_marker: str | None = None


class ListFunctionVersionsByCapacityProviderCommand(
    PagedCommand[ListFunctionVersionsByCapacityProviderCommandInput, ListFunctionVersionsByCapacityProviderCommandOutput]
):
    """ListFunctionVersionsByCapacityProvider reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctionVersionsByCapacityProvider.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "ListFunctionVersionsByCapacityProvider",
        "GET /2025-11-30/capacity-providers/{CapacityProviderName}/function-versions",
        ListFunctionVersionsByCapacityProviderCommandInput,
        ListFunctionVersionsByCapacityProviderCommandOutput,
        idempotent=True,
        items="function_versions",
    )
    if TYPE_CHECKING:

        @overload
        def __init__(
            self, input: ListFunctionVersionsByCapacityProviderCommandInput, /, *, idempotent: bool | None = None
        ) -> None: ...
        @overload
        def __init__(
            self,
            *,
            capacity_provider_name: str,
            marker: str | None = None,
            max_items: int | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class ListFunctionsCommandInput(_Input):
    """The input of ListFunctions."""

    _members = (
        "MasterRegion str query",
        "FunctionVersion str query",
        "Marker str query",
        "MaxItems int query",
    )

    master_region: str | None = None
    function_version: str | None = None
    """`ALL`."""
    marker: str | None = None
    max_items: int | None = None
    """1 to 10,000."""


class ListFunctionsCommandOutput(_Output):
    """The output of ListFunctions."""

    _members = (
        "NextMarker str",
        "Functions [FunctionConfiguration]",
    )

    next_marker: str | None = None
    functions: Sequence[FunctionConfiguration] | None = None


class ListFunctionsCommand(PagedCommand[ListFunctionsCommandInput, ListFunctionsCommandOutput]):
    """ListFunctions reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "ListFunctions",
        "GET /2015-03-31/functions",
        ListFunctionsCommandInput,
        ListFunctionsCommandOutput,
        idempotent=True,
        items="functions",
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: ListFunctionsCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            master_region: str | None = None,
            function_version: str | None = None,
            marker: str | None = None,
            max_items: int | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class ListFunctionsByCodeSigningConfigCommandInput(_Input):
    """The input of ListFunctionsByCodeSigningConfig."""

    _members = (
        "CodeSigningConfigArn str required uri",
        "Marker str query",
        "MaxItems int query",
    )

    code_signing_config_arn: str
    marker: str | None = None
    max_items: int | None = None
    """1 to 10,000."""


class ListFunctionsByCodeSigningConfigCommandOutput(_Output):
    """The output of ListFunctionsByCodeSigningConfig."""

    _members = (
        "NextMarker str",
        "FunctionArns [str]",
    )

    next_marker: str | None = None
    function_arns: Sequence[str] | None = None


class ListFunctionsByCodeSigningConfigCommand(
    PagedCommand[ListFunctionsByCodeSigningConfigCommandInput, ListFunctionsByCodeSigningConfigCommandOutput]
):
    """ListFunctionsByCodeSigningConfig reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctionsByCodeSigningConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "ListFunctionsByCodeSigningConfig",
        "GET /2020-04-22/code-signing-configs/{CodeSigningConfigArn}/functions",
        ListFunctionsByCodeSigningConfigCommandInput,
        ListFunctionsByCodeSigningConfigCommandOutput,
        idempotent=True,
        items="function_arns",
    )
    if TYPE_CHECKING:

        @overload
        def __init__(
            self, input: ListFunctionsByCodeSigningConfigCommandInput, /, *, idempotent: bool | None = None
        ) -> None: ...
        @overload
        def __init__(
            self,
            *,
            code_signing_config_arn: str,
            marker: str | None = None,
            max_items: int | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class ListLayerVersionsCommandInput(_Input):
    """The input of ListLayerVersions."""

    _members = (
        "CompatibleArchitecture str query",
        "CompatibleRuntime str query",
        "LayerName str required uri",
        "Marker str query",
        "MaxItems int query",
    )

    layer_name: str
    compatible_architecture: str | None = None
    """`x86_64` or `arm64`."""
    compatible_runtime: str | None = None
    """`nodejs`, `nodejs4.3`, `nodejs6.10`, `nodejs8.10`, `nodejs10.x`, `nodejs12.x`, `nodejs14.x`, `nodejs16.x`,
    `nodejs18.x`, `nodejs20.x`, `nodejs22.x`, `nodejs24.x`, `java8`, `java8.al2`, `java11`, `java17`, `java21`, `java25`,
    `python2.7`, `python3.6`, `python3.7`, `python3.8`, `python3.9`, `python3.10`, `python3.11`, `python3.12`, `python3.13`,
    `python3.14`, `dotnetcore1.0`, `dotnetcore2.0`, `dotnetcore2.1`, `dotnetcore3.1`, `dotnet6`, `dotnet8`, `dotnet10`,
    `nodejs4.3-edge`, `go1.x`, `ruby2.5`, `ruby2.7`, `ruby3.2`, `ruby3.3`, `ruby3.4`, `ruby4.0`, `provided`, `provided.al2`,
    `provided.al2023`, `nodejs26.x`, `python3.15`, `java8.al2023`, `java11.al2023`, `java17.al2023` or `custom`."""
    marker: str | None = None
    max_items: int | None = None
    """1 to 50."""


class ListLayerVersionsCommandOutput(_Output):
    """The output of ListLayerVersions."""

    _members = (
        "NextMarker str",
        "LayerVersions [LayerVersionsListItem]",
    )

    next_marker: str | None = None
    layer_versions: Sequence[LayerVersionsListItem] | None = None


class ListLayerVersionsCommand(PagedCommand[ListLayerVersionsCommandInput, ListLayerVersionsCommandOutput]):
    """ListLayerVersions reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_ListLayerVersions.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "ListLayerVersions",
        "GET /2018-10-31/layers/{LayerName}/versions",
        ListLayerVersionsCommandInput,
        ListLayerVersionsCommandOutput,
        idempotent=True,
        items="layer_versions",
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: ListLayerVersionsCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            layer_name: str,
            compatible_architecture: str | None = None,
            compatible_runtime: str | None = None,
            marker: str | None = None,
            max_items: int | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class ListLayersCommandInput(_Input):
    """The input of ListLayers."""

    _members = (
        "CompatibleArchitecture str query",
        "CompatibleRuntime str query",
        "Marker str query",
        "MaxItems int query",
    )

    compatible_architecture: str | None = None
    """`x86_64` or `arm64`."""
    compatible_runtime: str | None = None
    """`nodejs`, `nodejs4.3`, `nodejs6.10`, `nodejs8.10`, `nodejs10.x`, `nodejs12.x`, `nodejs14.x`, `nodejs16.x`,
    `nodejs18.x`, `nodejs20.x`, `nodejs22.x`, `nodejs24.x`, `java8`, `java8.al2`, `java11`, `java17`, `java21`, `java25`,
    `python2.7`, `python3.6`, `python3.7`, `python3.8`, `python3.9`, `python3.10`, `python3.11`, `python3.12`, `python3.13`,
    `python3.14`, `dotnetcore1.0`, `dotnetcore2.0`, `dotnetcore2.1`, `dotnetcore3.1`, `dotnet6`, `dotnet8`, `dotnet10`,
    `nodejs4.3-edge`, `go1.x`, `ruby2.5`, `ruby2.7`, `ruby3.2`, `ruby3.3`, `ruby3.4`, `ruby4.0`, `provided`, `provided.al2`,
    `provided.al2023`, `nodejs26.x`, `python3.15`, `java8.al2023`, `java11.al2023`, `java17.al2023` or `custom`."""
    marker: str | None = None
    max_items: int | None = None
    """1 to 50."""


class ListLayersCommandOutput(_Output):
    """The output of ListLayers."""

    _members = (
        "NextMarker str",
        "Layers [LayersListItem]",
    )

    next_marker: str | None = None
    layers: Sequence[LayersListItem] | None = None


class ListLayersCommand(PagedCommand[ListLayersCommandInput, ListLayersCommandOutput]):
    """ListLayers reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_ListLayers.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "ListLayers", "GET /2018-10-31/layers", ListLayersCommandInput, ListLayersCommandOutput, idempotent=True, items="layers"
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: ListLayersCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            compatible_architecture: str | None = None,
            compatible_runtime: str | None = None,
            marker: str | None = None,
            max_items: int | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class ListProvisionedConcurrencyConfigsCommandInput(_Input):
    """The input of ListProvisionedConcurrencyConfigs."""

    _members = (
        "FunctionName str required uri",
        "Marker str query",
        "MaxItems int query",
    )

    function_name: str
    marker: str | None = None
    max_items: int | None = None
    """1 to 50."""


class ListProvisionedConcurrencyConfigsCommandOutput(_Output):
    """The output of ListProvisionedConcurrencyConfigs."""

    _members = (
        "ProvisionedConcurrencyConfigs [ProvisionedConcurrencyConfigListItem]",
        "NextMarker str",
    )

    provisioned_concurrency_configs: Sequence[ProvisionedConcurrencyConfigListItem] | None = None
    next_marker: str | None = None


class ListProvisionedConcurrencyConfigsCommand(
    PagedCommand[ListProvisionedConcurrencyConfigsCommandInput, ListProvisionedConcurrencyConfigsCommandOutput]
):
    """ListProvisionedConcurrencyConfigs reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_ListProvisionedConcurrencyConfigs.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "ListProvisionedConcurrencyConfigs",
        "GET /2019-09-30/functions/{FunctionName}/provisioned-concurrency?List=ALL",
        ListProvisionedConcurrencyConfigsCommandInput,
        ListProvisionedConcurrencyConfigsCommandOutput,
        idempotent=True,
        items="provisioned_concurrency_configs",
    )
    if TYPE_CHECKING:

        @overload
        def __init__(
            self, input: ListProvisionedConcurrencyConfigsCommandInput, /, *, idempotent: bool | None = None
        ) -> None: ...
        @overload
        def __init__(
            self, *, function_name: str, marker: str | None = None, max_items: int | None = None, idempotent: bool | None = None
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class ListTagsCommandInput(_Input):
    """The input of ListTags."""

    _members = ("Resource str required uri",)

    resource: str


class ListTagsCommandOutput(_Output):
    """The output of ListTags."""

    _members = ("Tags {str}",)

    tags: Mapping[str, str] | None = None


class ListTagsCommand(OperationCommand[ListTagsCommandInput, ListTagsCommandOutput]):
    """ListTags reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_ListTags.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "ListTags", "GET /2017-03-31/tags/{Resource}", ListTagsCommandInput, ListTagsCommandOutput, idempotent=True
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: ListTagsCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, resource: str, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class ListVersionsByFunctionCommandInput(_Input):
    """The input of ListVersionsByFunction."""

    _members = (
        "FunctionName str required uri",
        "Marker str query",
        "MaxItems int query",
    )

    function_name: str
    marker: str | None = None
    max_items: int | None = None
    """1 to 10,000."""


class ListVersionsByFunctionCommandOutput(_Output):
    """The output of ListVersionsByFunction."""

    _members = (
        "NextMarker str",
        "Versions [FunctionConfiguration]",
    )

    next_marker: str | None = None
    versions: Sequence[FunctionConfiguration] | None = None


class ListVersionsByFunctionCommand(PagedCommand[ListVersionsByFunctionCommandInput, ListVersionsByFunctionCommandOutput]):
    """ListVersionsByFunction reads only, so it is repeated freely.

    https://docs.aws.amazon.com/lambda/latest/api/API_ListVersionsByFunction.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "ListVersionsByFunction",
        "GET /2015-03-31/functions/{FunctionName}/versions",
        ListVersionsByFunctionCommandInput,
        ListVersionsByFunctionCommandOutput,
        idempotent=True,
        items="versions",
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: ListVersionsByFunctionCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self, *, function_name: str, marker: str | None = None, max_items: int | None = None, idempotent: bool | None = None
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class PauseDurableExecutionCommandInput(_Input):
    """The input of PauseDurableExecution."""

    _members = (
        "DurableExecutionArn str required uri",
        "ClientToken str token",
        "Reason str sensitive",
        "ExecutionTimeoutPaused bool",
    )

    durable_execution_arn: str
    client_token: str | None = None
    reason: str | None = None
    execution_timeout_paused: bool | None = None


class PauseDurableExecutionCommandOutput(_Output):
    """The output of PauseDurableExecution."""


class PauseDurableExecutionCommand(OperationCommand[PauseDurableExecutionCommandInput, PauseDurableExecutionCommandOutput]):
    """PauseDurableExecution is repeated, because a repeat does no harm.

    https://docs.aws.amazon.com/lambda/latest/api/API_PauseDurableExecution.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "PauseDurableExecution",
        "POST /2025-12-01/durable-executions/{DurableExecutionArn}/pause",
        PauseDurableExecutionCommandInput,
        PauseDurableExecutionCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: PauseDurableExecutionCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            durable_execution_arn: str,
            client_token: str | None = None,
            reason: str | None = None,
            execution_timeout_paused: bool | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class PublishLayerVersionCommandInput(_Input):
    """The input of PublishLayerVersion."""

    _members = (
        "LayerName str required uri",
        "Description str",
        "Content LayerVersionContentInput required",
        "CompatibleArchitectures [str]",
        "CompatibleRuntimes [str]",
        "LicenseInfo str",
    )

    layer_name: str
    content: LayerVersionContentInput
    description: str | None = None
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


class PublishLayerVersionCommandOutput(_Output):
    """The output of PublishLayerVersion."""

    _members = (
        "Content LayerVersionContentOutput",
        "LayerArn str",
        "LayerVersionArn str",
        "Description str",
        "CreatedDate str",
        "Version int",
        "CompatibleArchitectures [str]",
        "CompatibleRuntimes [str]",
        "LicenseInfo str",
    )

    content: LayerVersionContentOutput | None = None
    layer_arn: str | None = None
    layer_version_arn: str | None = None
    description: str | None = None
    created_date: str | None = None
    version: int | None = None
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


class PublishLayerVersionCommand(OperationCommand[PublishLayerVersionCommandInput, PublishLayerVersionCommandOutput]):
    """PublishLayerVersion is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_PublishLayerVersion.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "PublishLayerVersion",
        "POST /2018-10-31/layers/{LayerName}/versions",
        PublishLayerVersionCommandInput,
        PublishLayerVersionCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: PublishLayerVersionCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            layer_name: str,
            content: LayerVersionContentInput,
            description: str | None = None,
            compatible_architectures: Sequence[str] | None = None,
            compatible_runtimes: Sequence[str] | None = None,
            license_info: str | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class PublishVersionCommandInput(_Input):
    """The input of PublishVersion."""

    _members = (
        "FunctionName str required uri",
        "CodeSha256 str",
        "Description str",
        "RevisionId str",
        "PublishTo str",
    )

    function_name: str
    code_sha256: str | None = None
    description: str | None = None
    revision_id: str | None = None
    publish_to: str | None = None
    """`LATEST_PUBLISHED`."""


class PublishVersionCommandOutput(_Output, structures.FunctionConfiguration):
    """The output of PublishVersion."""


class PublishVersionCommand(OperationCommand[PublishVersionCommandInput, PublishVersionCommandOutput]):
    """PublishVersion is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "PublishVersion",
        "POST /2015-03-31/functions/{FunctionName}/versions",
        PublishVersionCommandInput,
        PublishVersionCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: PublishVersionCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            function_name: str,
            code_sha256: str | None = None,
            description: str | None = None,
            revision_id: str | None = None,
            publish_to: str | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class PutFunctionCodeSigningConfigCommandInput(_Input):
    """The input of PutFunctionCodeSigningConfig."""

    _members = (
        "CodeSigningConfigArn str required",
        "FunctionName str required uri",
    )

    code_signing_config_arn: str
    function_name: str


class PutFunctionCodeSigningConfigCommandOutput(_Output):
    """The output of PutFunctionCodeSigningConfig."""

    _members = (
        "CodeSigningConfigArn str required",
        "FunctionName str required",
    )

    code_signing_config_arn: str
    function_name: str


class PutFunctionCodeSigningConfigCommand(
    OperationCommand[PutFunctionCodeSigningConfigCommandInput, PutFunctionCodeSigningConfigCommandOutput]
):
    """PutFunctionCodeSigningConfig is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionCodeSigningConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "PutFunctionCodeSigningConfig",
        "PUT /2020-06-30/functions/{FunctionName}/code-signing-config",
        PutFunctionCodeSigningConfigCommandInput,
        PutFunctionCodeSigningConfigCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: PutFunctionCodeSigningConfigCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, code_signing_config_arn: str, function_name: str, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class PutFunctionConcurrencyCommandInput(_Input):
    """The input of PutFunctionConcurrency."""

    _members = (
        "FunctionName str required uri",
        "ReservedConcurrentExecutions int required",
    )

    function_name: str
    reserved_concurrent_executions: int
    """At least 0."""


class PutFunctionConcurrencyCommandOutput(_Output, structures.Concurrency):
    """The output of PutFunctionConcurrency."""


class PutFunctionConcurrencyCommand(OperationCommand[PutFunctionConcurrencyCommandInput, PutFunctionConcurrencyCommandOutput]):
    """PutFunctionConcurrency is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionConcurrency.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "PutFunctionConcurrency",
        "PUT /2017-10-31/functions/{FunctionName}/concurrency",
        PutFunctionConcurrencyCommandInput,
        PutFunctionConcurrencyCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: PutFunctionConcurrencyCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self, *, function_name: str, reserved_concurrent_executions: int, idempotent: bool | None = None
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class PutFunctionEventInvokeConfigCommandInput(_Input):
    """The input of PutFunctionEventInvokeConfig."""

    _members = (
        "FunctionName str required uri",
        "Qualifier str query",
        "MaximumRetryAttempts int",
        "MaximumEventAgeInSeconds int",
        "DestinationConfig DestinationConfig",
    )

    function_name: str
    qualifier: str | None = None
    maximum_retry_attempts: int | None = None
    """0 to 2."""
    maximum_event_age_in_seconds: int | None = None
    """60 to 21,600."""
    destination_config: DestinationConfig | None = None


class PutFunctionEventInvokeConfigCommandOutput(_Output, structures.FunctionEventInvokeConfig):
    """The output of PutFunctionEventInvokeConfig."""


class PutFunctionEventInvokeConfigCommand(
    OperationCommand[PutFunctionEventInvokeConfigCommandInput, PutFunctionEventInvokeConfigCommandOutput]
):
    """PutFunctionEventInvokeConfig is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "PutFunctionEventInvokeConfig",
        "PUT /2019-09-25/functions/{FunctionName}/event-invoke-config",
        PutFunctionEventInvokeConfigCommandInput,
        PutFunctionEventInvokeConfigCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: PutFunctionEventInvokeConfigCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            function_name: str,
            qualifier: str | None = None,
            maximum_retry_attempts: int | None = None,
            maximum_event_age_in_seconds: int | None = None,
            destination_config: DestinationConfig | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class PutFunctionRecursionConfigCommandInput(_Input):
    """The input of PutFunctionRecursionConfig."""

    _members = (
        "FunctionName str required uri",
        "RecursiveLoop str required",
    )

    function_name: str
    recursive_loop: str
    """`Allow` or `Terminate`."""


class PutFunctionRecursionConfigCommandOutput(_Output):
    """The output of PutFunctionRecursionConfig."""

    _members = ("RecursiveLoop str",)

    recursive_loop: str | None = None
    """`Allow` or `Terminate`."""


class PutFunctionRecursionConfigCommand(
    OperationCommand[PutFunctionRecursionConfigCommandInput, PutFunctionRecursionConfigCommandOutput]
):
    """PutFunctionRecursionConfig is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionRecursionConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "PutFunctionRecursionConfig",
        "PUT /2024-08-31/functions/{FunctionName}/recursion-config",
        PutFunctionRecursionConfigCommandInput,
        PutFunctionRecursionConfigCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: PutFunctionRecursionConfigCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, function_name: str, recursive_loop: str, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class PutFunctionScalingConfigCommandInput(_Input):
    """The input of PutFunctionScalingConfig."""

    _members = (
        "FunctionName str required uri",
        "Qualifier str required query",
        "FunctionScalingConfig FunctionScalingConfig",
    )

    function_name: str
    qualifier: str
    function_scaling_config: FunctionScalingConfig | None = None


class PutFunctionScalingConfigCommandOutput(_Output):
    """The output of PutFunctionScalingConfig."""

    _members = ("FunctionState str",)

    function_state: str | None = None
    """`Pending`, `Active`, `Inactive`, `Failed`, `Deactivating`, `Deactivated`, `ActiveNonInvocable` or `Deleting`."""


class PutFunctionScalingConfigCommand(
    OperationCommand[PutFunctionScalingConfigCommandInput, PutFunctionScalingConfigCommandOutput]
):
    """PutFunctionScalingConfig is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionScalingConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "PutFunctionScalingConfig",
        "PUT /2025-11-30/functions/{FunctionName}/function-scaling-config",
        PutFunctionScalingConfigCommandInput,
        PutFunctionScalingConfigCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: PutFunctionScalingConfigCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            function_name: str,
            qualifier: str,
            function_scaling_config: FunctionScalingConfig | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class PutProvisionedConcurrencyConfigCommandInput(_Input):
    """The input of PutProvisionedConcurrencyConfig."""

    _members = (
        "FunctionName str required uri",
        "Qualifier str required query",
        "ProvisionedConcurrentExecutions int required",
    )

    function_name: str
    qualifier: str
    provisioned_concurrent_executions: int
    """At least 1."""


class PutProvisionedConcurrencyConfigCommandOutput(_Output):
    """The output of PutProvisionedConcurrencyConfig."""

    _members = (
        "RequestedProvisionedConcurrentExecutions int",
        "AllocatedProvisionedConcurrentExecutions int",
        "AvailableProvisionedConcurrentExecutions int",
        "Status str",
        "StatusReason str",
        "LastModified str",
    )

    requested_provisioned_concurrent_executions: int | None = None
    """At least 1."""
    allocated_provisioned_concurrent_executions: int | None = None
    """At least 0."""
    available_provisioned_concurrent_executions: int | None = None
    """At least 0."""
    status: str | None = None
    """`IN_PROGRESS`, `READY` or `FAILED`."""
    status_reason: str | None = None
    last_modified: str | None = None


class PutProvisionedConcurrencyConfigCommand(
    OperationCommand[PutProvisionedConcurrencyConfigCommandInput, PutProvisionedConcurrencyConfigCommandOutput]
):
    """PutProvisionedConcurrencyConfig is repeated, because a repeat does no harm.

    https://docs.aws.amazon.com/lambda/latest/api/API_PutProvisionedConcurrencyConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "PutProvisionedConcurrencyConfig",
        "PUT /2019-09-30/functions/{FunctionName}/provisioned-concurrency",
        PutProvisionedConcurrencyConfigCommandInput,
        PutProvisionedConcurrencyConfigCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(
            self, input: PutProvisionedConcurrencyConfigCommandInput, /, *, idempotent: bool | None = None
        ) -> None: ...
        @overload
        def __init__(
            self, *, function_name: str, qualifier: str, provisioned_concurrent_executions: int, idempotent: bool | None = None
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class PutResourcePolicyCommandInput(_Input):
    """The input of PutResourcePolicy."""

    _members = (
        "ResourceArn str required uri",
        "Policy str required",
        "RevisionId str",
    )

    resource_arn: str
    policy: str
    revision_id: str | None = None


class PutResourcePolicyCommandOutput(_Output):
    """The output of PutResourcePolicy."""

    _members = (
        "Policy str",
        "RevisionId str",
    )

    policy: str | None = None
    revision_id: str | None = None


class PutResourcePolicyCommand(OperationCommand[PutResourcePolicyCommandInput, PutResourcePolicyCommandOutput]):
    """PutResourcePolicy is repeated, because a repeat does no harm.

    https://docs.aws.amazon.com/lambda/latest/api/API_PutResourcePolicy.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "PutResourcePolicy",
        "PUT /2026-07-09/resource-policy/{ResourceArn}",
        PutResourcePolicyCommandInput,
        PutResourcePolicyCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: PutResourcePolicyCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self, *, resource_arn: str, policy: str, revision_id: str | None = None, idempotent: bool | None = None
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class PutRuntimeManagementConfigCommandInput(_Input):
    """The input of PutRuntimeManagementConfig."""

    _members = (
        "FunctionName str required uri",
        "Qualifier str query",
        "UpdateRuntimeOn str required",
        "RuntimeVersionArn str",
    )

    function_name: str
    update_runtime_on: str
    """`Auto`, `Manual` or `FunctionUpdate`."""
    qualifier: str | None = None
    runtime_version_arn: str | None = None


class PutRuntimeManagementConfigCommandOutput(_Output):
    """The output of PutRuntimeManagementConfig."""

    _members = (
        "UpdateRuntimeOn str required",
        "FunctionArn str required",
        "RuntimeVersionArn str",
    )

    update_runtime_on: str
    """`Auto`, `Manual` or `FunctionUpdate`."""
    function_arn: str
    runtime_version_arn: str | None = None


class PutRuntimeManagementConfigCommand(
    OperationCommand[PutRuntimeManagementConfigCommandInput, PutRuntimeManagementConfigCommandOutput]
):
    """PutRuntimeManagementConfig is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_PutRuntimeManagementConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "PutRuntimeManagementConfig",
        "PUT /2021-07-20/functions/{FunctionName}/runtime-management-config",
        PutRuntimeManagementConfigCommandInput,
        PutRuntimeManagementConfigCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: PutRuntimeManagementConfigCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            function_name: str,
            update_runtime_on: str,
            qualifier: str | None = None,
            runtime_version_arn: str | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class RemoveLayerVersionPermissionCommandInput(_Input):
    """The input of RemoveLayerVersionPermission."""

    _members = (
        "LayerName str required uri",
        "VersionNumber int required uri",
        "StatementId str required uri",
        "RevisionId str query",
    )

    layer_name: str
    version_number: int
    statement_id: str
    revision_id: str | None = None


class RemoveLayerVersionPermissionCommandOutput(_Output):
    """The output of RemoveLayerVersionPermission."""


class RemoveLayerVersionPermissionCommand(
    OperationCommand[RemoveLayerVersionPermissionCommandInput, RemoveLayerVersionPermissionCommandOutput]
):
    """RemoveLayerVersionPermission is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_RemoveLayerVersionPermission.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "RemoveLayerVersionPermission",
        "DELETE /2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy/{StatementId}",
        RemoveLayerVersionPermissionCommandInput,
        RemoveLayerVersionPermissionCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: RemoveLayerVersionPermissionCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            layer_name: str,
            version_number: int,
            statement_id: str,
            revision_id: str | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class RemovePermissionCommandInput(_Input):
    """The input of RemovePermission."""

    _members = (
        "FunctionName str required uri",
        "StatementId str required uri",
        "Qualifier str query",
        "RevisionId str query",
    )

    function_name: str
    statement_id: str
    qualifier: str | None = None
    revision_id: str | None = None


class RemovePermissionCommandOutput(_Output):
    """The output of RemovePermission."""


class RemovePermissionCommand(OperationCommand[RemovePermissionCommandInput, RemovePermissionCommandOutput]):
    """RemovePermission is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_RemovePermission.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "RemovePermission",
        "DELETE /2015-03-31/functions/{FunctionName}/policy/{StatementId}",
        RemovePermissionCommandInput,
        RemovePermissionCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: RemovePermissionCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            function_name: str,
            statement_id: str,
            qualifier: str | None = None,
            revision_id: str | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class ResumeDurableExecutionCommandInput(_Input):
    """The input of ResumeDurableExecution."""

    _members = (
        "DurableExecutionArn str required uri",
        "ClientToken str token",
        "Reason str sensitive",
    )

    durable_execution_arn: str
    client_token: str | None = None
    reason: str | None = None


class ResumeDurableExecutionCommandOutput(_Output):
    """The output of ResumeDurableExecution."""


class ResumeDurableExecutionCommand(OperationCommand[ResumeDurableExecutionCommandInput, ResumeDurableExecutionCommandOutput]):
    """ResumeDurableExecution is repeated, because a repeat does no harm.

    https://docs.aws.amazon.com/lambda/latest/api/API_ResumeDurableExecution.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "ResumeDurableExecution",
        "POST /2025-12-01/durable-executions/{DurableExecutionArn}/resume",
        ResumeDurableExecutionCommandInput,
        ResumeDurableExecutionCommandOutput,
        idempotent=True,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: ResumeDurableExecutionCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            durable_execution_arn: str,
            client_token: str | None = None,
            reason: str | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class SendDurableExecutionCallbackFailureCommandInput(_Input):
    """The input of SendDurableExecutionCallbackFailure."""

    _members = (
        "CallbackId str required uri",
        "Error ErrorObject payload",
    )

    callback_id: str
    error: ErrorObject | None = None


class SendDurableExecutionCallbackFailureCommandOutput(_Output):
    """The output of SendDurableExecutionCallbackFailure."""


class SendDurableExecutionCallbackFailureCommand(
    OperationCommand[SendDurableExecutionCallbackFailureCommandInput, SendDurableExecutionCallbackFailureCommandOutput]
):
    """SendDurableExecutionCallbackFailure is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_SendDurableExecutionCallbackFailure.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "SendDurableExecutionCallbackFailure",
        "POST /2025-12-01/durable-execution-callbacks/{CallbackId}/fail",
        SendDurableExecutionCallbackFailureCommandInput,
        SendDurableExecutionCallbackFailureCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(
            self, input: SendDurableExecutionCallbackFailureCommandInput, /, *, idempotent: bool | None = None
        ) -> None: ...
        @overload
        def __init__(self, *, callback_id: str, error: ErrorObject | None = None, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class SendDurableExecutionCallbackHeartbeatCommandInput(_Input):
    """The input of SendDurableExecutionCallbackHeartbeat."""

    _members = ("CallbackId str required uri",)

    callback_id: str


class SendDurableExecutionCallbackHeartbeatCommandOutput(_Output):
    """The output of SendDurableExecutionCallbackHeartbeat."""


class SendDurableExecutionCallbackHeartbeatCommand(
    OperationCommand[SendDurableExecutionCallbackHeartbeatCommandInput, SendDurableExecutionCallbackHeartbeatCommandOutput]
):
    """SendDurableExecutionCallbackHeartbeat is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_SendDurableExecutionCallbackHeartbeat.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "SendDurableExecutionCallbackHeartbeat",
        "POST /2025-12-01/durable-execution-callbacks/{CallbackId}/heartbeat",
        SendDurableExecutionCallbackHeartbeatCommandInput,
        SendDurableExecutionCallbackHeartbeatCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(
            self, input: SendDurableExecutionCallbackHeartbeatCommandInput, /, *, idempotent: bool | None = None
        ) -> None: ...
        @overload
        def __init__(self, *, callback_id: str, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class SendDurableExecutionCallbackSuccessCommandInput(_Input):
    """The input of SendDurableExecutionCallbackSuccess."""

    _members = (
        "CallbackId str required uri",
        "Result blob sensitive payload",
    )

    callback_id: str
    result: bytes | None = None


class SendDurableExecutionCallbackSuccessCommandOutput(_Output):
    """The output of SendDurableExecutionCallbackSuccess."""


class SendDurableExecutionCallbackSuccessCommand(
    OperationCommand[SendDurableExecutionCallbackSuccessCommandInput, SendDurableExecutionCallbackSuccessCommandOutput]
):
    """SendDurableExecutionCallbackSuccess is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_SendDurableExecutionCallbackSuccess.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "SendDurableExecutionCallbackSuccess",
        "POST /2025-12-01/durable-execution-callbacks/{CallbackId}/succeed",
        SendDurableExecutionCallbackSuccessCommandInput,
        SendDurableExecutionCallbackSuccessCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(
            self, input: SendDurableExecutionCallbackSuccessCommandInput, /, *, idempotent: bool | None = None
        ) -> None: ...
        @overload
        def __init__(self, *, callback_id: str, result: bytes | None = None, idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class StopDurableExecutionCommandInput(_Input):
    """The input of StopDurableExecution."""

    _members = (
        "DurableExecutionArn str required uri",
        "Error ErrorObject payload",
    )

    durable_execution_arn: str
    error: ErrorObject | None = None


class StopDurableExecutionCommandOutput(_Output):
    """The output of StopDurableExecution."""

    _members = ("StopTimestamp time required",)

    stop_timestamp: dt.datetime


class StopDurableExecutionCommand(OperationCommand[StopDurableExecutionCommandInput, StopDurableExecutionCommandOutput]):
    """StopDurableExecution is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_StopDurableExecution.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "StopDurableExecution",
        "POST /2025-12-01/durable-executions/{DurableExecutionArn}/stop",
        StopDurableExecutionCommandInput,
        StopDurableExecutionCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: StopDurableExecutionCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self, *, durable_execution_arn: str, error: ErrorObject | None = None, idempotent: bool | None = None
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class TagResourceCommandInput(_Input):
    """The input of TagResource."""

    _members = (
        "Resource str required uri",
        "Tags {str} required",
    )

    resource: str
    tags: Mapping[str, str]


class TagResourceCommandOutput(_Output):
    """The output of TagResource."""


class TagResourceCommand(OperationCommand[TagResourceCommandInput, TagResourceCommandOutput]):
    """TagResource is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_TagResource.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "TagResource", "POST /2017-03-31/tags/{Resource}", TagResourceCommandInput, TagResourceCommandOutput
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: TagResourceCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, resource: str, tags: Mapping[str, str], idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class UntagResourceCommandInput(_Input):
    """The input of UntagResource."""

    _members = (
        "Resource str required uri",
        "TagKeys [str] required query tagKeys",
    )

    resource: str
    tag_keys: Sequence[str]


class UntagResourceCommandOutput(_Output):
    """The output of UntagResource."""


class UntagResourceCommand(OperationCommand[UntagResourceCommandInput, UntagResourceCommandOutput]):
    """UntagResource is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_UntagResource.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "UntagResource", "DELETE /2017-03-31/tags/{Resource}", UntagResourceCommandInput, UntagResourceCommandOutput
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: UntagResourceCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(self, *, resource: str, tag_keys: Sequence[str], idempotent: bool | None = None) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class UpdateAliasCommandInput(_Input):
    """The input of UpdateAlias."""

    _members = (
        "FunctionName str required uri",
        "Name str required uri",
        "FunctionVersion str",
        "Description str",
        "RoutingConfig AliasRoutingConfiguration",
        "RevisionId str",
    )

    function_name: str
    name: str
    function_version: str | None = None
    description: str | None = None
    routing_config: AliasRoutingConfiguration | None = None
    revision_id: str | None = None


class UpdateAliasCommandOutput(_Output, structures.AliasConfiguration):
    """The output of UpdateAlias."""


class UpdateAliasCommand(OperationCommand[UpdateAliasCommandInput, UpdateAliasCommandOutput]):
    """UpdateAlias is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "UpdateAlias",
        "PUT /2015-03-31/functions/{FunctionName}/aliases/{Name}",
        UpdateAliasCommandInput,
        UpdateAliasCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: UpdateAliasCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            function_name: str,
            name: str,
            function_version: str | None = None,
            description: str | None = None,
            routing_config: AliasRoutingConfiguration | None = None,
            revision_id: str | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class UpdateCapacityProviderCommandInput(_Input):
    """The input of UpdateCapacityProvider."""

    _members = (
        "CapacityProviderName str required uri",
        "CapacityProviderScalingConfig CapacityProviderScalingConfig",
        "PropagateTags PropagateTags",
        "TelemetryConfig CapacityProviderTelemetryConfig",
    )

    capacity_provider_name: str
    capacity_provider_scaling_config: CapacityProviderScalingConfig | None = None
    propagate_tags: PropagateTags | None = None
    telemetry_config: CapacityProviderTelemetryConfig | None = None


class UpdateCapacityProviderCommandOutput(_Output):
    """The output of UpdateCapacityProvider."""

    _members = ("CapacityProvider CapacityProvider required",)

    capacity_provider: CapacityProvider


class UpdateCapacityProviderCommand(OperationCommand[UpdateCapacityProviderCommandInput, UpdateCapacityProviderCommandOutput]):
    """UpdateCapacityProvider is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_UpdateCapacityProvider.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "UpdateCapacityProvider",
        "PUT /2025-11-30/capacity-providers/{CapacityProviderName}",
        UpdateCapacityProviderCommandInput,
        UpdateCapacityProviderCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: UpdateCapacityProviderCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            capacity_provider_name: str,
            capacity_provider_scaling_config: CapacityProviderScalingConfig | None = None,
            propagate_tags: PropagateTags | None = None,
            telemetry_config: CapacityProviderTelemetryConfig | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class UpdateCodeSigningConfigCommandInput(_Input):
    """The input of UpdateCodeSigningConfig."""

    _members = (
        "CodeSigningConfigArn str required uri",
        "Description str",
        "AllowedPublishers AllowedPublishers",
        "CodeSigningPolicies CodeSigningPolicies",
    )

    code_signing_config_arn: str
    description: str | None = None
    allowed_publishers: AllowedPublishers | None = None
    code_signing_policies: CodeSigningPolicies | None = None


class UpdateCodeSigningConfigCommandOutput(_Output):
    """The output of UpdateCodeSigningConfig."""

    _members = ("CodeSigningConfig CodeSigningConfig required",)

    code_signing_config: CodeSigningConfig


class UpdateCodeSigningConfigCommand(
    OperationCommand[UpdateCodeSigningConfigCommandInput, UpdateCodeSigningConfigCommandOutput]
):
    """UpdateCodeSigningConfig is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_UpdateCodeSigningConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "UpdateCodeSigningConfig",
        "PUT /2020-04-22/code-signing-configs/{CodeSigningConfigArn}",
        UpdateCodeSigningConfigCommandInput,
        UpdateCodeSigningConfigCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: UpdateCodeSigningConfigCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            code_signing_config_arn: str,
            description: str | None = None,
            allowed_publishers: AllowedPublishers | None = None,
            code_signing_policies: CodeSigningPolicies | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class UpdateEventSourceMappingCommandInput(_Input):
    """The input of UpdateEventSourceMapping."""

    _members = (
        "UUID str required uri",
        "FunctionName str",
        "Enabled bool",
        "BatchSize int",
        "FilterCriteria FilterCriteria",
        "KMSKeyArn str",
        "MetricsConfig EventSourceMappingMetricsConfig",
        "LoggingConfig EventSourceMappingLoggingConfig",
        "ScalingConfig ScalingConfig",
        "MaximumBatchingWindowInSeconds int",
        "ParallelizationFactor int",
        "DestinationConfig DestinationConfig",
        "MaximumRecordAgeInSeconds int",
        "BisectBatchOnFunctionError bool",
        "MaximumRetryAttempts int",
        "TumblingWindowInSeconds int",
        "SourceAccessConfigurations [SourceAccessConfiguration]",
        "FunctionResponseTypes [str]",
        "AmazonManagedKafkaEventSourceConfig AmazonManagedKafkaEventSourceConfig",
        "SelfManagedKafkaEventSourceConfig SelfManagedKafkaEventSourceConfig",
        "DocumentDBEventSourceConfig DocumentDBEventSourceConfig",
        "ProvisionedPollerConfig ProvisionedPollerConfig",
    )

    uuid: str
    function_name: str | None = None
    enabled: bool | None = None
    batch_size: int | None = None
    """1 to 10,000."""
    filter_criteria: FilterCriteria | None = None
    kms_key_arn: str | None = None
    metrics_config: EventSourceMappingMetricsConfig | None = None
    logging_config: EventSourceMappingLoggingConfig | None = None
    scaling_config: ScalingConfig | None = None
    maximum_batching_window_in_seconds: int | None = None
    """0 to 300."""
    parallelization_factor: int | None = None
    """1 to 10."""
    destination_config: DestinationConfig | None = None
    maximum_record_age_in_seconds: int | None = None
    """-1 to 604,800."""
    bisect_batch_on_function_error: bool | None = None
    maximum_retry_attempts: int | None = None
    """-1 to 10,000."""
    tumbling_window_in_seconds: int | None = None
    """0 to 900."""
    source_access_configurations: Sequence[SourceAccessConfiguration] | None = None
    function_response_types: Sequence[str] | None = None
    """`ReportBatchItemFailures`."""
    amazon_managed_kafka_event_source_config: AmazonManagedKafkaEventSourceConfig | None = None
    self_managed_kafka_event_source_config: SelfManagedKafkaEventSourceConfig | None = None
    document_db_event_source_config: DocumentDBEventSourceConfig | None = None
    provisioned_poller_config: ProvisionedPollerConfig | None = None


class UpdateEventSourceMappingCommandOutput(_Output, structures.EventSourceMappingConfiguration):
    """The output of UpdateEventSourceMapping."""


class UpdateEventSourceMappingCommand(
    OperationCommand[UpdateEventSourceMappingCommandInput, UpdateEventSourceMappingCommandOutput]
):
    """UpdateEventSourceMapping is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "UpdateEventSourceMapping",
        "PUT /2015-03-31/event-source-mappings/{UUID}",
        UpdateEventSourceMappingCommandInput,
        UpdateEventSourceMappingCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: UpdateEventSourceMappingCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            uuid: str,
            function_name: str | None = None,
            enabled: bool | None = None,
            batch_size: int | None = None,
            filter_criteria: FilterCriteria | None = None,
            kms_key_arn: str | None = None,
            metrics_config: EventSourceMappingMetricsConfig | None = None,
            logging_config: EventSourceMappingLoggingConfig | None = None,
            scaling_config: ScalingConfig | None = None,
            maximum_batching_window_in_seconds: int | None = None,
            parallelization_factor: int | None = None,
            destination_config: DestinationConfig | None = None,
            maximum_record_age_in_seconds: int | None = None,
            bisect_batch_on_function_error: bool | None = None,
            maximum_retry_attempts: int | None = None,
            tumbling_window_in_seconds: int | None = None,
            source_access_configurations: Sequence[SourceAccessConfiguration] | None = None,
            function_response_types: Sequence[str] | None = None,
            amazon_managed_kafka_event_source_config: AmazonManagedKafkaEventSourceConfig | None = None,
            self_managed_kafka_event_source_config: SelfManagedKafkaEventSourceConfig | None = None,
            document_db_event_source_config: DocumentDBEventSourceConfig | None = None,
            provisioned_poller_config: ProvisionedPollerConfig | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class UpdateFunctionCodeCommandInput(_Input):
    """The input of UpdateFunctionCode."""

    _members = (
        "FunctionName str required uri",
        "ZipFile blob sensitive",
        "S3Bucket str",
        "S3Key str",
        "S3ObjectVersion str",
        "S3ObjectStorageMode str",
        "ImageUri str",
        "Architectures [str]",
        "Publish bool",
        "PublishTo str",
        "DryRun bool",
        "RevisionId str",
        "SourceKMSKeyArn str",
    )

    function_name: str
    zip_file: bytes | None = None
    s3_bucket: str | None = None
    s3_key: str | None = None
    s3_object_version: str | None = None
    s3_object_storage_mode: str | None = None
    """`COPY` or `REFERENCE`."""
    image_uri: str | None = None
    architectures: Sequence[str] | None = None
    """`x86_64` or `arm64`."""
    publish: bool | None = None
    publish_to: str | None = None
    """`LATEST_PUBLISHED`."""
    dry_run: bool | None = None
    revision_id: str | None = None
    source_kms_key_arn: str | None = None


class UpdateFunctionCodeCommandOutput(_Output, structures.FunctionConfiguration):
    """The output of UpdateFunctionCode."""


class UpdateFunctionCodeCommand(OperationCommand[UpdateFunctionCodeCommandInput, UpdateFunctionCodeCommandOutput]):
    """UpdateFunctionCode is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "UpdateFunctionCode",
        "PUT /2015-03-31/functions/{FunctionName}/code",
        UpdateFunctionCodeCommandInput,
        UpdateFunctionCodeCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: UpdateFunctionCodeCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            function_name: str,
            zip_file: bytes | None = None,
            s3_bucket: str | None = None,
            s3_key: str | None = None,
            s3_object_version: str | None = None,
            s3_object_storage_mode: str | None = None,
            image_uri: str | None = None,
            architectures: Sequence[str] | None = None,
            publish: bool | None = None,
            publish_to: str | None = None,
            dry_run: bool | None = None,
            revision_id: str | None = None,
            source_kms_key_arn: str | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class UpdateFunctionConfigurationCommandInput(_Input):
    """The input of UpdateFunctionConfiguration."""

    _members = (
        "FunctionName str required uri",
        "Role str",
        "Handler str",
        "Description str",
        "Timeout int",
        "MemorySize int",
        "VpcConfig VpcConfig",
        "Environment Environment",
        "Runtime str",
        "DeadLetterConfig DeadLetterConfig",
        "KMSKeyArn str",
        "TracingConfig TracingConfig",
        "RevisionId str",
        "Layers [str]",
        "FileSystemConfigs [FileSystemConfig]",
        "ImageConfig ImageConfig",
        "EphemeralStorage EphemeralStorage",
        "SnapStart SnapStart",
        "LoggingConfig LoggingConfig",
        "CapacityProviderConfig CapacityProviderConfig",
        "DurableConfig DurableConfig",
        "RuntimeConfig FunctionRuntimeConfig",
        "AcceleratorConfig AcceleratorConfig",
    )

    function_name: str
    role: str | None = None
    handler: str | None = None
    description: str | None = None
    timeout: int | None = None
    """1 to 5,400."""
    memory_size: int | None = None
    """128 to 32,768."""
    vpc_config: VpcConfig | None = None
    environment: Environment | None = None
    runtime: str | None = None
    """`nodejs`, `nodejs4.3`, `nodejs6.10`, `nodejs8.10`, `nodejs10.x`, `nodejs12.x`, `nodejs14.x`, `nodejs16.x`,
    `nodejs18.x`, `nodejs20.x`, `nodejs22.x`, `nodejs24.x`, `java8`, `java8.al2`, `java11`, `java17`, `java21`, `java25`,
    `python2.7`, `python3.6`, `python3.7`, `python3.8`, `python3.9`, `python3.10`, `python3.11`, `python3.12`, `python3.13`,
    `python3.14`, `dotnetcore1.0`, `dotnetcore2.0`, `dotnetcore2.1`, `dotnetcore3.1`, `dotnet6`, `dotnet8`, `dotnet10`,
    `nodejs4.3-edge`, `go1.x`, `ruby2.5`, `ruby2.7`, `ruby3.2`, `ruby3.3`, `ruby3.4`, `ruby4.0`, `provided`, `provided.al2`,
    `provided.al2023`, `nodejs26.x`, `python3.15`, `java8.al2023`, `java11.al2023`, `java17.al2023` or `custom`."""
    dead_letter_config: DeadLetterConfig | None = None
    kms_key_arn: str | None = None
    tracing_config: TracingConfig | None = None
    revision_id: str | None = None
    layers: Sequence[str] | None = None
    file_system_configs: Sequence[FileSystemConfig] | None = None
    image_config: ImageConfig | None = None
    ephemeral_storage: EphemeralStorage | None = None
    snap_start: SnapStart | None = None
    logging_config: LoggingConfig | None = None
    capacity_provider_config: CapacityProviderConfig | None = None
    durable_config: DurableConfig | None = None
    runtime_config: FunctionRuntimeConfig | None = None
    accelerator_config: AcceleratorConfig | None = None


class UpdateFunctionConfigurationCommandOutput(_Output, structures.FunctionConfiguration):
    """The output of UpdateFunctionConfiguration."""


class UpdateFunctionConfigurationCommand(
    OperationCommand[UpdateFunctionConfigurationCommandInput, UpdateFunctionConfigurationCommandOutput]
):
    """UpdateFunctionConfiguration is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "UpdateFunctionConfiguration",
        "PUT /2015-03-31/functions/{FunctionName}/configuration",
        UpdateFunctionConfigurationCommandInput,
        UpdateFunctionConfigurationCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: UpdateFunctionConfigurationCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            function_name: str,
            role: str | None = None,
            handler: str | None = None,
            description: str | None = None,
            timeout: int | None = None,
            memory_size: int | None = None,
            vpc_config: VpcConfig | None = None,
            environment: Environment | None = None,
            runtime: str | None = None,
            dead_letter_config: DeadLetterConfig | None = None,
            kms_key_arn: str | None = None,
            tracing_config: TracingConfig | None = None,
            revision_id: str | None = None,
            layers: Sequence[str] | None = None,
            file_system_configs: Sequence[FileSystemConfig] | None = None,
            image_config: ImageConfig | None = None,
            ephemeral_storage: EphemeralStorage | None = None,
            snap_start: SnapStart | None = None,
            logging_config: LoggingConfig | None = None,
            capacity_provider_config: CapacityProviderConfig | None = None,
            durable_config: DurableConfig | None = None,
            runtime_config: FunctionRuntimeConfig | None = None,
            accelerator_config: AcceleratorConfig | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class UpdateFunctionEventInvokeConfigCommandInput(_Input):
    """The input of UpdateFunctionEventInvokeConfig."""

    _members = (
        "FunctionName str required uri",
        "Qualifier str query",
        "MaximumRetryAttempts int",
        "MaximumEventAgeInSeconds int",
        "DestinationConfig DestinationConfig",
    )

    function_name: str
    qualifier: str | None = None
    maximum_retry_attempts: int | None = None
    """0 to 2."""
    maximum_event_age_in_seconds: int | None = None
    """60 to 21,600."""
    destination_config: DestinationConfig | None = None


class UpdateFunctionEventInvokeConfigCommandOutput(_Output, structures.FunctionEventInvokeConfig):
    """The output of UpdateFunctionEventInvokeConfig."""


class UpdateFunctionEventInvokeConfigCommand(
    OperationCommand[UpdateFunctionEventInvokeConfigCommandInput, UpdateFunctionEventInvokeConfigCommandOutput]
):
    """UpdateFunctionEventInvokeConfig is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionEventInvokeConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "UpdateFunctionEventInvokeConfig",
        "POST /2019-09-25/functions/{FunctionName}/event-invoke-config",
        UpdateFunctionEventInvokeConfigCommandInput,
        UpdateFunctionEventInvokeConfigCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(
            self, input: UpdateFunctionEventInvokeConfigCommandInput, /, *, idempotent: bool | None = None
        ) -> None: ...
        @overload
        def __init__(
            self,
            *,
            function_name: str,
            qualifier: str | None = None,
            maximum_retry_attempts: int | None = None,
            maximum_event_age_in_seconds: int | None = None,
            destination_config: DestinationConfig | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...


class UpdateFunctionUrlConfigCommandInput(_Input):
    """The input of UpdateFunctionUrlConfig."""

    _members = (
        "FunctionName str required uri",
        "Qualifier str query",
        "AuthType str",
        "Cors Cors",
        "InvokeMode str",
    )

    function_name: str
    qualifier: str | None = None
    auth_type: str | None = None
    """`NONE` or `AWS_IAM`."""
    cors: Cors | None = None
    invoke_mode: str | None = None
    """`BUFFERED` or `RESPONSE_STREAM`."""


class UpdateFunctionUrlConfigCommandOutput(_Output):
    """The output of UpdateFunctionUrlConfig."""

    _members = (
        "FunctionUrl str required",
        "FunctionArn str required",
        "AuthType str required",
        "Cors Cors",
        "CreationTime str required",
        "LastModifiedTime str required",
        "InvokeMode str",
    )

    function_url: str
    function_arn: str
    auth_type: str
    """`NONE` or `AWS_IAM`."""
    creation_time: str
    last_modified_time: str
    cors: Cors | None = None
    invoke_mode: str | None = None
    """`BUFFERED` or `RESPONSE_STREAM`."""


class UpdateFunctionUrlConfigCommand(
    OperationCommand[UpdateFunctionUrlConfigCommandInput, UpdateFunctionUrlConfigCommandOutput]
):
    """UpdateFunctionUrlConfig is sent at most once.

    https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionUrlConfig.html
    """

    __slots__ = ()
    operation = ApiOperation(
        "UpdateFunctionUrlConfig",
        "PUT /2021-10-31/functions/{FunctionName}/url",
        UpdateFunctionUrlConfigCommandInput,
        UpdateFunctionUrlConfigCommandOutput,
    )
    if TYPE_CHECKING:

        @overload
        def __init__(self, input: UpdateFunctionUrlConfigCommandInput, /, *, idempotent: bool | None = None) -> None: ...
        @overload
        def __init__(
            self,
            *,
            function_name: str,
            qualifier: str | None = None,
            auth_type: str | None = None,
            cors: Cors | None = None,
            invoke_mode: str | None = None,
            idempotent: bool | None = None,
        ) -> None: ...
        def __init__(self, *input: Any, **members: Any) -> None: ...
