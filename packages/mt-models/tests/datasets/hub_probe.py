"""A script that reads SST-2 with `load_sst2_from_hub` and prints JSON. It needs the extra `hub`.

Usage: python hub_probe.py CACHE_FOLDER SOURCE [SOURCE ...]

For each source the answer is either a list of the three splits, each as a list of texts and a
list of labels, or a dict with the names of the error and of its built-in base, and its message.
"""

import json
import sys

from mt_models.datasets import DataError, load_sst2_from_hub


def read(source: str, cache: str) -> object:
    """Read one source."""
    try:
        sst2 = load_sst2_from_hub(source, cache_dir=cache)
    except DataError as error:
        kinds = [kind.__name__ for kind in type(error).__mro__]
        return {"error": kinds[0], "kinds": kinds, "message": str(error)}
    return [(split.texts, split.labels.tolist()) for split in (sst2.train, sst2.dev, sst2.test)]


if __name__ == "__main__":
    cache, *sources = sys.argv[1:]
    print(json.dumps({source: read(source, cache) for source in sources}))
