"""The rules that template.yaml keeps."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from garner.runtime import settings

SECRETS = {"SIGNING_KEY", "OPENSEARCH_PASSWORD", "GLOBUS_AUTH_CLIENT_SECRET"}
PROVIDED_BY_LAMBDA = {"AWS_REGION"}


def folder(logical_id: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", logical_id.removesuffix("Function")).lower()


def of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def statements(function: dict[str, Any]) -> list[dict[str, Any]]:
    """The statements of a function's policies, those under a condition included."""
    listed = [each for policy in function.get("Policies", []) for each in policy["Statement"]]
    return [each["Fn::If"][1] if "Fn::If" in each else each for each in listed]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def environment(template: dict[str, Any], function: dict[str, Any]) -> dict[str, Any]:
    own = function.get("Environment", {}).get("Variables", {})
    return {**template["Globals"]["Function"]["Environment"]["Variables"], **own}


def routes(function: dict[str, Any]) -> Iterator[str]:
    for event in function.get("Events", {}).values():
        if event["Type"] == "HttpApi":
            properties = event["Properties"]
            yield f"{properties.get('Method', 'ANY')} {properties.get('Path', '$default')}"


def test_each_function_has_its_folder_and_each_folder_its_function(functions) -> None:
    folders = {path.parent.name for path in Path("functions").glob("*/app.py")}
    assert {folder(name) for name in functions} == folders
    for name, properties in functions.items():
        assert properties["CodeUri"] == f"functions/{folder(name)}/"


def test_no_right_reaches_further_than_it_says(functions) -> None:
    for name, properties in functions.items():
        for statement in statements(properties):
            for action in as_list(statement["Action"]):
                assert "*" not in action, (name, action)
            for resource in as_list(statement["Resource"]):
                assert resource != "*", (name, statement)


def test_rights_come_from_statements_of_our_own(functions) -> None:
    for name, properties in functions.items():
        assert "Role" not in properties
        for policy in properties.get("Policies", []):
            assert set(policy) == {"Statement"}, (name, policy)


def test_rights_on_the_table_name_the_keys_they_are_for(functions) -> None:
    for name, properties in functions.items():
        for statement in statements(properties):
            if statement["Resource"] == {"Fn::GetAtt": ["Table", "Arn"]}:
                (condition,) = statement["Condition"].values()
                assert condition["dynamodb:LeadingKeys"], (name, statement["Sid"])


def test_statement_names_are_unique_within_a_function(functions) -> None:
    for name, properties in functions.items():
        counts = Counter(statement["Sid"] for statement in statements(properties))
        assert max(counts.values(), default=1) == 1, (name, counts)


def test_each_function_gets_the_variables_it_needs(template, functions) -> None:
    for name, properties in functions.items():
        given = set(environment(template, properties))
        needed = set(settings.variables(folder(name), required=True))
        assert needed - given - PROVIDED_BY_LAMBDA == set(), name


def test_secrets_are_given_to_those_who_use_them_only(template, functions) -> None:
    for name, properties in functions.items():
        given = set(environment(template, properties)) & SECRETS
        assert given <= set(settings.variables(folder(name))), name
        assert set(settings.variables(folder(name))) & SECRETS <= given, name


def test_every_variable_of_the_template_is_one_that_somebody_reads(template, functions) -> None:
    known = {name for function in functions for name in settings.variables(folder(function))}
    for properties in functions.values():
        unknown = set(environment(template, properties)) - known
        assert unknown <= {"POWERTOOLS_METRICS_NAMESPACE"}


def test_functions_behind_the_api_answer_before_the_gateway_gives_up(template, functions) -> None:
    for name, properties in functions.items():
        if list(routes(properties)):
            timeout = properties.get("Timeout", template["Globals"]["Function"]["Timeout"])
            assert timeout < 30, name


