"""Parsers: from stored bytes to records, one at a time."""
