"""What the transform process does with one record: filter, key, transform, id, quality control."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from garner.domain.harvest.paths import element_steps, first_element_text
from garner.domain.harvest.quality import broken_rules
from garner.domain.harvest.records import Unusable, as_text, checked_document_id, joined_key
from garner.domain.harvest.source import OaiFormat, QcRule, RecordFilter, Source, XmlFormat
from garner.errors import JsonObject
from garner.limits import MAX_PRIMARY_KEY_BYTES, TRANSFORM_MAX_OUTPUT_BYTES
from garner.sources.jsonpath import finder, is_plain
from garner.sources.regex import compiled, matches

Transforming = Callable[[JsonObject, Mapping[str, str]], object]


class ProgramError(Exception):
    """The program can't be built; `problems` are (descriptor field, message)."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__("the program has problems")
        self.problems = list(problems)


@dataclass(frozen=True, slots=True)
class ProgramSpec:
    """A program as it travels to the process: all of it is JSON."""

    language: str
    script: str
    key_paths: tuple[str, ...]
    id_path: str = ""
    record_filter: RecordFilter | None = None
    filters_xml: bool = False
    rules: tuple[QcRule, ...] = ()

    @classmethod
    def of(cls, source: Source, document_id_path: str = "") -> "ProgramSpec":
        return cls(
            source.transform.language,
            source.transform.script,
            source.primary_key,
            document_id_path or source.document_id_path,
            source.record_filter,
            isinstance(source.format, XmlFormat | OaiFormat),
            source.qc_rules,
        )

    @classmethod
    def from_json(cls, document: JsonObject) -> "ProgramSpec":
        fields = dict(document)
        fields["key_paths"] = tuple(fields["key_paths"])
        fields["rules"] = tuple(QcRule(**rule) for rule in fields["rules"])
        chosen = fields["record_filter"]
        fields["record_filter"] = RecordFilter(**chosen) if chosen else None
        return cls(**fields)

    @property
    def is_harmless(self) -> bool:
        """Nothing in it can run away: it needs no process of its own."""
        if self.language == "jsonata":
            return False
        paths = [*self.key_paths, *([self.id_path] if self.id_path else [])]
        paths += [path for rule in self.rules for path in (rule.path, rule.cond_path or "$")]
        if self.record_filter and not self.filters_xml:
            paths.append(self.record_filter.path)
        if self.language == "jsonpath-map":
            paths += _mapping(self.script).values()
        return all(map(is_plain, paths))


class Program:
    """Raises `ProgramError` with everything that is wrong."""

    def __init__(self, spec: ProgramSpec) -> None:
        self._spec = spec
        problems: list[tuple[str, str]] = []

        def checked(field: str, build: Callable[[], Any]) -> Any:
            try:
                return build()
            except ValueError as error:
                problems.append((field, f"{error}."))

        self._keys = checked("primaryKeyJSONPath", lambda: list(map(finder, spec.key_paths)))
        if spec.id_path:
            checked("documentIdJsonPath", lambda: finder(spec.id_path))
        self._keeps = checked("filterJsonPath", lambda: _filter(spec))
        self._transforming = checked("transformScript", lambda: _transforming(spec))
        for rule in spec.rules:
            checked("qcRules", partial(_check_rule, rule))
        if problems:
            raise ProgramError(problems)

    def inspect(self, record: JsonObject) -> JsonObject:
        if not self._keeps(record):
            return {"kept": False}
        found = [find(record)[:1] for find in self._keys]
        key = [as_text(values[0]) if values else "" for values in found]
        try:
            if len(joined_key(key).encode()) > MAX_PRIMARY_KEY_BYTES:
                raise Unusable(f"The primary key is longer than {MAX_PRIMARY_KEY_BYTES} bytes.")
        except Unusable as error:
            return {"kept": True, "error": str(error)}
        return {"kept": True, "key": key}

    def transform(self, record: JsonObject, variables: Mapping[str, str]) -> JsonObject:
        document = self._transforming(record, variables)
        if not isinstance(document, dict):
            return {"error": "The transform gives no object for this record."}
        # Through JSON and back: the interpreter has containers of its own.
        text = orjson.dumps(document)
        if len(text) > TRANSFORM_MAX_OUTPUT_BYTES:
            return {"error": f"The document has more than {TRANSFORM_MAX_OUTPUT_BYTES:,} bytes."}
        document = orjson.loads(text)
        result: JsonObject = {"document": document} | self._identified(document)
        broken = broken_rules(
            self._spec.rules, document, lambda path, doc: finder(path)(doc), matches
        )
        if broken:
            result |= {"error": " ".join(broken), "qc_messages": broken}
        return result

    def _identified(self, document: JsonObject) -> JsonObject:
        if not self._spec.id_path:
            return {}
        found = finder(self._spec.id_path)(document)
        try:
            return {"document_id": checked_document_id(as_text(found[0]) if found else "")}
        except Unusable as error:
            return {"id_error": str(error)}


def _filter(spec: ProgramSpec) -> Callable[[JsonObject], bool]:
    chosen = spec.record_filter
    if chosen is None:
        return lambda _: True
    first: Callable[[JsonObject], str | None]
    if spec.filters_xml:
        steps = element_steps(chosen.path)
        first = lambda record: first_element_text(steps, record)  # noqa: E731
    else:
        find = finder(chosen.path)
        first = lambda record: next(map(as_text, find(record)), None)  # noqa: E731
    if not chosen.regex:
        return lambda record: first(record) == chosen.value
    pattern = compiled(chosen.value)

    def contains(record: JsonObject) -> bool:
        text = first(record)
        return text is not None and pattern.search(text) is not None

    return contains


def _check_rule(rule: QcRule) -> None:
    for path in (rule.path, rule.cond_path):
        if path is not None:
            finder(path)
    if rule.value_regex is not None:
        compiled(rule.value_regex)


def _transforming(spec: ProgramSpec) -> Transforming:
    if spec.language == "jsonata":
        from garner.sources.transform.jsonata import evaluator  # noqa: PLC0415 - 60 ms

        return evaluator(spec.script)
    if spec.language == "identity":
        return lambda record, _: record
    table = [
        (target.split("."), path, finder(path)) for target, path in _mapping(spec.script).items()
    ]

    def mapped(record: JsonObject, _: Mapping[str, str]) -> JsonObject:
        document: JsonObject = {}
        for target, path, find in table:
            found = find(record)
            if found:
                _put(document, target, found[0] if is_plain(path) else found)
        return document

    return mapped


def _mapping(script: str) -> dict[str, str]:
    """The table of a `jsonpath-map`: destination (`a.b`) → path. A path with a wildcard gives a
    list, always, so that the shape does not depend on the data."""
    try:
        table = orjson.loads(script)
    except orjson.JSONDecodeError:
        table = None
    if not isinstance(table, dict) or not table:
        raise ValueError("a jsonpath-map is an object of destination: path")
    return {str(target): str(path) for target, path in table.items()}


def _put(document: JsonObject, target: Sequence[str], value: object) -> None:
    for name in target[:-1]:
        inner = document.setdefault(name, {})
        if not isinstance(inner, dict):
            return
        document = inner
    document[target[-1]] = value
