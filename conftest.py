"""Plugins of the whole test suite; fixtures live beside the tests that use them."""

pytest_plugins = ["tests.compliance.plugin"]
