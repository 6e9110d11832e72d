"""API keys in the table: `A#<prefix>`, and the directory `A` that lists their prefixes."""

from collections.abc import Iterator
from dataclasses import asdict

from garner.ports.keys import ApiKey
from garner.storage.dynamodb.table import SINGLE, Item, Key, Put, Table, TransactionRefused

_DIRECTORY = "A"


class DynamoKeyStore:
    """The attribute `expires_at` is also the table's time to live: a key that is over goes away."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, prefix: str) -> ApiKey | None:
        item = self._table.get(_address(prefix))
        return _key(item) if item else None

    def put(self, key: ApiKey) -> bool:
        entry: Item = {"pk": _DIRECTORY, "sk": key.prefix}
        if key.expires_at is not None:
            entry["expires_at"] = key.expires_at
        try:
            self._table.transact([Put(_item(key), "attribute_not_exists(pk)"), Put(entry)])
        except TransactionRefused:
            return False
        return True

    def replace(self, key: ApiKey) -> None:
        self._table.put(Put(_item(key)))

    def list(self) -> Iterator[ApiKey]:
        prefixes = [entry["sk"] for entry in self._table.query(_DIRECTORY)]
        yield from map(_key, self._table.batch_get([*map(_address, prefixes)]).values())


def _address(prefix: str) -> Key:
    return f"A#{prefix}", SINGLE


def _item(key: ApiKey) -> Item:
    pk, sk = _address(key.prefix)
    attributes = {name: value for name, value in asdict(key).items() if value is not None}
    return {"pk": pk, "sk": sk, **attributes}


def _key(item: Item) -> ApiKey:
    return ApiKey(
        prefix=item["prefix"],
        secret_hash=item["secret_hash"],
        identity=item["identity"],
        linked_identities=tuple(item["linked_identities"]),
        groups=tuple(item["groups"]),
        scopes=tuple(item["scopes"]),
        controller_role=item.get("controller_role"),
        label=item["label"],
        created_at=item["created_at"],
        expires_at=item.get("expires_at"),
        disabled=item["disabled"],
    )
