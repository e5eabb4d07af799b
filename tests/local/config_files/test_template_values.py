"""The values of a template: functions of CloudFormation, parameters, conditions, mappings, names of resources."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolambda import ConfigurationError
from aiolambda.local.config_files import load_functions
from aiolambda.local.config_files.templates.intrinsics import Resolver
from aiolambda.local.config_files.templates.values import Unknown

TEMPLATE = """
Parameters:
  Stage: {Type: String, Default: dev, AllowedValues: [dev, prod]}
  Sizes: {Type: CommaDelimitedList, Default: "128, 256"}
  Numbers: {Type: List<Number>, Default: "1,2"}
  Count: {Type: Number, Default: 3}
  Flag: {Type: String, Default: true}
  Secret: {Type: String, NoEcho: true}
  Stored: {Type: AWS::SSM::Parameter::Value<String>, Default: /path}
Mappings:
  Sizes: {dev: {memory: 128, zones: [a, b]}, prod: {memory: 1024}}
  Regions: {us-east-1: {name: virginia}, eu-west-1: {name: ireland}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsDev: !Not [!Condition IsProd]
  Both: !And [!Condition IsProd, !Condition IsDev]
  Either: !Or [!Condition IsProd, !Condition IsDev]
  IsSet: !Equals [!Ref Flag, "true"]
  Hidden: !Equals [!Ref Secret, x]
  Decided: !Or [!Condition Hidden, !Condition IsDev]
  Undecided: !And [!Condition Hidden, !Condition IsDev]
  Circle: !Not [!Condition Circle]
  Odd: !Sub "x"
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      AutoPublishAlias: live
      Environment: {Variables: {VALUE: %s}}
  Named: {Type: AWS::Lambda::Function, Properties: {Handler: a.b, Code: ., FunctionName: !Sub "${Stage}-named"}}
  Layer: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: .}}
  PlainLayer: {Type: AWS::Lambda::LayerVersion, Properties: {Content: .}}
  Version: {Type: AWS::Lambda::Version, Properties: {FunctionName: !Ref Named}}
  Alias:
    Type: AWS::Lambda::Alias
    Properties: {Name: blue, FunctionName: !Ref Named, FunctionVersion: !GetAtt Version.Version}
  Lost: {Type: AWS::Lambda::Alias, Properties: {Name: blue, FunctionName: gone, FunctionVersion: 1}}
  Table: {Type: AWS::DynamoDB::Table, Properties: {TableName: !Join ["-", [orders, !Ref Stage]]}}
  Bucket: {Type: AWS::S3::Bucket}
  Itself: {Type: AWS::DynamoDB::Table, Properties: {TableName: !Ref Itself}}
