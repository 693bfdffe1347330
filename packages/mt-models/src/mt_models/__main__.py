"""Run as `python -m mt_models`."""

from mt_models.cli import main

if __name__ == "__main__":
    main(prog_name="python -m mt_models")