def test_no_route_is_given_twice(functions) -> None:
    counts = Counter(route for properties in functions.values() for route in routes(properties))
    assert [route for route, count in counts.items() if count > 1] == []


def test_what_no_route_takes_is_answered_by_us(functions) -> None:
    assert "ANY $default" in routes(functions["NotFoundFunction"])


def test_every_queue_that_is_worked_on_has_dead_letters_that_are_watched(template) -> None:
    queues = of_type(template, "AWS::SQS::Queue")
    watched = {
        alarm["Dimensions"][0]["Value"]["Fn::GetAtt"][0]
        for alarm in of_type(template, "AWS::CloudWatch::Alarm").values()
        if alarm["Namespace"] == "AWS/SQS"
    }
    for source in of_type(template, "AWS::Lambda::EventSourceMapping").values():
        queue = queues[source["EventSourceArn"]["Fn::GetAtt"][0]]
        dead_letters = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        assert dead_letters in queues
        assert dead_letters in watched


def test_workers_report_each_message_and_have_time_to_be_repeated(template, functions) -> None:
    queues = of_type(template, "AWS::SQS::Queue")
    for source in of_type(template, "AWS::Lambda::EventSourceMapping").values():
        worker = functions[source["FunctionName"]["Ref"].removesuffix(".Alias")]
        queue = queues[source["EventSourceArn"]["Fn::GetAtt"][0]]
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert queue["VisibilityTimeout"] >= 6 * worker["Timeout"]
        assert "MaximumConcurrency" in source["ScalingConfig"]


def test_each_function_has_an_alarm_on_its_errors(template, functions) -> None:
    alarmed = {
        alarm["Dimensions"][0]["Value"]["Ref"]
        for alarm in of_type(template, "AWS::CloudWatch::Alarm").values()
        if alarm["Namespace"] == "AWS/Lambda" and alarm["MetricName"] == "Errors"
    }
    assert alarmed == set(functions)


def test_what_must_never_be_silent_is_watched(template) -> None:
    alarms = of_type(template, "AWS::CloudWatch::Alarm")
    ours = {each["MetricName"]: each for each in alarms.values() if each["Namespace"] == "Garner"}
    assert {"oldest_wait_seconds", "foreign_writes", "aliases_missing"} <= set(ours)
    assert ours["oldest_wait_seconds"]["TreatMissingData"] == "breaching"


def test_metrics_that_are_watched_are_metrics_that_are_sent(template) -> None:
    code = "\n".join(path.read_text() for path in Path("layers/shared/garner").rglob("*.py"))
    for alarm in of_type(template, "AWS::CloudWatch::Alarm").values():
        if alarm["Namespace"] == "Garner":
            name = alarm["MetricName"].removeprefix("drains_")  # drains_<how the turn ended>
            assert f'"{name}"' in code, name


def test_alarms_tell_somebody(template) -> None:
    for name, alarm in of_type(template, "AWS::CloudWatch::Alarm").items():
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}], name
        assert alarm["AlarmDescription"], name


def test_the_table_can_be_restored_and_forgets_what_has_expired(template) -> None:
    table = template["Resources"]["Table"]
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    properties = table["Properties"]
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    assert properties["TimeToLiveSpecification"]["AttributeName"] == "expires_at"


def test_payloads_are_private_versioned_and_encrypted(template) -> None:
    bucket = template["Resources"]["PayloadBucket"]["Properties"]
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["BucketEncryption"]
    (statement,) = template["Resources"]["PayloadBucketPolicy"]["Properties"]["PolicyDocument"][
        "Statement"
    ]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": False}}


def test_functions_run_on_python_313_and_arm64_and_logs_expire(template) -> None:
    shared = template["Globals"]["Function"]
    assert (shared["Runtime"], shared["Architectures"]) == ("python3.13", ["arm64"])
    assert "RetentionInDays" in template["Resources"]["LogGroup"]["Properties"]
    assert template["Parameters"]["Tracing"]["Default"] == "PassThrough"
