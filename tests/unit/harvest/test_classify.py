"""Records of a crawl against the base: new, same, changed, not seen, duplicate."""

from garner.domain.harvest.classify import ERRORS_ONLY, FINISHED_ONLY, classify, select
from garner.domain.harvest.rows import FAILED, FINISHED, Row, Seen, decode, encode

NOW = 100.0


def seen(key: str, content: str = "c", segment: int = 0, offset: int = 0) -> Seen:
    return Seen(key, content, segment, offset)


def known(key: str, content: str = "c", state: str = FINISHED) -> Row:
    return Row(key, content, 9, 9, 1.0, state, f"subject {key}", f"document {key}")


def run(records: list[Seen], base: list[Row], *, transform: bool = False, rule: bool = False):  # type: ignore[no-untyped-def]
    return classify(
        records,
        {row.key: row for row in base},
        now=NOW,
        transform_changed=transform,
        rule_changed=rule,
    )


def test_a_key_without_a_stored_copy_is_new_and_crawled_now() -> None:
    result = run([seen("a")], [])
    assert (result.new, result.same, result.changed) == (1, 0, 0)
    assert result.rows == [Row("a", "c", 0, 0, NOW)]
    assert result.work == result.rows


def test_an_equal_finished_record_is_the_same_and_keeps_its_crawl_date() -> None:
    result = run([seen("a", offset=5)], [known("a")])
    assert (result.new, result.same, result.changed) == (0, 1, 0)
    assert result.rows == [Row("a", "c", 0, 5, 1.0, FINISHED, "subject a", "document a")]
    assert result.work == []


def test_other_content_is_changed_and_crawled_now() -> None:
    result = run([seen("a", "d")], [known("a")])
    assert (result.changed, result.work[0].crawled_at) == (1, NOW)


def test_an_equal_record_in_error_enters_the_pipeline_again() -> None:
    result = run([seen("a")], [known("a", state=FAILED)])
    assert (result.changed, len(result.work)) == (1, 1)


def test_a_changed_transform_makes_records_changed_without_a_new_crawl_date() -> None:
    result = run([seen("a")], [known("a")], transform=True)
    assert (result.changed, result.same) == (1, 0)
    assert result.work[0].crawled_at == 1.0


def test_another_rule_of_the_subject_is_work_but_no_change() -> None:
    result = run([seen("a")], [known("a")], rule=True)
    assert (result.changed, result.same, len(result.work)) == (0, 1, 1)


def test_the_last_record_of_a_key_wins_in_whatever_order_they_come() -> None:
    records = [seen("a", "last", 2, 1), seen("a", "first", 0, 9), seen("a", "second", 2, 0)]
    for order in (records, records[::-1]):
        result = run(order, [])
        assert (result.new, result.duplicates) == (1, 2)
        assert result.rows[0].content == "last"


def test_what_the_base_has_and_the_crawl_has_not_is_not_seen() -> None:
    result = run([seen("a")], [known("a"), known("b"), known("c", state=FAILED)])
    assert result.not_seen == 2
    assert [row.key for row in result.rows] == ["a"]


def test_selecting_from_the_base() -> None:
    rows = [known("a"), known("b", state=FAILED)]
    assert [row.state for row in select(rows, ERRORS_ONLY)] == [FINISHED, ""]
    assert [row.state for row in select(rows, FINISHED_ONLY)] == ["", FAILED]


def test_rows_survive_their_encoding() -> None:
    rows = [known("a"), Row("b", "é\n", 1, 2, 3.5, reason='with "quotes"')]
    assert list(decode(Row, encode(rows))) == rows
    assert list(decode(Row, encode([]))) == []
