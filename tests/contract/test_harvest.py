"""Four sources, from registration to entries, on the running stack (controller contract 1.3)."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from garner.domain.harvest.run import Phase
from tests.contract.curator import Curator
from tests.contract.kill_in_phase import PhaseKiller, gated
from tests.contract.source_server import OAI_TOKENS, Records, serving_sources

ROWS = {"csv": 20_000, "json": 230, "xml": 200, "oai": 240}
CHANGED = 37
KILLED_IN = (
    Phase.FETCH,
    Phase.PARSE,
    Phase.CLASSIFY,
    Phase.TRANSFORM,
    Phase.DECIDE,
    Phase.PUBLISH,
    Phase.SETTLE,
)
KINDS = pytest.mark.parametrize("kind", list(ROWS))


def records(kind: str) -> Records:
    return {
        f"{kind}{number}": {"name": f"{kind} stone {number}", "weight": number % 977 + 0.5}
        for number in range(ROWS[kind])
    }


def changed(before: Records, names: list[str]) -> Records:
    return before | {name: before[name] | {"weight": -1.5} for name in names}


def without_a_share(before: Records, percent: int) -> Records:
    left = len(before) * (100 - percent) // 100
    return dict(list(before.items())[:left])


@dataclass
class Stage:
    """What was there after one update of a source."""

    run: dict[str, Any]
    head: int
    documents: dict[str, tuple[int, Any]]
    tasks: list[dict[str, Any]]


@dataclass
class Story:
    """An index and a source of each kind, and what each update left."""

    curator: Curator
    indexes: dict[str, str] = field(default_factory=dict)
    stages: dict[str, list[Stage]] = field(default_factory=dict)
    hits: list[str] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    offered: list[dict[str, Records]] = field(default_factory=list)

    def source(self, kind: str) -> str:
        return f"SCR_1-{kind}-RIN"

    def offer(self, everything: dict[str, Records]) -> None:
        self.offered.append(everything)
        for kind, each in everything.items():
            self.curator.server.offered[self.source(kind)] = each

    def update(self, kind: str, more: str = "") -> None:
        self.curator.start(self.source(kind), f"stones_{kind}", more)

    def ended(self, kind: str) -> None:
        run = self.curator.finish(self.source(kind))
        index_id, known = self.indexes[kind], self.stages.setdefault(kind, [])
        since = known[-1].head if known else 0
        self.known(kind, run, index_id, since)

    def known(self, kind: str, run: dict[str, Any], index_id: str, since: int) -> None:
        stage = Stage(
            run,
            self.curator.log_head(index_id),
            self.curator.engine_documents(index_id),
            self.curator.tasks_of(index_id, since),
        )
        self.stages[kind].append(stage)

    def all_update(self, more: str = "") -> None:
        for kind in ROWS:
            self.update(kind, more)
        for kind in ROWS:
            self.ended(kind)


@pytest.fixture(scope="module")
def curator(stack):
    with serving_sources() as server:
        yield Curator(stack, server)


@pytest.fixture(scope="module")
def alerts(curator):
    """Reads what the topic of curators sends from now on."""
    sns, sqs = curator.stack.aws("sns"), curator.stack.aws("sqs")
    url = sqs.create_queue(QueueName="alerts-of-a-test")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=curator.physical("CuratorTopic"), Protocol="sqs", Endpoint=arn)

    def read() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while batch := sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1
        ).get("Messages"):
            for message in batch:
                found.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    return read


@pytest.fixture(scope="module")
def story(curator, alerts):
    """Four updates of four sources; the worker of the largest one is killed in each step."""
    told = Story(curator)
    told.offer({kind: records(kind) for kind in ROWS})
    for kind in ROWS:
        secret = {"ingestURL": curator.server.url(f"/csv/{told.source('csv')}", secret=True)}
        told.indexes[kind] = curator.make_index(f"stones_{kind}", told.source(kind))
        curator.register(told.source(kind), kind, **(secret if kind == "csv" else {}))
    first_update_with_kills(told)
    for kind in ("json", "xml", "oai"):
        told.update(kind)
    for kind in ROWS:
        told.ended(kind)
    before = told.offered[-1]
    told.offer({kind: changed(each, list(each)[:CHANGED]) for kind, each in before.items()})
    told.all_update()
    before = told.offered[-1]
    shrunk = {kind: without_a_share(each, 30) for kind, each in before.items()}
    told.offer({kind: changed(each, list(each)[-5:]) for kind, each in shrunk.items()})
    told.all_update()
    told.alerts = alerts()
    told.all_update("&-skipCheck=true")
    return told


def first_update_with_kills(told: Story) -> None:
    source = told.source("csv")
    with gated(told.curator) as gate:
        with told.curator.server.holding(f"/csv/{source}") as hold:
            run_id = told.curator.start(source, "stones_csv")
            killer = PhaseKiller(told.curator, gate, run_id)
            assert hold.came.wait(60), "nobody asked for the file"
            killer.kill_in_fetch()
        for phase in KILLED_IN[1:]:
            killer.kill_in(phase)
    killer.resume()
    told.hits = killer.hits


def test_a_worker_was_killed_in_each_step(story) -> None:
    assert story.hits == [phase.value for phase in KILLED_IN]


@KINDS
def test_the_first_update_brings_every_record_into_the_index(story, kind) -> None:
    first = story.stages[kind][0]
    counts = first.run["counts"]
    assert first.run["status"] == "SUCCESS", first.run
    assert (counts["newCount"], counts["numIndexed"]) == (ROWS[kind], ROWS[kind])
    assert contents(first.documents) == story.offered[0][kind]


@KINDS
def test_a_search_finds_what_was_published(story, kind) -> None:
    total, found = story.curator.searched(story.indexes[kind])
    assert total == ROWS[kind]
    offered = names_and_weights(story.offered[1][kind] | story.offered[2][kind])
    assert found.items() <= offered.items()


@KINDS
def test_the_second_update_puts_the_37_changed_records_into_the_log_and_no_other(
    story, kind
) -> None:
    first, second = story.stages[kind][:2]
    counts = second.run["counts"]
    assert (counts["changeCount"], counts["sameCount"]) == (CHANGED, ROWS[kind] - CHANGED)
    assert second.head - first.head == len(second.tasks)
    changed_documents = {
        key for key, document in second.documents.items() if first.documents[key] != document
    }
    assert len(changed_documents) == CHANGED
    assert contents(second.documents) == story.offered[1][kind]


@KINDS
def test_a_third_of_the_source_gone_changes_nothing_in_the_index(story, kind) -> None:
    second, third = story.stages[kind][1:3]
    assert third.run["status"] == "FAILED"
    assert third.head == second.head
    assert third.documents == second.documents
    assert third.tasks == []


@KINDS
def test_the_reason_of_the_refusal_is_in_the_run_the_status_and_the_alert(story, kind) -> None:
    reason = story.stages[kind][2].run["message"]
    left = len(story.offered[2][kind])
    assert reason == f"Accounting Error: {left} records, {ROWS[kind]} at the last accepted crawl"
    shown = story.curator.call("GET", f"/v1/source/{story.source(kind)}")
    assert shown["last_refusal"] == reason
    sent = [each for each in story.alerts if story.source(kind) in each["Subject"]]
    assert [each["Subject"] for each in sent] == [f"{story.source(kind)}: Accounting Error"]
    assert reason in sent[0]["Message"]


@KINDS
def test_without_the_check_what_the_index_lacks_is_published(story, kind) -> None:
    third, fourth = story.stages[kind][2:4]
    assert fourth.run["status"] == "SUCCESS", fourth.run
    assert fourth.run["counts"]["numIndexed"] == 5
    assert contents(fourth.documents) == story.offered[1][kind] | story.offered[2][kind]
    touched = {key for key in fourth.documents if fourth.documents[key] != third.documents[key]}
    assert len(touched) == 5


def contents(documents: dict[str, tuple[int, Any]]) -> Records:
    """Key → fields, as the source has them."""
    found = [source["entries"][0]["content"] for _, source in documents.values()]
    return {key_of(content["name"]): content for content in found}


def key_of(name: str) -> str:
    return name.replace(" stone ", "")


def names_and_weights(offered: Records) -> Records:
    return {each["name"]: each for each in offered.values()}


def test_the_repository_was_harvested_through_its_tokens(story) -> None:
    asked = [
        target
        for target in story.curator.server.asked
        if target.startswith("/oai") and "resumptionToken" in target
    ]
    assert len(asked) == OAI_TOKENS * len(story.stages["oai"])
