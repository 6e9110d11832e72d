"""The rules that template.yaml keeps."""

import json
import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from garner.runtime import settings

SECRETS = {"SIGNING_KEY", "OPENSEARCH_PASSWORD", "GLOBUS_AUTH_CLIENT_SECRET"}
PROVIDED_BY_LAMBDA = {"AWS_REGION"}
OURS = {"Fn::Sub": "Garner/${AWS::StackName}"}  # two stacks of one account don't mix


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


def test_what_the_transform_adds_reaches_no_further_either(transformed) -> None:
    """Also roles and policies that nobody wrote: those of schedules, of the API, of event sources.

    The policies of AWS's own let functions write logs and traces; they name no log group.
    """
    roles = of_type(transformed, "AWS::IAM::Role")
    managed = [each for role in roles.values() for each in role.get("ManagedPolicyArns", [])]
    assert {str(each).rpartition("/")[2].rstrip("'}") for each in managed} <= {
        "AWSLambdaBasicExecutionRole",
        "AWSXrayWriteOnlyAccess",  # SAM can't know that tracing is off; X-Ray has no resources
    }
    policies = [each for role in roles.values() for each in role.get("Policies", [])]
    assert len(policies) > 20
    for policy in policies:
        for statement in policy["PolicyDocument"]["Statement"]:
            allowed = statement["Fn::If"][1] if "Fn::If" in statement else statement
            assert not [each for each in as_list(allowed["Action"]) if "*" in each], policy
            assert "*" not in as_list(allowed["Resource"]), policy
    for kind in ("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::IAM::Policy"):
        assert not of_type(transformed, kind)


def test_each_release_publishes_every_function_anew(functions) -> None:
    """SAM sees neither new values of parameters nor new code in a layer, and would leave the alias
    at the version before."""
    for name, properties in functions.items():
        assert properties["AutoPublishCodeSha256"] == {"Ref": "Release"}, name


def test_make_deploy_names_the_release_in_what_was_built(tmp_path) -> None:
    (edit,) = re.findall(r'sed -i\.bak "(.*)" \.aws-sam', Path("Makefile").read_text())
    built = tmp_path / "template.yaml"
    built.write_text(
        "Parameters:\n  Release:\n    Type: String\n    Default: ''\n"
        "  LogLevel:\n    Type: String\n    Default: INFO\n"
    )
    script = edit.replace("'$$(date +%s)'", "'1764087000'")
    subprocess.run(["sed", "-i.bak", script, str(built)], check=True)
    parameters = yaml.safe_load(built.read_text())["Parameters"]
    assert parameters["Release"]["Default"] == "1764087000"
    assert parameters["LogLevel"]["Default"] == "INFO"


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
        assert unknown == set()


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
        if alarm.get("Namespace") == "AWS/SQS"
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
        if alarm.get("Namespace") == "AWS/Lambda" and alarm["MetricName"] == "Errors"
    }
    assert alarmed == set(functions)


def test_what_must_never_be_silent_is_watched(template) -> None:
    alarms = of_type(template, "AWS::CloudWatch::Alarm")
    ours = {each["MetricName"]: each for each in alarms.values() if each.get("Namespace") == OURS}
    assert {"oldest_wait_seconds", "foreign_writes", "aliases_missing"} <= set(ours)
    assert ours["oldest_wait_seconds"]["TreatMissingData"] == "breaching"


def test_metrics_that_are_watched_are_metrics_that_are_sent(template) -> None:
    code = "\n".join(path.read_text() for path in Path("layers/shared/garner").rglob("*.py"))
    for alarm in of_type(template, "AWS::CloudWatch::Alarm").values():
        if alarm.get("Namespace") == OURS:
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


