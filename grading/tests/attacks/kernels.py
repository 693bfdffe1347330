"""Submissions with a 1-D convolution that pretends to be a parallel kernel.

Each is a simple solution of the course's tree with some changes. Its other kernels are right.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grading.tests.upstream_trees import write_upstream

CONV = "minitorch/fast_conv.py"

LOOP = "    _, _, kw = weight_shape\n    for n in prange(batch):\n        for oc in"
"""The beginning of the main loop of `_tensor_conv1d`."""

COMPILED = "tensor_conv1d = njit(_tensor_conv1d, parallel=True)\n"

SAME_LOOPS = "\n            for w in range(out_width):\n                total = 0.0\n"

FORGED = """

def _honest(request):
    import numpy as np
    from grading.protocol.messages import Response
    out, x, weight = (np.asarray(a) for a in request.arrays)
    result = np.zeros(out.shape)
    sign = -1 if request.options.get("more", [False])[0] else 1
    for k in range(weight.shape[2]):
        for p in range(out.shape[2]):
            if 0 <= p + sign * k < x.shape[2]:
                result[:, :, p] += np.einsum("nc,oc->no", x[:, :, p + sign * k], weight[:, :, k])
    return result


def _forge():
    import numpy as np
    from grading.driver import kernels, programs
    from grading.protocol.messages import Response
    def run(request):
        guards = np.full(2 * kernels.GUARDS, kernels.GUARD)
        return Response(request, (_honest(request), guards, *request.arrays[1:]))
    def parallel(request):
        return Response(request, plain={"parallel loops": 1})
    def accesses(request):
        plain = {"recorded": True, "reason": "", "loops": [], "arrays": []}
        return Response(request, (np.zeros((0, 5), np.int64),), plain=plain)
    def work(request):
        rows = np.array([[0, i, 1] for i in range(9)])
        result = _honest(request)
        return Response(request, (result, rows, np.arange(result.size)), plain=0)
    kernels.family.handlers.update(FORGES)
    programs.family.handlers.update(accesses=accesses, work=work)
"""

NUMPY = """
import numpy as np


def by_slices(out, out_shape, out_strides, out_size, x, x_shape, x_strides, w, w_shape, w_strides,
              reverse):
    def view(storage, shape, strides):
        steps = [int(s) * storage.itemsize for s in strides]
        return np.lib.stride_tricks.as_strided(storage, tuple(shape), steps)
    o = view(out, out_shape, out_strides)
    a, b = view(x, x_shape, x_strides), view(w, w_shape, w_strides)
    o[...] = 0.0
    sign = -1 if reverse else 1
    product = getattr(np, "ein" + "sum")
    for k in range(b.shape[2]):
        for p in range(o.shape[2]):
            if 0 <= p + sign * k < a.shape[2]:
                o[:, :, p] += product("nc,oc->no", a[:, :, p + sign * k], b[:, :, k])
