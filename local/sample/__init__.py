"""The sample collection: the registries of the Bioregistry. See README.md beside this file."""
