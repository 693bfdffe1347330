"""Backends in other surroundings: several threads, forked children, without the compiler."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mt_autodiff import Tensor, from_numpy, grad_enabled, no_grad
from mt_kernels_cpu import Fast
from mt_kernels_cpu.tuned import Tuned
from mt_nn import Conv2d, Dropout, Linear, MaxPool2d, Module
from mt_tensor import REFERENCE, Backend

BACKENDS: dict[str, Backend] = {
    "reference": REFERENCE,
    "fast": Fast(np.float32),
    "tuned": Tuned(np.float32),
}


class Digits(Module):
    """A small network of the layers that images need."""

    def __init__(self, backend: Backend) -> None:
        self.convolution = Conv2d(1, 4, 3, activation="relu", rng=0, backend=backend)
        self.pooling = MaxPool2d(2)
        self.dropout = Dropout(0.5, rng=1)
        self.linear = Linear(4 * 4 * 4, 10, rng=2, backend=backend)

    def forward(self, images: Tensor) -> Tensor:
        x = self.pooling(self.convolution(images))
        x = self.dropout(x.view(x.shape[0], 4 * 4 * 4))
        return self.linear(x).sigmoid()  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", BACKENDS)
def test_inference_in_several_threads(name: str) -> None:
    """Compare answers under load with the answers of one thread."""
    backend = BACKENDS[name]
    network = Digits(backend)
    network.eval()
    rng = np.random.default_rng(0)
    # Batches of several sizes, so that memory of one size serves other sizes; on `Fast` the large
    # ones use all threads of numba.
    sizes = [1, 2] if name == "reference" else [1, 3, 64, 500]
    batches = [rng.random((size, 1, 10, 10)).astype(backend.dtype) for size in sizes]

    @no_grad
    def answer(batch: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        assert not grad_enabled()
        result = network(from_numpy(batch, backend))
        assert not result.requires_grad
        array: npt.NDArray[np.floating] = result.to_numpy()
        return array

    expected = [answer(batch).copy() for batch in batches]
    requests = [at % len(batches) for at in range(4 if name == "reference" else 200)]
    with ThreadPoolExecutor(8) as pool:
        received = list(pool.map(lambda at: answer(batches[at]), requests))
    for at, array in zip(requests, received, strict=True):
        np.testing.assert_array_equal(array, expected[at])
    assert all(parameter.value.grad is None for parameter in network.parameters())


def run(script: str, *arguments: str, **environment: str) -> str:
    """Run a script in a process with this module, and return its output."""
    # The time limit turns a child that waits for ever into a failure.
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, *arguments],
        env={**os.environ, **environment},
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def gradients(name: str) -> list[float]:
    """Return numbers of a training step; on `Fast` its products use all threads of numba."""
    backend, rng = BACKENDS[name], np.random.default_rng(3)
    network = Digits(backend)
    network.eval()
    images = from_numpy(rng.random((2 if name == "reference" else 300, 1, 10, 10)), backend)
    loss = network(images).mean()
    loss.backward()
    gradient = network.convolution.weight.value.grad
    return [loss.item(), *np.asarray(gradient.to_numpy(), np.float64).reshape(-1)[:4].tolist()]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_forked_children_compute() -> None:
    out = run(
        "import multiprocessing, test_surroundings as t\n"
        "names = list(t.BACKENDS)\n"
        "expected = [t.gradients(name) for name in names]\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "    received = pool.map(t.gradients, names)\n"
        "print([t.np.allclose(a, b, rtol=1e-5) for a, b in zip(expected, received)])\n"
    )
    assert out.strip() == "[True, True, True]"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_while_other_threads_compute() -> None:
    out = run(
        "import os, threading, test_surroundings as t\n"
        "stop, ready = threading.Event(), threading.Barrier(3)\n"
        "def work(name):\n"
        "    t.gradients(name)\n"
        # Python's own locks of imports are not released in a child: the first step imports modules.
        "    ready.wait()\n"
        "    while not stop.is_set():\n"
        "        t.gradients(name)\n"
        "threads = [threading.Thread(target=work, args=(n,)) for n in ('fast', 'tuned')]\n"
        "for thread in threads:\n"
        "    thread.start()\n"
        "ready.wait()\n"
        "codes = []\n"
        "for at in range(6):\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        t.gradients(('fast', 'tuned')[at % 2])\n"
        "        os._exit(0)\n"
        "    codes.append(os.waitpid(child, 0)[1])\n"
        "stop.set()\n"
        "print(codes)\n"
    )
    assert out.strip() == str([0] * 6)


def test_backends_compute_without_the_compiler() -> None:
    out = run(
        "import test_surroundings as t\nprint([t.gradients(name) for name in t.BACKENDS])\n",
        NUMBA_DISABLE_JIT="1",
    )
    for name, received in zip(BACKENDS, eval(out), strict=True):
        np.testing.assert_allclose(received, gradients(name), rtol=1e-4, err_msg=name)


def test_a_captured_step_without_the_compiler_says_why_it_runs_as_usual() -> None:
    out = run(
        "import warnings\n"
        "import test_surroundings as t\n"
        "from mt_nn import capture\n"
        "network = t.Digits(t.BACKENDS['tuned'])\n"
        "step = capture(lambda x: network(x).sum().detach())\n"
        "images = t.from_numpy(t.np.ones((1, 1, 10, 10), t.np.float32), t.BACKENDS['tuned'])\n"
        "with warnings.catch_warnings(record=True) as caught:\n"
        "    warnings.simplefilter('always')\n"
        "    for _ in range(4):\n"
        "        step(images)\n"
        "print(step.repetitions, [str(each.message) for each in caught])\n",
        NUMBA_DISABLE_JIT="1",
    )
    assert out.startswith("0 ['capture: <lambda> runs as usual, because it computes on Tuned")
    assert "whose kernels run as plain Python; unset NUMBA_DISABLE_JIT" in out
    assert out.count("capture:") == 1
