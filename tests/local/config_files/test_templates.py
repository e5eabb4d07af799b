"""Templates: what each property of a function becomes, the resources that belong to it, and what is left out."""

import json

import pytest

from aiolambda import ConfigurationError
from aiolambda.local import DurableConfig, EventInvokeConfig, FunctionUrl, LocalFunction, UrlCors

SAM = """
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Runtime: python3.12
      CodeUri: src
"""
"""A function with the properties that it needs. Others may follow."""

DEPLOYED = "AWS gives the attribute Arn of {} when it is deployed"


def test_each_property_becomes_its_member(read, project):
    file = read(
        """
        Transform: AWS::Serverless-2016-10-31
        Resources:
          Layer: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: ./layer/}}
          Orders:
            Type: AWS::Serverless::Function
            Properties:
              FunctionName: orders
              Handler: handlers/app.handler
              Runtime: python3.12
              CodeUri: src/
              Timeout: 900
              MemorySize: "512"
              ReservedConcurrentExecutions: 0
              Environment: {Variables: {TEXT: orders, NUMBER: 1, DECIMAL: 1.5, TRUTH: true, DATE: 2020-01-01}}
              Layers: [!Ref Layer]
              LoggingConfig: {LogFormat: JSON, ApplicationLogLevel: DEBUG, LogGroup: orders}
              TenancyConfig: {TenantIsolationMode: PER_TENANT}
              DurableConfig: {ExecutionTimeout: 60, RetentionPeriodInDays: 3}
              RecursiveLoop: ALLOW
              AutoPublishAlias: live
              EventInvokeConfig:
                MaximumEventAgeInSeconds: 60
                MaximumRetryAttempts: 0
                DestinationConfig:
                  OnSuccess: {Type: Lambda, Destination: !GetAtt Archive.Arn}
                  OnFailure: {Type: Lambda, Destination: !Sub "${Archive.Arn}:live"}
              Events: {Api: {Type: HttpApi}}
          Archive:
            Type: AWS::Lambda::Function
            Properties: {Handler: app.archive, Code: src, Runtime: python3.13}
        """
    )
    assert file.notes == ()
    assert file.settings == {}
    assert file.files == (project / "template.yaml",)
    assert file.functions == (
        LocalFunction(
            name="orders",
            handler="handlers/app.handler",
            root=project / "src",
            timeout=900,
            memory_size=512,
            concurrency=0,
            environment={"TEXT": "orders", "NUMBER": "1", "DECIMAL": "1.5", "TRUTH": "true", "DATE": "2020-01-01"},
            layers=(project / "layer",),
            log_format="JSON",
            log_level="DEBUG",
            tenant_isolation=True,
            durable=DurableConfig(execution_timeout=60, retention_days=3),
            recursive_loop="Allow",
            versions={"1": project / "src"},
            aliases={"live": {"1": 1.0}},
            events=EventInvokeConfig(
                maximum_event_age=60, maximum_retry_attempts=0, on_success="Archive", on_failure="Archive:live"
            ),
        ),
        LocalFunction(name="Archive", handler="app.archive", root=project / "src", tenant_isolation=False),
    )


def test_json_template_needs_no_extra(read, project):
    template = {
        "Resources": {
            "Orders": {
                "Type": "AWS::Lambda::Function",
                "Properties": {"Handler": "app.handler", "Code": "src", "Runtime": "python3.12"},
            }
        }
    }
    for name in ("template.json", "Stack.template.json", "stack.template", "stack.yaml", "stack"):
        assert read(json.dumps(template), name).functions[0].root == project / "src"


def test_built_template_of_sam_is_read_where_it_is(read, project):
    (project / ".aws-sam" / "build" / "Orders").mkdir(parents=True)
    text = SAM.replace("CodeUri: src", "CodeUri: Orders") + "    Metadata: {SamResourceId: Orders}\n"
    (function,) = read(text, ".aws-sam/build/template.yaml").functions
    assert function.root == project / ".aws-sam" / "build" / "Orders"


