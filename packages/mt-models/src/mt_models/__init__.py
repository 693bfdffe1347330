"""The networks of the course, their data, and a training loop.

`mt_models.datasets` reads the data, `mt_models.networks` defines the networks,
`mt_models.problems` combines both, `mt_models.training` trains, `mt_models.pictures` draws, and
`mt_models.prediction` runs trained networks; `mt_models.generation` continues texts. The command
line is `python -m mt_models`.
"""

__version__ = "0.1.0"