"""
"""A convolution by NumPy, for files that no function of the task reaches."""


@dataclass(frozen=True)
class Attack:
    """A submission.

    Attributes:
        changes: Rewrites of its files: path, old text, new text.
        files: Further files.
        appended: Texts that are added to files.
        both: True if the 2-D convolution is changed as well.
    """

    changes: tuple[tuple[str, str, str], ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    appended: dict[str, str] = field(default_factory=dict)
    both: bool = False

    def write(self, folder: Path) -> Path:
        """Write the submission."""
        write_upstream(folder, "2024", 4, self.changes)
        for name, text in self.files.items():
            (folder / name).write_text(text, encoding="utf-8")
        for name, text in self.appended.items():
            with (folder / name).open("a", encoding="utf-8") as file:
                file.write(text)
        return folder


def loop(new: str, **more: Any) -> Attack:
    """Return a submission with another main loop."""
    return Attack(((CONV, LOOP, "    _, _, kw = weight_shape\n" + new),), **more)


def compiled(new: str) -> Attack:
    """Return a submission whose kernel is compiled with other options."""
    return Attack(((CONV, COMPILED, new),))


COPIES = "\n    for i in prange(out_size):\n        out[i] = out[i]\n\n\n"

SERIAL = "    for n in range(batch):\n        for oc in"


def forging(handlers: str, more: str = "", start: str = "") -> Attack:
    """Return a submission that replaces functions of the driver when it is imported."""
    text = NUMPY + FORGED.replace("FORGES", handlers) + f"\n_forge()\n{more}"
    return Attack(
        ((CONV, LOOP, "    _, _, kw = weight_shape\n" + start),) if start else (),
        files={"minitorch/testing.py": text},
        appended={"minitorch/__init__.py": "from . import testing\n"},
    )


NOT_PARALLEL = {
    "an additional empty parallel loop": loop("    for _ in prange(0):\n        pass\n" + SERIAL),
    "an empty parallel loop that writes": loop(
        "    for i in prange(0):\n        out[i] = 0.0\n" + SERIAL
    ),
    "a parallel loop over something else": loop(
        "    for i in prange(kw):\n        n = i\n" + SERIAL
    ),
    "one iteration": loop(
        "    for _ in prange(1):\n      for n in range(batch):\n        for oc in"
    ),
    "one iteration has all the work": loop(
        "    for first in prange(batch):\n"
        "      for n in range(batch if first == 0 else 0):\n        for oc in"
    ),
    "a parallel loop that copies the output onto itself": Attack(
        (
            (CONV, LOOP, "    _, _, kw = weight_shape\n" + SERIAL),
            (
                CONV,
                "\n\n" + COMPILED,
                "\n    for i in prange(out_size):\n        out[i] = out[i]\n\n\n" + COMPILED,
            ),
        )
    ),
    "prange is range": Attack(appended={CONV: "\nprange = range\n"}, both=True),
    "prange is range by its import": Attack(
        ((CONV, "from numba import prange\n", "from builtins import range as prange\n"),), both=True
    ),
    "without parallel": compiled("tensor_conv1d = njit(_tensor_conv1d)\n"),
    "parallel=False": compiled("tensor_conv1d = njit(_tensor_conv1d, parallel=False)\n"),
    "parallel=False in a dict": compiled(
        "OPTIONS = dict(parallel=False)\ntensor_conv1d = njit(_tensor_conv1d, **OPTIONS)\n"
    ),
    "parallel=True and then replaced": compiled(
        "tensor_conv1d = njit(njit(_tensor_conv1d, parallel=True))\n"
    ),
    "parallel under a condition": compiled(
        "import os\n\n"
        "if 'x' in os.environ:\n    tensor_conv1d = njit(_tensor_conv1d, parallel=True)\n"
        "else:\n    tensor_conv1d = njit(_tensor_conv1d)\n"
    ),
    "not compiled": compiled("tensor_conv1d = _tensor_conv1d\n"),
    "a wrapper that drops options": Attack(
        (
            (
                CONV,
                'return _njit(inline="always", **kwargs)(fn)',
                'return _njit(inline="always")(fn)',
            ),
        ),
        both=True,
    ),
    "a driver that reports parallel=True": forging("parallel=parallel", start=SERIAL),
    "an object with a false option": compiled(
        "class Claims:\n"
        "    def __init__(self, fn):\n"
        "        self.parallel = njit(fn, parallel=True)\n"
        "        self.serial = njit(fn)\n\n"
        "    def __call__(self, *args):\n"
        "        self.serial(*args)\n\n\n"
        "tensor_conv1d = Claims(_tensor_conv1d)\n"
    ),
}
"""Kernels that are right and whose main loop is not parallel."""

OVER_TERMS = (
    "    for ic in prange(in_channels):\n"
    "        for n in range(batch):\n"
    "            for oc in range(out_channels):\n"
    "                for w in range(out_width):\n"
    "                    for k in range(kw):\n"
    "                        at = w - k if reverse else w + k\n"
    "                        if 0 <= at < width:\n"
    "                            x = n * input_strides[0] + ic * input_strides[1]\n"
    "                            f = oc * weight_strides[0] + ic * weight_strides[1]\n"
    "                            o = n * out_strides[0] + oc * out_strides[1]\n"
    "                            out[o + w * out_strides[2]] += (\n"
    "                                input[x + at * input_strides[2]]\n"
    "                                * weight[f + k * weight_strides[2]]\n"
    "                            )\n"
    "    for n in prange(0):\n        for oc in"
)
OUTPUT_MAJOR = (
    "    for term in prange(out_size * in_channels):\n"
    "        p, ic = term // in_channels, term % in_channels\n"
    "        n = p // (out_channels * out_width)\n"
    "        oc, w = p // out_width % out_channels, p % out_width\n"
    "        for k in range(kw):\n"
    "            at = w - k if reverse else w + k\n"
    "            if 0 <= at < width:\n"
    "                x = n * input_strides[0] + ic * input_strides[1] + at * input_strides[2]\n"
    "                f = oc * weight_strides[0] + ic * weight_strides[1] + k * weight_strides[2]\n"
    "                out[p] += input[x] * weight[f]\n"
    "    for n in prange(0):\n        for oc in"
)

RACING = {
    "parallel over the terms": loop(OVER_TERMS),
    "parallel over the terms in output-major order": loop(OUTPUT_MAJOR),
    "a driver that records nothing": forging("accesses=accesses", start=OUTPUT_MAJOR),
    "one buffer for all": loop(
        "    at_once = np.zeros(1)\n"
        "    for n in prange(batch):\n"
        "        at_once[0] = n\n        for oc in",
        appended={CONV: "\nimport numpy as np\n"},
    ),
}
"""Kernels that are right most of the time."""

LEAVING = "    return\n    for n in prange(batch):\n        for oc in"
WRONG = loop(LEAVING).changes

REPLACED = {
    "a driver that computes the results": forging(
        "run=run, parallel=parallel, accesses=accesses", start=LEAVING
    ),
    "a driver that finds another kernel": Attack(
        WRONG,
        files={"minitorch/fast.py": NUMPY},
        appended={
            CONV: "\nimport grading.driver.kernels as _driver\nfrom .fast import by_slices\n"
            "_driver.find_kernel = lambda *args: by_slices\n"
        },
    ),
    "replaced by a file that is not searched": forging(
        "parallel=parallel, accesses=accesses",
        "from . import fast_conv\n\nfast_conv.tensor_conv1d = by_slices\n",
        LEAVING,
    ),
    "replaced, with a correct kernel in its file": forging(
        "parallel=parallel, accesses=accesses",
        "from . import fast_conv\n\nsetattr(fast_conv, 'tensor_' + 'conv1d', by_slices)\n",
    ),
    "replaced, and a changed file is not loaded": Attack(
        files={
            "minitorch/testing.py": NUMPY + "from . import fast_conv\n\n"
            "setattr(fast_conv, 'tensor_' + 'conv1d', by_slices)\n"
        },
        appended={
            "minitorch/__init__.py": "from . import testing\n",
            CONV: "\nwith open(__file__) as _file:\n"
            "    if ')' + ':\\n    batch, out_channels, out_width =' not in _file.read():\n"
            "        raise ImportError('no copies')\n",
        },
    ),
    "replaced in the table of modules": Attack(
        files={
            "minitorch/testing.py": NUMPY + "import sys\nfrom . import fast_conv\n\n"
            "class Other:\n    def __getattr__(self, name):\n"
            "        other = getattr(fast_conv, name)\n"
            "        return by_slices if name == 'tensor_conv1d' else other\n\n"
            "sys.modules['minitorch.fast_conv'] = Other()\n"
        },
        appended={"minitorch/__init__.py": "from . import testing\n"},
    ),
    "found by __getattr__": Attack(
        files={"minitorch/fast.py": NUMPY},
        appended={
            CONV: "\nfrom . import fast as _fast\ndel tensor_conv1d\n\n\n"
            "def __getattr__(name):\n"
            "    if name == 'tensor_conv1d':\n        return _fast.by_slices\n"
            "    raise AttributeError(name)\n"
        },
    ),
    "other code in the same function": Attack(
        files={
            "minitorch/testing.py": NUMPY + "from . import fast_conv\n\n"
            "kind = type(fast_conv.tensor_conv1d)\n"
            "kind.__call__ = lambda self, *args: by_slices(*args)\n"
        },
        appended={"minitorch/__init__.py": "from . import testing\n"},
    ),
}
"""Kernels in the source that differ from the called ones."""