def test_code_of_a_cdk_template_is_its_asset(read, project):
    (project / "asset.1").mkdir()
    (project / "asset.2").mkdir()
    asset = {"S3Bucket": {"Fn::Sub": "cdk-${AWS::AccountId}"}, "S3Key": "1.zip"}
    resources = {
        "Layer": {
            "Type": "AWS::Lambda::LayerVersion",
            "Properties": {"Content": asset},
            "Metadata": {"aws:asset:path": "asset.2", "aws:asset:property": "Content"},
        },
        "Orders": {
            "Type": "AWS::Lambda::Function",
            "Properties": {"Handler": "app.handler", "Runtime": "python3.12", "Code": asset, "Layers": [{"Ref": "Layer"}]},
            "Metadata": {"aws:asset:path": "asset.1", "aws:asset:is-bundled": False},
        },
    }
    (function,) = read(json.dumps({"Resources": resources}), "Stack.template.json").functions
    assert (function.root, function.layers) == (project / "asset.1", (project / "asset.2",))


def test_code_of_sam_is_by_default_beside_the_template(read, project):
    assert read(SAM.replace("      CodeUri: src\n", "")).functions[0].root == project


def test_absent_tenancy_refuses_tenants_as_on_lambda(read):
    assert read(SAM).functions[0].tenant_isolation is False


# Globals


def test_globals_are_shared_by_functions_of_sam_only(read, project):
    file = read(
        """
        Globals:
          Function:
            Runtime: python3.12
            Handler: app.handler
            CodeUri: src
            Timeout: 10
            Environment: {Variables: {STAGE: dev, TABLE: shared}}
            Layers: [!Ref Lower]
            LoggingConfig: {LogFormat: JSON}
        Resources:
          Lower: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: layer}}
          Upper: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: other}}
          Shared: {Type: AWS::Serverless::Function}
          Own:
            Type: AWS::Serverless::Function
            Properties:
              Timeout: 20
              CodeUri: other
              Environment: {Variables: {TABLE: own}}
              Layers: [!Ref Upper]
              LoggingConfig: {ApplicationLogLevel: WARN}
          Apart: {Type: AWS::Serverless::Function, IgnoreGlobals: [Timeout, Layers], Properties: {CodeUri: src}}
          Alone:
            Type: AWS::Serverless::Function
            IgnoreGlobals: "*"
            Properties: {CodeUri: src, Handler: a.b}
          Plain: {Type: AWS::Lambda::Function, Properties: {Code: src, Handler: a.b, Runtime: python3.12}}
        """
    )
    functions = {function.name: function for function in file.functions}
    own, shared = functions["Own"], functions["Shared"]
    assert (own.timeout, shared.timeout, functions["Apart"].timeout, functions["Alone"].timeout) == (20, 10, 60, 60)
    assert own.environment == {"STAGE": "dev", "TABLE": "own"}
    assert own.layers == (project / "layer", project / "other")
    assert (own.root, own.log_format, own.log_level) == (project / "other", "JSON", "WARN")
    assert (shared.environment, functions["Apart"].layers) == ({"STAGE": "dev", "TABLE": "shared"}, ())
    assert functions["Alone"].environment == functions["Plain"].environment == {}


@pytest.mark.parametrize(
    ("shared", "own", "merged"),
    [
        ("!If [Always, {Variables: {A: x}}, {}]", "{Variables: {B: y}}", {"B": "y"}),
        ("{Variables: {A: x}}", "!If [Always, {Variables: {B: y}}, {}]", {"B": "y"}),
        ("!If [Always, {Variables: {A: x}}, {}]", "!Ref AWS::NoValue", {}),
    ],
)
def test_function_is_not_merged_with_globals(read, shared, own, merged):
    file = read(
        f"""
        Globals: {{Function: {{Runtime: python3.12, Handler: a.b, Environment: {shared}}}}}
        Conditions: {{Always: !Equals [a, a]}}
        Resources: {{Own: {{Type: AWS::Serverless::Function, Properties: {{Environment: {own}}}}}}}
        """
    )
    assert file.functions[0].environment == merged


# Versions, aliases, events


