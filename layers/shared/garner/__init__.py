"""Garner: a serverless search service for research metadata."""
