"""The command line of the networks."""

from mt_models.cli.main import main

__all__ = ["main"]