def test_versions_and_aliases_of_cloudformation(read, project):
    file = read(
        SAM
        + """
  First: {Type: AWS::Lambda::Version, Properties: {FunctionName: !Ref Orders}}
  Second: {Type: AWS::Lambda::Version, Properties: {FunctionName: !GetAtt Orders.Arn}}
  Live:
    Type: AWS::Lambda::Alias
    Properties:
      Name: live
      FunctionName: !Ref Orders
      FunctionVersion: !GetAtt Second.Version
      RoutingConfig: {AdditionalVersionWeights: [{FunctionVersion: !GetAtt First.Version, FunctionWeight: 0.25}]}
  Newest: {Type: AWS::Lambda::Alias, Properties: {Name: newest, FunctionName: Orders, FunctionVersion: $LATEST}}
  Old: {Type: AWS::Lambda::Alias, Properties: {Name: old, FunctionName: Orders, FunctionVersion: 7}}
"""
    )
    (function,) = file.functions
    assert function.versions == dict.fromkeys(("1", "2", "7"), project / "src")
    assert function.aliases == {"live": {"2": 0.75, "1": 0.25}, "newest": {"$LATEST": 1.0}, "old": {"7": 1.0}}
    assert file.notes == ("Old: version 7 is not in the template, and has the code of the template",)


def test_published_version_of_sam_is_the_first(read):
    (function,) = read(
        SAM
        + """
      AutoPublishAlias: live
  Next: {Type: AWS::Lambda::Version, Properties: {FunctionName: !Ref Orders}}
  Blue: {Type: AWS::Lambda::Alias, Properties: {Name: blue, FunctionName: !Ref Orders, FunctionVersion: !GetAtt Next.Version}}
"""
    ).functions
    assert function.aliases == {"live": {"1": 1.0}, "blue": {"2": 1.0}}


def test_event_config_of_cloudformation(read):
    file = read(
        SAM
        + """
  Config:
    Type: AWS::Lambda::EventInvokeConfig
    Properties:
      FunctionName: !Ref Orders
      Qualifier: live
      MaximumRetryAttempts: 1
      DestinationConfig: {OnFailure: {Destination: !GetAtt Orders.Arn}, OnSuccess: {Destination: !GetAtt Queue.Arn}}
  Other: {Type: AWS::Lambda::EventInvokeConfig, Properties: {FunctionName: !Ref Orders, Qualifier: $LATEST}}
  Queue: {Type: AWS::SQS::Queue}
"""
    )
    assert file.functions[0].events == EventInvokeConfig(maximum_retry_attempts=1, on_failure="Orders")
    assert file.notes == (
        "Other: the configuration is left out, because the function has another one",
        f"Config: DestinationConfig.OnSuccess.Destination is left out, because {DEPLOYED.format('Queue')}",
    )


CORS = "{AllowOrigins: ['*'], AllowMethods: [GET], AllowHeaders: [a], ExposeHeaders: [b], AllowCredentials: true, MaxAge: '5'}"
READ_CORS = UrlCors(
    allow_origins=["*"], allow_methods=["GET"], allow_headers=["a"], expose_headers=["b"], allow_credentials=True, max_age=5
)


def test_url_of_sam_is_read(read):
    file = read(f"{SAM}      FunctionUrlConfig: {{AuthType: NONE, InvokeMode: RESPONSE_STREAM, Cors: {CORS}}}\n")
    assert file.functions[0].url == FunctionUrl(auth_type="NONE", invoke_mode="RESPONSE_STREAM", cors=READ_CORS)
    assert file.notes == ()


@pytest.mark.parametrize("target", ["!Ref Orders", "!GetAtt Orders.Arn", "Orders"])
def test_url_of_cloudformation_is_read(read, target):
    properties = f"{{TargetFunctionArn: {target}, Qualifier: live, AuthType: AWS_IAM, Cors: {CORS}}}"
    file = read(
        f"""{SAM}
  Url: {{Type: AWS::Lambda::Url, Properties: {properties}}}
  Second: {{Type: AWS::Lambda::Url, Properties: {{TargetFunctionArn: !Ref Orders, AuthType: NONE}}}}
  Stray: {{Type: AWS::Lambda::Url, Properties: {{TargetFunctionArn: other, AuthType: NONE}}}}
"""
    )
    assert file.functions[0].url == FunctionUrl(cors=READ_CORS)
    assert file.notes == (
        "Stray: it is left out, because its function is not in the template",
        "Second: the URL is left out, because the function has another one, which its aliases share",
    )


def test_function_without_a_url_has_none(read):
    assert read(SAM).functions[0].url is None