def test_a_domain_of_the_stack_is_encrypted_and_closed(template) -> None:
    domain = template["Resources"]["Domain"]
    assert domain["Condition"] == "CreatesDomain"
    assert domain["DeletionPolicy"] == domain["UpdateReplacePolicy"] == "Retain"
    properties = domain["Properties"]
    assert properties["EncryptionAtRestOptions"] == {"Enabled": True}
    assert properties["NodeToNodeEncryptionOptions"] == {"Enabled": True}
    assert properties["DomainEndpointOptions"]["EnforceHTTPS"]
    assert properties["DomainEndpointOptions"]["TLSSecurityPolicy"].startswith("Policy-Min-TLS-1-2")
    (statement,) = properties["AccessPolicies"]["Statement"]
    assert statement["Principal"] == {
        "AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
    }


def test_rights_on_the_engine_reach_its_own_indexes_only(functions) -> None:
    for name, properties in functions.items():
        for statement in statements(properties):
            if any(action.startswith("es:") for action in as_list(statement["Action"])):
                paths = [
                    each["Fn::If"][2]["Fn::Sub"].removeprefix("${OpenSearchArn}")
                    for each in statement["Resource"]
                    if "Fn::Sub" in each["Fn::If"][2]
                ]
                assert set(paths) <= {"/garner-*", "/_aliases"}, (name, paths)


def test_each_family_of_functions_can_reserve_concurrency(functions) -> None:
    reserved = {
        name: properties["ReservedConcurrentExecutions"]["Fn::If"][:2]
        for name, properties in functions.items()
        if "ReservedConcurrentExecutions" in properties
    }
    search = ["ReservesSearch", {"Ref": "SearchConcurrency"}]
    accept = ["ReservesAccept", {"Ref": "AcceptConcurrency"}]
    harvest = ["ReservesWorkers", {"Ref": "HarvestConcurrency"}]
    assert reserved == {
        "SearchFunction": search,
        "ScrollFunction": search,
        "IngestFunction": accept,
        "EntryFunction": accept,
        "SubjectFunction": accept,
        "BatchDeleteBySubjectFunction": accept,
        "DeleteByQueryFunction": accept,
        "IndexWorkerFunction": ["ReservesWorkers", {"Ref": "WorkerConcurrency"}],
        "FetchWorkerFunction": harvest,
        "HarvestWorkerFunction": harvest,
    }


def test_the_dashboard_shows_the_service_in_its_own_words(template) -> None:
    body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(body)["widgets"]
    metrics = [metric for widget in widgets for metric in widget["properties"]["metrics"]]
    ours = {metric[1] for metric in metrics if metric[0] == OURS["Fn::Sub"]}
    assert {"tasks_waiting", "oldest_wait_seconds", "entries_indexed", "entries_rejected"} <= ours
    code = "\n".join(path.read_text() for path in Path("layers/shared/garner").rglob("*.py"))
    for name in ours:
        assert f'"{name.removeprefix("drains_")}"' in code or name.startswith("tasks_"), name
    for dead_letters in ("DoorbellDeadLetters", "HarvestDeadLetters", "FetchDeadLetters"):
        assert f"${{{dead_letters}.QueueName}}" in body
    places = {(widget["properties"]["title"], widget["x"], widget["y"]) for widget in widgets}
    assert len({place[1:] for place in places}) == len(widgets)


def test_every_profile_sets_parameters_that_there_are(template) -> None:
    profiles = tomllib.loads(Path("samconfig.toml").read_text())
    for name, profile in profiles.items():
        if name == "version":
            continue
        deploy = profile["deploy"]["parameters"]
        for pair in deploy["parameter_overrides"].split():
            assert pair.partition("=")[0] in template["Parameters"], (name, pair)
        assert "project=garner" in deploy["tags"]


def test_functions_run_on_python_313_and_arm64_and_logs_expire(template, functions) -> None:
    shared = template["Globals"]["Function"]
    assert (shared["Runtime"], shared["Architectures"]) == ("python3.13", ["arm64"])
    assert "RetentionInDays" in template["Resources"]["LogGroup"]["Properties"]
    assert shared["LoggingConfig"] == {"LogGroup": {"Ref": "LogGroup"}}
    assert not [name for name, each in functions.items() if "LoggingConfig" in each]
    assert template["Parameters"]["Tracing"]["Default"] == "PassThrough"