"""
"""One function with the variable `VALUE`."""

LAMBDA = "arn:aws:lambda:us-east-1:000000000000"


@pytest.fixture
def value(tmp_path: Path):
    """The value of the variable; the note about it if it is left out."""

    def value(text: str, **arguments: object) -> str:
        path = tmp_path / "template.yaml"
        path.write_text(TEMPLATE % text)
        file = load_functions(path, **{"environment": {}, **arguments})
        found = file.functions[0].environment.get("VALUE")
        notes = [note for note in file.notes if not note.startswith("Lost: ")]
        if found is not None:
            assert notes == []
            return found
        (note,) = notes
        start, end = (
            "Orders: Environment.Variables.VALUE is left out, because ",
            "; set VALUE in the environment of this program",
        )
        assert note.startswith(start)
        assert note.endswith(end)
        return "unknown: " + note.removeprefix(start).removesuffix(end)

    return value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!Ref Stage", "dev"),
        ("{Ref: Stage}", "dev"),
        ("!Ref Count", "3"),
        ("!Ref Flag", "true"),
        ("!Ref AWS::Region", "us-east-1"),
        ("!Ref AWS::Partition", "aws"),
        ("!Ref AWS::AccountId", "000000000000"),
        ("!Ref AWS::StackName", "local"),
        ("!Ref AWS::URLSuffix", "amazonaws.com"),
        ("!Ref AWS::StackId", "arn:aws:cloudformation:us-east-1:000000000000:stack/local/local"),
        ("!Ref Named", "dev-named"),
        ("!GetAtt Named.Arn", f"{LAMBDA}:function:dev-named"),
        ("{Fn::GetAtt: [Named, Arn]}", f"{LAMBDA}:function:dev-named"),
        ("{Fn::GetAtt: Named.Arn}", f"{LAMBDA}:function:dev-named"),
        ("!Ref Orders.Alias", f"{LAMBDA}:function:Orders:live"),
        ("!Ref Orders.Version", f"{LAMBDA}:function:Orders:1"),
        ("!Ref Layer", f"{LAMBDA}:layer:Layer:1"),
        ("!GetAtt PlainLayer.LayerVersionArn", f"{LAMBDA}:layer:PlainLayer:1"),
        ("!Ref Version", f"{LAMBDA}:function:dev-named:1"),
        ("!GetAtt Version.Version", "1"),
        ("!Ref Alias", f"{LAMBDA}:function:dev-named:blue"),
        ("!Ref Table", "orders-dev"),
        ("!Sub plain", "plain"),
        ('!Sub "${Stage}/${AWS::Region}/${!Stage}/$Stage"', "dev/us-east-1/${Stage}/$Stage"),
        ('!Sub "${Named.Arn}:x"', f"{LAMBDA}:function:dev-named:x"),
        ('!Sub ["${A}-${Stage}-${B}", {A: !Ref Count, B: true}]', "3-dev-true"),
        ('!Sub ["${Stage}", {Stage: own}]', "own"),
        ('!Join ["-", [a, !Ref Stage, 1, true]]', "a-dev-1-true"),
        ('!Join [",", !Ref Sizes]', "128,256"),
        ('!Join ["", []]', "''"),
        ("!Select [1, !Ref Sizes]", "256"),
        ('!Select ["0", !Ref Numbers]', "1"),
        ('!Select [1, !Split ["|", "a|b|c"]]', "b"),
        ("!Select [0, [a, !GetAtt Bucket.Arn]]", "a"),
        ("!FindInMap [Sizes, !Ref Stage, memory]", "128"),
        ("!FindInMap [Regions, !Ref AWS::Region, name]", "virginia"),
        ("!FindInMap [Sizes, test, memory, {DefaultValue: 7}]", "7"),
        ('!Join ["", !FindInMap [Sizes, dev, zones]]', "ab"),
        ("!If [IsProd, a, b]", "b"),
        ("!If [IsDev, !Ref Stage, !GetAtt Bucket.Arn]", "dev"),
        ("!If [Both, a, b]", "b"),
        ("!If [Either, a, b]", "a"),
        ("!If [IsSet, a, b]", "a"),
        ("!If [Decided, a, b]", "a"),
        ("!Base64 abc", "YWJj"),
        ('!Base64 {"Fn::Sub": "${Stage}"}', "ZGV2"),
    ],
)  # fmt: skip
def test_function_has_a_value(value, text, expected):
    assert value(text) == expected.strip("'")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("!Ref Secret", "the parameter Secret has neither a value nor a default"),
        ("!Ref Stored", "the parameter Stored is read from AWS"),
        ("!Ref Tabel", "the template has no parameter or resource Tabel; did you mean Table?"),
        ("!GetAtt Tabel.Arn", "the template has no parameter or resource Tabel; did you mean Table?"),
        ("!GetAtt Table.Arn", "AWS gives the attribute Arn of Table when it is deployed"),
        ("!GetAtt Named", "Fn::GetAtt needs a list of 2 arguments"),
        ("!Ref Bucket", "AWS gives the name of Bucket when it is deployed"),
        ("!Ref Itself", "Ref of Itself depends on itself"),
        ("!Ref Lost", "the function of Lost is not in the template"),
        ("!Ref Named.Alias", "the resource Named has no AutoPublishAlias"),
        ("!Ref [a]", "Ref needs a name"),
        ('!Sub "${Bucket.Arn}/x"', "AWS gives the attribute Arn of Bucket when it is deployed"),
        ("!Sub [a]", "Fn::Sub needs a list of 2 arguments"),
        ("!Sub {a: b}", "Fn::Sub needs a text, or a text and a mapping"),
        ('!Join ["", [a, !Ref Bucket]]', "AWS gives the name of Bucket when it is deployed"),
        ('!Join ["", [a, [b]]]', "Fn::Join needs a text"),
        ('!Join ["", a]', "Fn::Join needs a list"),
        ('!Join ["", !Ref Secret]', "the parameter Secret has neither a value nor a default"),
        ("!Select [2, [a, b]]", "Fn::Select has an index outside of its list"),
        ("!Select [-1, [a, b]]", "Fn::Select has an index outside of its list"),
        ("!Select [0, !GetAZs '']", "Fn::GetAZs cannot be evaluated here"),
        ('!Split ["", a]', "Fn::Split needs a delimiter"),
        ("!FindInMap [Sizes, test, memory]", "the mapping Sizes has no value for test, memory"),
        ("!FindInMap [Sizes, dev]", "Fn::FindInMap needs a list of 3 or 4 arguments"),
        ("!If [Gone, a, b]", "the template has no condition Gone"),
        ("!If [[a], a, b]", "a condition has no name"),
        ("!If [Hidden, a, b]", "the parameter Secret has neither a value nor a default"),
        ("!If [Undecided, a, b]", "the parameter Secret has neither a value nor a default"),
        ("!If [Circle, a, b]", "the condition Circle depends on itself"),
        ("!If [Odd, a, b]", "a condition must be one of Condition, Fn::And, Fn::Equals, Fn::Not, Fn::Or"),
        ("!ImportValue x", "Fn::ImportValue cannot be evaluated here"),
        ("!Ref AWS::Nothing", "the template has no parameter or resource AWS::Nothing"),
        ('"{{resolve:ssm:/a}}"', "it is a dynamic reference, which AWS resolves"),
        ('!Sub "{{resolve:${Stage}:/a}}"', "it is a dynamic reference, which AWS resolves"),
        ('!Join ["", ["{{", "resolve:ssm:/a}}"]]', "it is a dynamic reference, which AWS resolves"),
    ],
)
def test_unknown_value_has_its_reason(value, text, reason):
    assert value(text).startswith(f"unknown: {reason}")


def test_no_value_removes_what_it_stands_for(tmp_path):
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE % "!Ref AWS::NoValue, OTHER: 1")
    assert load_functions(path, environment={}).functions[0].environment == {"OTHER": "1"}


# Parameters


def test_given_parameter_wins_over_its_default(value):
    assert value("!FindInMap [Sizes, !Ref Stage, memory]", parameters={"Stage": "prod"}) == "1024"
    assert value("!Select [1, !Ref Sizes]", parameters={"Sizes": "1,2"}) == "2"
    assert value("!If [Hidden, !Ref Secret, b]", parameters={"Secret": "x"}) == "x"
    assert value("!Ref Stored", parameters={"Stored": "value"}) == "value"
    assert value("!Ref AWS::StackName", parameters={"AWS::StackName": "shop"}) == "shop"


def test_region_and_its_partition_are_those_of_the_endpoint(value):
    assert value('!Sub "${AWS::Region} ${AWS::URLSuffix} ${Named.Arn}"', region="cn-north-1") == (
        "cn-north-1 amazonaws.com.cn arn:aws-cn:lambda:cn-north-1:000000000000:function:dev-named"
    )
    assert value("!FindInMap [Regions, !Ref AWS::Region, name]", region="eu-west-1") == "ireland"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"Stag": "dev"}, r"template\.yaml: the template has no parameter 'Stag'; did you mean Stage\?"),
        ({"Stage": "tset"}, r"template\.yaml: the parameter Stage must be one of its values; choose from dev, prod"),
    ],
)
def test_wrong_parameter_is_told(value, parameters, said):
    with pytest.raises(ConfigurationError, match=said):
        value("x", parameters=parameters)


# Templates that grow or turn in circles


@pytest.mark.parametrize(("text", "expected"), [("x", Unknown("the text is longer than 100,000 characters")), ("", "")])
def test_texts_that_double_end_early(text, expected):
    class Nothing:
        def ref(self, name: str) -> object:
            return Unknown("")

        def attribute(self, name: str, attribute: str) -> object:
            return Unknown("")

    doubled: object = text
    for _ in range(40):
        doubled = {"Fn::Sub": ["${A}" * 40, {"A": doubled}]}
    assert Resolver(Nothing(), {}, {}).resolve(doubled) == expected


def test_names_that_depend_on_each_other_end(tmp_path):
    names = {
        f"F{number}": {
            "Type": "AWS::Serverless::Function",
            "Properties": {"Handler": "a.b", "FunctionName": {"Ref": f"F{(number + 1) % 20}"}},
        }
        for number in range(20)
    }
    path = tmp_path / "template.json"
    path.write_text(json.dumps({"Resources": names}))
    with pytest.raises(ConfigurationError, match="two functions have the name"):
        load_functions(path, environment={})


@pytest.mark.parametrize("count", [300, 5000])
def test_long_chain_of_conditions_is_refused(tmp_path, count):
    chain = {f"C{number}": {"Fn::Not": [{"Condition": f"C{number + 1}"}]} for number in range(count)}
    function = {"Type": "AWS::Serverless::Function", "Condition": "C0", "Properties": {"Handler": "a.b"}}
    path = tmp_path / "template.json"
    path.write_text(json.dumps({"Conditions": chain, "Resources": {"F": function}}))
    with pytest.raises(ConfigurationError, match=r"nested in more than|its Condition cannot be decided"):
        load_functions(path, environment={})


# Any template


def one_of(words: str) -> st.SearchStrategy[str]:
    return st.sampled_from(words.split())


NAMES = one_of("F G L V A P C AWS::Region AWS::NoValue gone F.Alias F.Arn live 1 ${P} ${F.Arn}${G} {{resolve:x}} .")
FUNCTIONS = one_of(
    "Ref Fn::Sub Fn::GetAtt Fn::Join Fn::Select Fn::Split Fn::If Fn::FindInMap Fn::Base64 Condition Fn::Equals Fn::Not Fn::And "
    "Fn::ImportValue"
)
VALUES = st.recursive(
    NAMES | st.integers(-1, 3) | st.booleans() | st.none(),
    lambda part: (
        st.lists(part, max_size=4)
        | st.dictionaries(FUNCTIONS, part, min_size=1, max_size=1)
        | st.dictionaries(NAMES, part, max_size=2)
    ),
    max_leaves=8,
)
PROPERTIES = one_of(
    "Handler Code CodeUri FunctionName Timeout Layers Environment AutoPublishAlias Runtime Name FunctionVersion RoutingConfig "
    "EventInvokeConfig LoggingConfig DestinationConfig FunctionUrlConfig TargetFunctionArn Cors AllowOrigins"
)
TYPES = one_of(
    "AWS::Serverless::Function AWS::Lambda::Function AWS::Serverless::LayerVersion AWS::Lambda::Version AWS::Lambda::Alias "
    "AWS::Lambda::EventInvokeConfig AWS::Lambda::Url AWS::DynamoDB::Table"
)
RESOURCE = st.fixed_dictionaries(
    {"Type": TYPES | VALUES, "Properties": st.dictionaries(PROPERTIES, VALUES, max_size=5)}, optional={"Condition": VALUES}
)
TEMPLATES = st.fixed_dictionaries(
    {"Resources": st.dictionaries(NAMES, RESOURCE, max_size=5)},
    optional={name: st.dictionaries(NAMES, VALUES, max_size=3) for name in ("Parameters", "Conditions", "Mappings", "Globals")},
)


@given(TEMPLATES)
def test_any_template_is_read_or_refused(tmp_path_factory, template):
    path = tmp_path_factory.getbasetemp() / "template.json"
    served = {
        "Type": "AWS::Serverless::Function",
        "Properties": {"Handler": "a.b", "Environment": {"Variables": {"A": {"Ref": "F"}}}},
    }
    template["Resources"]["Served"] = served
    path.write_text(json.dumps(template))
    try:
        file = load_functions(path, environment={})
    except ConfigurationError:
        return
    assert "Served" in [function.name for function in file.functions]