def test_unknown_item_of_cors_is_left_out(read):
    origins = "[!GetAtt Page.Url, 'http://localhost:1']"
    file = read(
        f"""{SAM}      FunctionUrlConfig: {{AuthType: NONE, Cors: {{AllowOrigins: {origins}}}}}
  Page: {{Type: AWS::CloudFront::Distribution}}
"""
    )
    assert file.functions[0].url == FunctionUrl(auth_type="NONE", cors=UrlCors(allow_origins=["http://localhost:1"]))
    assert file.notes[0].startswith("Orders: FunctionUrlConfig.Cors.AllowOrigins: an item is left out, because AWS gives")


# What is left out


@pytest.mark.parametrize(
    ("properties", "note"),
    [
        ("{PackageType: Image, ImageUri: x}", "it is a container image"),
        ("{CodeUri: src, Handler: a.b, Runtime: nodejs22.x}", "its runtime is nodejs22.x, and no command runs it"),
        (
            "{InlineCode: x, Handler: a.b, Runtime: python3.12}",
            "its code is in the template; move the code to a file, and name",
        ),
        ("{CodeUri: 's3://b/k', Handler: a.b}", "CodeUri is not on this machine"),
        ("{CodeUri: {Bucket: !GetAtt B.Arn, Key: k}, Handler: a.b}", "CodeUri is not on this machine"),
    ],
)
def test_function_that_cannot_run_here_is_noted(read, properties, note):
    file = read(f"{SAM}  Other: {{Type: AWS::Serverless::Function, Properties: {properties}}}")
    assert [function.name for function in file.functions] == ["Orders"]
    assert file.notes[0].startswith(f"Other: the function is not served, because {note}")


def test_command_runs_other_languages_only(read):
    command = ("node", "ric", "{handler}")
    file = read(
        f"{SAM}  Node: {{Type: AWS::Serverless::Function, Properties: {{CodeUri: other, Handler: a.b, Runtime: nodejs22.x}}}}",
        runtime=command,
    )
    assert [function.runtime for function in file.functions] == [None, command]


def test_template_without_a_function_to_serve_gives_the_reasons(read):
    with pytest.raises(ConfigurationError, match=r"no function that can be served; Orders: .* its runtime is ruby3\.4"):
        read(SAM.replace("python3.12", "ruby3.4"))


def test_unknown_variable_is_left_out_or_taken_from_the_environment(read):
    text = SAM + "      Environment: {Variables: {TABLE_ARN: !GetAtt Table.Arn, STAGE: dev, QUEUE_ARN: !GetAtt Queue.Arn}}\n"
    text += "  Table: {Type: T}\n  Queue: {Type: T}"
    file = read(text, environment={"TABLE_ARN": "here", "STAGE": "not this one"})
    assert file.functions[0].environment == {"TABLE_ARN": "here", "STAGE": "dev"}
    start, remedy = "Orders: Environment.Variables.", "set QUEUE_ARN in the environment of this program"
    assert file.notes == (
        f"{start}TABLE_ARN has the value of this program's environment, because {DEPLOYED.format('Table')}",
        f"{start}QUEUE_ARN is left out, because {DEPLOYED.format('Queue')}; {remedy}",
    )


@pytest.mark.parametrize(
    ("property", "member", "note"),
    [
        (
            "Timeout: !Ref Limit",
            "timeout",
            "Timeout is left out, because the parameter Limit has neither a value nor a default",
        ),
        (
            "MemorySize: !ImportValue x",
            "memory_size",
            "MemorySize is left out, because Fn::ImportValue cannot be evaluated here",
        ),
        ("FunctionName: !Ref Limit", "name", "FunctionName is left out, because the parameter Limit"),
        (
            "Layers: [arn:aws:lambda:eu-west-1:123456789012:layer:x:1]",
            "layers",
            "a layer is left out, because arn:aws:lambda:eu",
        ),
        ("Layers: [!Ref Limit]", "layers", "a layer is left out, because the parameter Limit"),
        ("Layers: [!Ref Remote]", "layers", "a layer is left out, because ContentUri is not on this machine"),
        ("DeadLetterQueue: {Type: SQS}", "events", "DeadLetterQueue is left out, because no queue is served"),
        (
            "EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: SQS}}}",
            "events",
            "EventInvokeConfig.DestinationConfig.OnF",
        ),
        ("AutoPublishAlias: !Ref Limit", "aliases", "AutoPublishAlias is left out, because the parameter Limit"),
    ],
)
def test_unknown_setting_is_left_out(read, property, member, note):
    parameters = "Parameters: {Limit: {Type: Number}}\n"
    layer = "\n  Remote: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: 's3://b/k'}}"
    file = read(f"{parameters}{SAM}      {property}{layer}")
    assert getattr(file.functions[0], member) == getattr(read(SAM).functions[0], member)
    (found,) = file.notes
    assert found.startswith(f"Orders: {note}")


