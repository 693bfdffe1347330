"""The networks of the course, their data, and one training loop for all of them.

`mt_models.datasets` reads, `mt_models.networks` are what learns, `mt_models.problems` join the
two, `mt_models.training` trains, `mt_models.pictures` draws, `mt_models.prediction` asks. The
command line is `python -m mt_models`.
"""
