"""A payload with an outline is judged exactly as one without."""

from dataclasses import replace
from math import isnan

import orjson
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from garner.domain import operations
from garner.domain.content import Checker
from garner.domain.fields import FieldType, Schema
from garner.domain.outline import Outline, Outliner
from garner.domain.tasks import PayloadRef, Task, TaskKind
from garner.services.drain.judge import Judge
from tests.fakes.odd import ODD

TYPED = {
    FieldType.STRING: st.sampled_from(["x", "", "é", 'a"b\\', "2020-05-01", 7, 0.5, True]),
    FieldType.INTEGER: st.integers(-(2**63), 2**63 - 1),
    FieldType.FLOAT: st.one_of(st.integers(-9, 9), st.floats(-1e300, 1e300)),
    FieldType.BOOLEAN: st.booleans(),
    FieldType.DATE: st.sampled_from(["2020-05-01", "2020-05-01T10:00:00.5Z", "2020-02-29"]),
}
KINDS = st.sampled_from(list(TYPED))
PATHS = ("a", "b", "o.a", "o.p.b", "é")
ROOM = [each for each in ODD if type(each) is not float or not isnan(each)]
SUBJECTS = st.sampled_from(["s", "t", "é", 'q"uote', "back\\slash", "s/", "\u2028"])
IDS = st.sampled_from([None, None, "e", 'f"', "g\\"])


@st.composite
def contents(draw, fields):
    """Some of the fields with values that fit, each once or as an array; now and then odd ones."""
    content: dict = {}
    for path in draw(st.lists(st.sampled_from(PATHS), min_size=1, unique=True)):
        *levels, name = path.split(".")
        place = content
        for level in levels:
            place = place.setdefault(level, {})
        value = TYPED[fields[path]]
        place[name] = draw(st.one_of(value, value, st.lists(value, max_size=3)))
    if draw(st.integers(0, 5)) == 0:
        content[draw(st.sampled_from(["a", "o", "n", "x.y", ""]))] = draw(st.sampled_from(ROOM))
    return content


@st.composite
def lines(draw, fields):
    made = []
    for _ in range(draw(st.integers(1, 6))):
        subject, entry_id = draw(SUBJECTS), draw(IDS)
        what = draw(st.integers(0, 30))
        if what == 0:
            made.append(operations.delete_entry(subject, entry_id))
        elif what == 1:
            made.append(operations.delete_subject(subject))
        else:
            sets = {"readers": ["public"]} if what == 2 else None
            content = draw(contents(fields))
            made.append(
                operations.upsert(
                    subject, ["public"], content, entry_id=entry_id, principal_sets=sets
                )
            )
    return made


def judged(schema, payload, unmapped):
    task = Task(
        n=3,
        kind=TaskKind.INGEST,
        caller="",
        request_id="",
        payload=PayloadRef("", "", 0, 0),
        operations=0,
        created_at=0.0,
        skip_errors=True,
    )
    return Judge(schema).judge(task, payload, set(unmapped))


@given(st.data())
@settings(max_examples=600, deadline=None)
def test_an_outline_changes_nothing(data):
    fields = {path: data.draw(KINDS) for path in PATHS}
    made = data.draw(lines(fields))
    try:
        plain = operations.join({}, map(orjson.dumps, made))
    except (TypeError, ValueError):  # nothing that accept would let in
        assume(False)
    outliner = Outliner()
    for line in made:
        outliner.take(line)
    header = outliner.header()
    outline = Outline.from_header(header)
    event(f"outline {'none' if not outline else 'fits' if outline.fits(fields) else 'other'}")
    outlined = operations.join(header, plain.split(b"\n")[1:])
    schema = Schema(dict(fields))
    unmapped = data.draw(st.sets(st.sampled_from(PATHS)))
    with_outline, without = (judged(schema, each, unmapped) for each in (outlined, plain))
    # Those that only a refused entry has may be among them: they are mapped a little earlier.
    assert with_outline.used_unmapped >= without.used_unmapped
    assert replace(with_outline, used_unmapped=set()) == replace(without, used_unmapped=set())


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_what_fits_is_what_the_checker_takes_as_it_is(data):
    fields = {path: data.draw(KINDS) for path in PATHS}
    content = data.draw(contents(fields))
    outliner = Outliner()
    outliner.take(operations.upsert("s", ["public"], content))
    outline = Outline.from_header(outliner.header())
    assume(outline is not None and not outline.odd)
    checker = Checker(Schema(dict(fields)))
    checked = checker.check(content)
    taken = getattr(checked, "differs", True) is False and not checker.new_fields
    event(f"fits {outline.fits(fields)}")
    assert taken or not outline.fits(fields)
