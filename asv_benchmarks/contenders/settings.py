"""Settings of the other frameworks: what their users change to make them faster on a CPU.

A setting is a set of options. It has the name of the framework and of each option, joined by plus
signs: ``torch+channels-last+fused``. The name alone, ``torch``, means the defaults. Options that
exclude each other, such as two allocators, have the same `Option.place`. Sources:

- PyTorch's performance tuning guide, https://docs.pytorch.org/tutorials/recipes/recipes/tuning_guide.html
- JAX's documentation of buffer donation, https://docs.jax.dev/en/latest/buffer_donation.html
"""

import ctypes.util
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from asv_benchmarks.contenders.contender import Absent
from asv_benchmarks.contenders.names import TITLES
from asv_benchmarks.workloads import Workload

STEP, WHOLE = ("train_step",), ("train_step", "answer")
IMAGES = ("conv2d", "avgpool2d", "maxpool2d")
OF_IMAGES, WITH_SGD = ("course", "lenet5"), ("course", "lenet5", "kim")
"""Networks whose inputs have the four dimensions of an image, and those trained by plain SGD."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a framework.

    Attributes:
        name: Its name in the name of a setting.
        title: Its name in tables.
        operations: The beginnings of the names of the operations that it changes; "" for all.
        networks: The networks that it changes; all if there are none.
        place: Options with the same place exclude each other; by default the name.
        variables: Environment variables that the process needs at its start.
        library: The name of a shared library that is loaded before all others.
    """

    name: str
    title: str
    operations: tuple[str, ...]
    networks: tuple[str, ...] = ()
    place: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    library: str = ""

    def applies(self, case: Workload) -> bool:
        """Return True if the option changes how a case is computed."""
        network = case.options.get("network")
        if network is not None and self.networks and network not in self.networks:
            return False
        return case.operation.startswith(self.operations)


_32_GB = str(2**35)
_ALLOCATORS = (
    Option(
        "thresholds",
        "malloc's thresholds raised",
        ("",),
        (),
        "allocator",
        # Memory that is freed stays with the process, so that the next step finds it mapped.
        {"MALLOC_TRIM_THRESHOLD_": _32_GB, "MALLOC_MMAP_THRESHOLD_": _32_GB},
    ),
    Option(
        "jemalloc",
        "jemalloc",
        ("",),
        (),
        "allocator",
        {
            "MALLOC_CONF": "oversize_threshold:1,background_thread:true,metadata_thp:auto,"
            "dirty_decay_ms:9000000000,muzzy_decay_ms:9000000000"
        },
        library="jemalloc",
    ),
)

OPTIONS: Mapping[str, tuple[Option, ...]] = {
    "torch": (
        Option("channels-last", "channels-last", (*WHOLE, *IMAGES), OF_IMAGES),
        Option("no-onednn", "without oneDNN", (*WHOLE, "conv")),
        Option("fused", "fused SGD", STEP, WITH_SGD),
        *_ALLOCATORS,
    ),
    "torch-compile": (
        Option("max-autotune", "max-autotune", WHOLE),
        Option("whole-step", "whole step", STEP, WITH_SGD),
        *_ALLOCATORS,
    ),
    "jax": (
        Option("donated", "donated buffers", STEP),
        Option("scan", "scan over steps", STEP),
        *_ALLOCATORS,
    ),
}
"""The options of each framework. The others are measured with their defaults."""


def rival_of(name: str) -> str:
    """Return the framework in the name of a setting.

    >>> rival_of("torch+channels-last+fused")
    'torch'
    """
    return name.partition("+")[0]


def options_of(name: str) -> tuple[Option, ...]:
    """Return the options in the name of a setting.

    Raises:
        ValueError: The framework has no such option, or two of the options exclude each other.
    """
    rival, *chosen = name.split("+")
    known = {option.name: option for option in OPTIONS.get(rival, ())}
    if unknown := [option for option in chosen if option not in known]:
        choice = f"choose from {', '.join(known)}" if known else "it is measured with its defaults"
        raise ValueError(f"{rival} has no option {unknown[0]!r}; {choice}")
    options = tuple(known[option] for option in chosen)
    places = [option.place or option.name for option in options]
    if len({*places}) < len(places):
        raise ValueError(f"{name}: two of its options exclude each other, or one is there twice")
    return options


def settings_of(rival: str, case: Workload) -> Iterator[str]:
    """Yield the name of every setting of a framework that differs for a case, defaults first.

    >>> [*settings_of("jax", Workload("", "matmul", ((2, 2), (2, 2))))]
    ['jax', 'jax+thresholds', 'jax+jemalloc']
    """
    places: dict[str, list[str]] = {}
    for option in OPTIONS.get(rival, ()):
        if option.applies(case):
            places.setdefault(option.place or option.name, [""]).append(f"+{option.name}")
    for chosen in itertools.product(*places.values()):
        yield rival + "".join(chosen)


def variables(name: str) -> dict[str, str]:
    """Return the environment variables with which the process of a setting starts.

    Raises:
        Absent: A library that the setting needs is not installed.
    """
    found: dict[str, str] = {}
    for option in options_of(name):
        found |= option.variables
        if option.library:
            found["LD_PRELOAD"] = _library(option.library)
    return found


def _library(name: str) -> str:
    """Return the path of a shared library, or its file name if the loader finds that."""
    file = ctypes.util.find_library(name)
    folders = (Path("/usr/lib"), Path("/usr/local/lib"))
    paths = [path for folder in folders for path in sorted(folder.glob(f"**/lib{name}.so.*"))]
    if not file and not paths:
        raise Absent(f"{name} is not installed (Debian: apt install lib{name}2)")
    return str(paths[0]) if paths else str(file)


def title(name: str) -> str:
    """Return the name of a contender and its options in tables.

    >>> title("torch+channels-last+fused")
    'PyTorch (channels-last, fused SGD)'
    """
    options = ", ".join(option.title for option in options_of(name))
    rival = TITLES.get(rival_of(name), rival_of(name))
    return f"{rival} ({options})" if options else rival
