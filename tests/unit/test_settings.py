import pytest

from garner.runtime import settings
from garner.runtime.settings import Draining, Engine, Settings, SettingsError, Table, Tokens

ENGINE = {"OPENSEARCH_URL": "http://engine:9200"}


def load(environment: dict[str, str], *groups: type[settings.Group]) -> Settings:
    return settings.load_groups(groups, environment)


def test_all_missing_names_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        settings.load("ingest", {})

    for name in ("TABLE_NAME", "PAYLOAD_BUCKET", "DOORBELL_QUEUE_URL", "SIGNING_KEY"):
        assert f"{name} is missing" in caught.value.message


def test_a_malformed_value_is_told_with_the_missing_ones() -> None:
    with pytest.raises(SettingsError, match=r"TABLE_NAME is missing.*LEASE_SECONDS is malformed"):
        load({"LEASE_SECONDS": "soon"}, Table, Draining)


def test_an_empty_value_is_the_default() -> None:
    assert load({**ENGINE, "OPENSEARCH_AUTH": ""}, Engine)[Engine].auth == "none"


def test_basic_authentication_needs_user_and_password() -> None:
    with pytest.raises(SettingsError, match="OPENSEARCH_PASSWORD"):
        load({**ENGINE, "OPENSEARCH_AUTH": "basic"}, Engine)


def test_a_shared_secret_algorithm_is_refused_for_tokens() -> None:
    with pytest.raises(SettingsError, match="HS256"):
        load({"OIDC_ALGORITHMS": "RS256 HS256"}, Tokens)


def test_a_short_signing_key_is_refused() -> None:
    for text in ("short", f"{'n' * 32},short", ","):
        with pytest.raises(SettingsError, match="SIGNING_KEY is malformed"):
            load({"SIGNING_KEY": text}, settings.Signing)


def test_of_several_signing_keys_the_first_is_the_one_in_use() -> None:
    found = load({"SIGNING_KEY": f"{'n' * 32},{'o' * 32}"}, settings.Signing)
    assert found[settings.Signing].keys == (b"n" * 32, b"o" * 32)


def test_a_heartbeat_that_can_not_keep_the_lease_is_refused() -> None:
    with pytest.raises(SettingsError, match="HEARTBEAT_SECONDS"):
        load({"LEASE_SECONDS": "10"}, Draining)


def test_secrets_are_not_shown() -> None:
    password = "correct-horse-battery"
    engine = load({**ENGINE, "OPENSEARCH_PASSWORD": password}, Engine)[Engine]

    assert engine.password == password
    assert password not in repr(engine)


def test_required_names_are_those_without_a_default() -> None:
    assert settings.variables("search", required=True) == [
        "OPENSEARCH_URL",
        "TABLE_NAME",
        "SIGNING_KEY",
    ]
