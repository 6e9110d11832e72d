"""Pure stages that turn a search request into the engine's query language."""
