"""The write path of the storage tests, for the story from end to end."""

from tests.storage.conftest import clone, cloud, engine_server, payloads, table, write_path

__all__ = ["clone", "cloud", "engine_server", "payloads", "table", "write_path"]
