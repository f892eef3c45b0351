"""The artefact store: port and implementations."""
