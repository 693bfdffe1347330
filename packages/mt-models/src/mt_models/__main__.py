"""Run as `python -m mt_models`."""

from mt_models.cli.program import run

if __name__ == "__main__":
    run()