OTHER_PROPERTIES = """
    Description VpcConfig Role AssumeRolePolicyDocument Policies RolePath PermissionsBoundary Events Tags PropagateTags Tracing
    KmsKeyArn DeploymentPreference EphemeralStorage AutoPublishCodeSha256 AutoPublishAliasAllProperties VersionDescription
    ProvisionedConcurrencyConfig FileSystemConfigs ImageConfig CodeSigningConfigArn Architectures SnapStart
    RuntimeManagementConfig SourceKMSKeyArn CapacityProviderConfig FunctionScalingConfig VersionDeletionPolicy TracingConfig
    PublishToLatestPublished
"""


def test_misspelt_property_is_noted(read):
    file = read(SAM + "".join(f"      {name}: x\n" for name in ["Timout", "handler", *OTHER_PROPERTIES.split()]))
    assert file.notes == (
        "Orders: Timout is left out, because a function has no such property; did you mean Timeout?",
        "Orders: handler is left out, because a function has no such property; did you mean Handler?",
    )


def test_resources_that_are_elsewhere_are_noted(read):
    file = read(
        SAM
        + """
  Fn::ForEach::Many: [Name, [a, b], {"${Name}": {Type: AWS::Serverless::Function}}]
  Nested: {Type: AWS::Serverless::Application, Properties: {Location: other.yaml}}
  Lost: {Type: AWS::Lambda::Alias, Properties: {Name: live, FunctionName: elsewhere, FunctionVersion: "1"}}
  Vague: {Type: AWS::Lambda::Alias, Properties: {Name: live, FunctionName: !Ref Orders, FunctionVersion: !Ref Parameter}}
"""
    )
    assert file.notes == (
        "Fn::ForEach::Many: the resources of the loop are left out",
        "Nested: the stack is left out; its template is another file",
        "Lost: it is left out, because its function is not in the template",
        "Vague: FunctionVersion is left out, because the template has no parameter or resource Parameter",
        "Vague: the alias is left out, because its name or its version is not known",
    )


def test_resource_with_a_false_condition_is_absent(read):
    text = f"""
Parameters: {{Stage: {{Type: String, Default: dev}}}}
Conditions: {{IsProd: !Equals [!Ref Stage, prod]}}
{SAM}
  Prod: {{Type: AWS::Serverless::Function, Condition: IsProd, Properties: {{CodeUri: gone, Handler: a.b}}}}
  Version: {{Type: AWS::Lambda::Version, Condition: IsProd, Properties: {{FunctionName: !Ref Orders}}}}
"""
    file = read(text)
    assert (len(file.functions), file.functions[0].versions, file.notes) == (1, {}, ())
    with pytest.raises(ConfigurationError, match="resource Prod: CodeUri must be a folder; 'gone' does not exist"):
        read(text, parameters={"Stage": "prod"})


