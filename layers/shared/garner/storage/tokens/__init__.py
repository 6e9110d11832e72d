"""Other issuers whose tokens count, each switched on by settings."""
