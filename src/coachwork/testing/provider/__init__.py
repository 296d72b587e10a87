"""A model provider on this machine that fails on request. `from coachwork.testing import ProviderServer`."""