# What is wrong


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Handler: app.handler", "", "Handler is needed, and is not known, because the template does not have it"),
        (
            "app.handler",
            "!ImportValue x",
            "Handler is needed, and is not known, because Fn::ImportValue cannot be evaluated here",
        ),
        ("app.handler", "[a]", "Handler must be a text; got a list"),
        (
            "CodeUri: src",
            "CodeUri: !Ref Where",
            "CodeUri is needed, and is not known, because the template has no parameter or",
        ),
        ("CodeUri: src", "CodeUri: gone", "CodeUri must be a folder; 'gone' does not exist"),
        ("CodeUri: src", "CodeUri: src.zip", "CodeUri must be a folder; 'src.zip' is a file; unpack it, and name the folder"),
        ("CodeUri: src", "CodeUri: [a]", "CodeUri must be the path of a folder; got a list"),
        ("CodeUri: src", "Timeout: soon", "Timeout must be a whole number; got a string"),
        ("CodeUri: src", f"Timeout: '{'1' * 5_000}'", "Timeout must be a whole number; got a string"),
        (
            "CodeUri: src",
            "Timeout: 9999",
            "Timeout: the timeout of function 'Orders' must be above 0 and at most 5,400 seconds",
        ),
        ("CodeUri: src", "Timeout: [1]", "Timeout must be a text; got a list"),
        ("CodeUri: src", "Layers: x", "Layers must be a list; got a string"),
        ("CodeUri: src", "Environment: [A]", "Environment must be a mapping; got a list"),
        ("CodeUri: src", "Environment: {Variables: {A: [secret]}}", "Environment.Variables.A must be a text; got a list"),
        ("CodeUri: src", "Environment: {Variables: {A: }}", "Environment.Variables.A must be a text; got None"),
        (
            "CodeUri: src",
            "Environment: {Variables: {AWS_REGION: x}}",
            "Environment: function 'Orders': the variable AWS_REGION",
        ),
        ("CodeUri: src", "FunctionName: a b", "FunctionName: a function name must be 1 to 64 letters, digits, - and _"),
        ("CodeUri: src", "LoggingConfig: {LogFormat: Xml}", "LoggingConfig.LogFormat: function 'Orders': log_format must be"),
        ("CodeUri: src", "DurableConfig: {ExecutionTimeout: 0}", "DurableConfig: execution_timeout must be a whole number, 1"),
        ("CodeUri: src", "DurableConfig: {RetentionPeriodInDays: x}", "DurableConfig.RetentionPeriodInDays must be a whole"),
        ("CodeUri: src", "EventInvokeConfig: {MaximumRetryAttempts: 3}", "EventInvokeConfig: maximum_retry_attempts must be"),
        ("CodeUri: src", "FunctionUrlConfig: {AuthType: IAM}", "FunctionUrlConfig: auth_type must be 'AWS_IAM' or 'NONE'"),
        (
            "CodeUri: src",
            "FunctionUrlConfig: {AuthType: NONE, Cors: {AllowOrigins: '*'}}",
            "FunctionUrlConfig.Cors.AllowOrigins must be a list",
        ),
        (
            "CodeUri: src",
            "FunctionUrlConfig: {AuthType: NONE, Cors: {AllowOrigins: [[a]]}}",
            "FunctionUrlConfig.Cors.AllowOrigins must be a list of texts",
        ),
        (
            "CodeUri: src",
            "FunctionUrlConfig: {AuthType: NONE, Cors: {AllowCredentials: 3}}",
            "FunctionUrlConfig.Cors.AllowCredentials must be true or false",
        ),
        (
            "CodeUri: src",
            "FunctionUrlConfig: {AuthType: NONE, Cors: {AllowMethods: [OPTIONS]}}",
            "FunctionUrlConfig: allow_methods may have GET",
        ),
        (
            "AWS::Serverless::Function",
            "AWS::Lambda::Function",
            "Code is needed, and is not known, because the template does not",
        ),
    ],
)
def test_wrong_resource_is_named(read, project, old, new, said):
    with pytest.raises(ConfigurationError) as caught:
        read(SAM.replace(old, new))
    assert str(caught.value).startswith(f"{project / 'template.yaml'}: resource Orders: {said}")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Resources: 3", "Resources must be a mapping; got an int"),
        ("Resources: {Orders: [a]}", "resource Orders must be a mapping; got a list"),
        ("Resources: {Orders: {Properties: x}}", "resource Orders: Properties must be a mapping; got a string"),
        ("Globals: {Function: x}", "Globals: Function must be a mapping; got a string"),
        ("Resources: {}", "has no function that can be served"),
        (
            SAM.replace("Orders", "A") + SAM.replace("Orders", "B").split("\n", 2)[2] + "      FunctionName: A",
            "two functions have",
        ),
        (
            SAM + "    Condition: Gone",
            "resource Orders: its Condition cannot be decided, because the template has no condition Gone",
        ),
    ],
)
def test_wrong_template_is_told(read, text, said):
    with pytest.raises(ConfigurationError, match=rf"template\.yaml:? .*{said}"):
        read(text)


def test_variables_are_not_shown_by_the_result(read):
    assert "secret" not in repr(read(SAM + "      Environment: {Variables: {A: secret}}"))


def test_layer_that_is_missing_is_named(read):
    layer = "  Layer: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: gone}}"
    with pytest.raises(ConfigurationError, match="resource Layer: ContentUri must be a folder; 'gone' does not exist"):
        read(f"{SAM}      Layers: [!Ref Layer]\n{layer}")
