"""Checkpoints: restored contents, rejected files, failed writes."""

import errno
import json
import os
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from mt_autodiff import Scalar, Tensor, rand, tensor
from mt_nn import (
    SGD,
    Adam,
    BatchNorm1d,
    Checkpoint,
    CheckpointError,
    Dropout,
    Linear,
    Module,
    Parameter,
    Sequential,
    checkpoint,
    load_checkpoint,
    mse_loss,
    save_checkpoint,
)
from mt_tensor import REFERENCE, Backend, Reference


class Network(Module):
    def __init__(self, seed: int = 0, backend: Backend = REFERENCE, hidden: int = 3) -> None:
        rng = np.random.default_rng(seed)
        self.first = Linear(2, hidden, rng=rng, backend=backend)
        self.layers: list[Dropout] = [Dropout(0.5, rng)]
        self.last = Linear(hidden, 1, rng=rng, backend=backend)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.last(self.layers[0](self.first(x).relu()))
        return out


class Training:
    """A network, an optimiser and a generator, all with a state."""

    def __init__(self, seed: int = 0, backend: Backend = REFERENCE) -> None:
        self.model = Network(seed, backend)
        self.optimizer = Adam(self.model.parameters(), lr=0.1)
        self.rng = np.random.default_rng(seed + 100)
        self.losses: list[float] = []

    @property
    def parts(self) -> dict[str, Any]:
        return {"model": self.model, "optimizer": self.optimizer, "rngs": {"batches": self.rng}}

    def run(self, steps: int) -> "Training":
        for _ in range(steps):
            x = rand((4, 2), rng=self.rng, backend=self.model.last.weight.value.backend)
            loss = mse_loss(self.model(x), x.sum(1, keepdim=True))
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.losses.append(loss.item())
        return self

    def everything(self) -> str:
        """Return the state with all digits, as text."""
        arrays = self.model.state_dict() | self.optimizer.state_dict()["slots"]
        exact = {name: (array.dtype.name, array.tolist()) for name, array in arrays.items()}
        states = [self.rng.bit_generator.state, self.model.layers[0].rng.bit_generator.state]
        rest = {k: v for k, v in self.optimizer.state_dict().items() if k != "slots"}
        return json.dumps([exact, states, rest], sort_keys=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "last.safetensors"


# Restored contents


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_resumed_training_equals_uninterrupted_training(path: Path, dtype: type) -> None:
    backend = Reference(dtype)
    undisturbed = Training(0, backend).run(3)
    save_checkpoint(path, step=3, **undisturbed.parts)
    resumed = Training(1, backend).run(1)
    load_checkpoint(path).restore(**resumed.parts)
    assert resumed.everything() == undisturbed.everything()
    assert resumed.run(3).losses[-3:] == undisturbed.run(3).losses[-3:]
    assert resumed.everything() == undisturbed.everything()


def test_step_and_notes_are_restored(path: Path) -> None:
    notes = {
        "best": float("inf"),
        "seed": 2**100,
        "classes": ["null", "eins", "zwölf"],
        "nested": {"accuracy": 0.1 + 0.2, "done": False, "nothing": None},
    }
    save_checkpoint(path, model=Network(), step=41, meta=notes)
    loaded = load_checkpoint(path)
    assert (loaded.step, loaded.meta, loaded.path) == (41, notes, path)
    assert (loaded.model_class, loaded.optimizer, loaded.rngs) == ("Network", None, {})


def test_notes_are_restored_as_json_values(path: Path) -> None:
    save_checkpoint(path, model=Network(), meta={"pair": (1, 2), "counts": {9: "a", 10: "b"}})
    assert load_checkpoint(path).meta == {"pair": [1, 2], "counts": {"9": "a", "10": "b"}}


numbers = st.one_of(st.floats(width=32), st.integers(-5, 5).map(float))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(numbers, max_size=5), st.sampled_from([np.float32, np.float64]))
def test_arrays_are_restored_exactly(path: Path, values: list[float], dtype: type) -> None:
    class Box(Module):
        def __init__(self, array: Any) -> None:
            self.tensors = [Parameter(tensor(array, Reference(dtype)))]
            self.scalar = Parameter(Scalar(0.1))
            self.number = Parameter(2)

    array: Any = np.array(values, dtype).reshape(-1, 1)
    save_checkpoint(path, model=Box(array))
    other = Box(np.zeros_like(array))
    other.scalar.update(Scalar(7.0))
    load_checkpoint(path).restore(other)
    received = other.tensors[0].value.to_numpy()
    assert received.dtype == dtype
    np.testing.assert_array_equal(received, array)
    assert np.signbit(received).tolist() == np.signbit(array).tolist()
    assert other.scalar.value.data == 0.1
    assert other.number.value == 2


@pytest.mark.parametrize("kind", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
def test_generators_of_every_kind_are_restored(path: Path, kind: str) -> None:
    def make(seed: int) -> np.random.Generator:
        return np.random.Generator(getattr(np.random, kind)(seed))

    rng = make(1)
    # Half of a 64-bit draw remains buffered and is part of the state.
    rng.integers(10, dtype=np.int32)
    save_checkpoint(path, model=Network(), rngs={"rng": rng})
    other = make(2)
    load_checkpoint(path).restore(Network(), rngs={"rng": other})
    assert other.integers(2**31, size=9, dtype=np.int32).tolist() == (
        rng.integers(2**31, size=9, dtype=np.int32).tolist()
    )


def test_a_model_is_restored_without_its_optimiser(path: Path) -> None:
    trained = Training().run(2)
    save_checkpoint(path, **trained.parts)
    model = Network(seed=9)
    load_checkpoint(path).restore(model)
    for network in (model, trained.model):
        network.eval()
    x = rand((3, 2), rng=0)
    np.testing.assert_array_equal(model(x).detach(), trained.model(x).detach())


def test_a_model_is_restored_in_another_dtype(path: Path) -> None:
    trained = Training().run(1)
    save_checkpoint(path, model=trained.model)
    single = Network(backend=Reference(np.float32))
    load_checkpoint(path).restore(single)
    expected = trained.model.last.weight.value.to_numpy().astype(np.float32)
    np.testing.assert_array_equal(single.last.weight.value.detach(), expected)


def test_parameters_may_be_stored_in_fewer_bytes(path: Path) -> None:
    model = Network(1)
    save_checkpoint(path, model=model, dtype=np.float16)
    stored = load_file(path)
    restored = Network(2)
    load_checkpoint(path).restore(restored)
    for name, array in model.state_dict().items():
        assert stored[f"model.{name}"].dtype == np.float16
        np.testing.assert_array_equal(restored.state_dict()[name], array.astype(np.float16))
        assert restored.state_dict()[name].dtype == array.dtype


def test_equal_contents_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_checkpoint(tmp_path / name, meta={"x": 1, "y": 2}, **Training().run(2).parts)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_other_programs_can_read_the_arrays(path: Path) -> None:
    model = Network()
    save_checkpoint(path, model=model)
    arrays = load_file(path)
    np.testing.assert_array_equal(arrays["model.last.weight"], model.last.weight.value.detach())


def test_a_checkpoint_of_a_model_without_parameters(path: Path) -> None:
    save_checkpoint(path, model=Dropout(0.5, rng=1), step=1)
    layer = Dropout(0.5, rng=2)
    load_checkpoint(path).restore(layer)
    assert layer.rng.random() == np.random.default_rng(1).random()


def test_a_missing_folder_is_created(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "runs" / "mnist" / "best.safetensors", model=Network())
    load_checkpoint(str(tmp_path / "runs" / "mnist" / "best.safetensors"))


def test_a_link_is_kept(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "first", model=Network(), step=1)
    (tmp_path / "last").symlink_to("first")
    save_checkpoint(tmp_path / "last", model=Network(), step=2)
    assert (tmp_path / "last").is_symlink()
    assert load_checkpoint(tmp_path / "first").step == 2


def test_repr_of_a_checkpoint_is_short(path: Path) -> None:
    save_checkpoint(path, model=Network(), step=3)
    assert repr(load_checkpoint(path)) == (
        f"Checkpoint(path={path!r}, step=3, meta={{}}, model_class='Network')"
    )


# Rejected files and arguments


def test_notes_that_are_not_json(path: Path) -> None:
    for note in (np.float32(1.0), np.zeros(2), {1, 2}, b"bytes"):
        with pytest.raises(TypeError, match="save_checkpoint: meta cannot be written as JSON"):
            save_checkpoint(path, model=Network(), meta={"note": note})
    assert not path.exists()


class Other(Network):
    pass


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            lambda t: {"model": Other()},
            "contains a model of class Network, and .* of class Other; build",
        ),
        (lambda t: {"model": Network(hidden=4)}, r"'first.weight': expected \(2, 4\), received"),
        (
            lambda t: {"model": t.model, "optimizer": SGD(t.model.parameters(), 0.1)},
            r"the state belongs to Adam; load it into Adam\(parameters\)",
        ),
        (
            lambda t: {"model": t.model, "optimizer": Adam(t.model.last.parameters())},
            "the state has 4 parameters, and the optimiser has 2",
        ),
        (
            lambda t: {"model": t.model, "rngs": {"other": t.rng}},
            r"contains the generators \['batches'\] of rngs, and received \['other'\]",
        ),
        (
            lambda t: {
                "model": t.model,
                "rngs": {"batches": np.random.Generator(np.random.SFC64(0))},
            },
            "generator 'batches' of rngs is of kind SFC64, and PCG64 was saved",
        ),
    ],
)
def test_a_mismatch_raises_and_changes_nothing(
    path: Path, parts: Callable[[Training], dict[str, Any]], message: str
) -> None:
    save_checkpoint(path, **Training(0).run(2).parts)
    training = Training(1).run(1)
    before = training.everything()
    given_parts = training.parts | parts(training)
    given_state = given_parts["model"].state_dict()
    with pytest.raises(CheckpointError, match=message) as caught:
        load_checkpoint(path).restore(**given_parts)
    assert str(path) in str(caught.value)
    assert caught.value.path == path
    assert training.everything() == before
    for name, array in given_parts["model"].state_dict().items():
        np.testing.assert_array_equal(array, given_state[name])


def test_a_checkpoint_without_an_optimiser(path: Path) -> None:
    save_checkpoint(path, model=Network())
    training = Training()
    with pytest.raises(CheckpointError, match="it contains no optimizer"):
        load_checkpoint(path).restore(training.model, training.optimizer)


def test_generators_of_the_model_must_match(path: Path) -> None:
    save_checkpoint(path, model=Network())
    model = Network()
    model.layers.pop()
    with pytest.raises(CheckpointError, match=r"\['layers.0.rng'\] of the model, .* \[\]"):
        load_checkpoint(path).restore(model)


def test_a_folder(path: Path) -> None:
    path.mkdir()
    save_checkpoint(path / "a.safetensors", model=Network())
    message = (
        r"it is a folder; pass a file; the folder contains the checkpoints \['a.safetensors'\]"
    )
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"PK\x03\x04" + b"archive/data.pkl" * 9,
            "it is a zip archive, as PyTorch and numpy.savez",
        ),
        (pickle.dumps({"weight": [1.0]}), "it is a pickle, as earlier versions of PyTorch"),
        (b"\x93NUMPY\x01\x00v\x00", "it is an array of numpy.save"),
        (b"\x89HDF\r\n\x1a\n", "it is an HDF5 file"),
    ],
)
def test_files_of_other_programs(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=f"{message}.* pass these to Module.load_state_dict"):
        load_checkpoint(path)


@pytest.mark.parametrize("size", [0x80, 0x180])
def test_a_header_whose_length_looks_like_a_pickle(path: Path, size: int) -> None:
    """Read a safetensors file whose first byte is that of a pickle."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(size.to_bytes(8, "little") + header.ljust(size) + bytes(4))
    with pytest.raises(CheckpointError, match="it is a safetensors file, but not a checkpoint"):
        load_checkpoint(path)


@pytest.mark.parametrize(("dtype", "size"), [("BF16", 2), ("F8_E4M3", 1)])
def test_arrays_of_dtypes_that_numpy_lacks(path: Path, dtype: str, size: int) -> None:
    arrays = {"w": {"dtype": dtype, "shape": [2], "data_offsets": [0, 2 * size]}}
    header = json.dumps(arrays).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(2 * size))
    message = f"not a checkpoint; .*convert the arrays of {dtype} to F32, then read them with"
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(path)


def test_a_missing_file(path: Path) -> None:
    with pytest.raises(CheckpointError, match=f"checkpoint {path}: the file does not exist"):
        load_checkpoint(path)


@pytest.mark.parametrize("content", [b"", b"\0" * 8, b"GIF89a" * 50, b"\xff" * 300])
def test_files_of_other_formats(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="it is not a complete safetensors file"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {"format": "np"},
        {"checkpoint": "no JSON"},
        {"checkpoint": "[1]"},
        {"checkpoint": "{}"},
    ],
)
def test_safetensors_files_that_are_not_checkpoints(
    path: Path, metadata: dict[str, str] | None
) -> None:
    save_file({"weight": np.zeros(3)}, path, metadata)
    with pytest.raises(CheckpointError, match="it is a safetensors file, but not a checkpoint"):
        load_checkpoint(path)


def test_a_file_of_another_version(path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(checkpoint, "FORMAT", 2)
    save_checkpoint(path, model=Network())
    monkeypatch.undo()
    with pytest.raises(CheckpointError, match=r"its format is version 2, and this .* reads 1"):
        load_checkpoint(path)


def same(a: Checkpoint, b: Checkpoint) -> bool:
    plain = ("step", "meta", "model_class", "generators", "rngs", "optimizer")
    return all(getattr(a, name) == getattr(b, name) for name in plain) and all(
        np.array_equal(a.model[name], b.model[name]) for name in a.model | b.model
    )


def test_every_truncation_is_detected(path: Path) -> None:
    save_checkpoint(path, model=Linear(2, 1, rng=0), step=5)
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(CheckpointError, match="Use another copy"):
            load_checkpoint(path)


def test_every_flipped_bit_is_detected(path: Path) -> None:
    save_checkpoint(path, model=Linear(1, 1, rng=0), step=5, meta={"note": "best"})
    content = path.read_bytes()
    original = load_checkpoint(path)
    bits = np.random.default_rng(0).integers(8, size=len(content))
    found = 0
    for at, bit in enumerate(bits):
        damaged = bytearray(content)
        damaged[at] ^= 1 << int(bit)
        path.write_bytes(damaged)
        try:
            # The flip may produce equivalent JSON; only the same contents may be read.
            assert same(load_checkpoint(path), original)
        except CheckpointError:
            found += 1
    assert found >= 0.99 * len(content)


# Failed writes


def nothing_but(path: Path) -> bool:
    return [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_keeps_the_old_checkpoint(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    save_checkpoint(path, model=Network(), step=1)

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(*((os, "fsync", full) if call == "fsync" else (Path, "replace", full)))
    with pytest.raises(CheckpointError) as caught:
        save_checkpoint(path, model=Network(), step=2)
    monkeypatch.undo()
    message = str(caught.value)
    assert message.startswith(f"checkpoint {path}: it cannot be written (No space left on device)")
    assert "a previous file is intact. Free disk space" in message
    assert load_checkpoint(path).step == 1
    assert nothing_but(path)


def test_an_interrupt_keeps_the_old_checkpoint(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(path, model=Network(), step=1)

    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(path, model=Network(), step=2)
    monkeypatch.undo()
    assert load_checkpoint(path).step == 1
    assert nothing_but(path)


def test_a_file_is_complete_before_it_is_renamed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(descriptor: int) -> None:
        calls.append("fsync")
        fsync(descriptor)

    def noted_replace(self: Path, target: Path) -> Path:
        calls.append("replace")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    save_checkpoint(path, model=Network())
    assert calls == ["fsync", "replace", "fsync"]


@pytest.mark.skipif(not hasattr(os, "fchdir"), reason="limits on file sizes are POSIX's")
def test_a_limit_on_file_sizes_keeps_the_old_checkpoint(path: Path) -> None:
    """A limit on the size of files interrupts the write, as a full disk does."""
    save_checkpoint(path, model=Linear(100, 100, rng=0), step=1)
    script = """
        import resource, sys
        from mt_nn import CheckpointError, Linear, save_checkpoint
        model = Linear(100, 100, rng=1)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            save_checkpoint(sys.argv[1], model=model, step=2)
        except CheckpointError as error:
            print(error)
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "it cannot be written (File too large)" in result.stdout
    assert load_checkpoint(path).step == 1
    assert nothing_but(path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked on POSIX only")
def test_killed_writers_leave_complete_checkpoints(path: Path) -> None:
    """A writer is killed before each system call of a save: open, rename, fsync."""
    script = """
        import os, signal, sys
        from functools import partial
        from mt_nn import Linear, init, load_checkpoint, save_checkpoint

        def save(step):
            fill = partial(init.uniform, low=step, high=step)
            save_checkpoint(sys.argv[1], model=Linear(30, 30, init=fill), step=step)

        def save_killed_at(kill_at):
            seen = 0
            def hook(event, args=()):
                nonlocal seen
                if event in ("open", "os.rename", "fsync"):
                    seen += 1
                    if seen == kill_at:
                        os.kill(os.getpid(), signal.SIGKILL)
            fsync = os.fsync
            os.fsync = lambda descriptor: (hook("fsync"), fsync(descriptor))
            sys.addaudithook(hook)
            save(kill_at)
            os._exit(0)

        save(0)
        for kill_at in range(1, 100):
            before = load_checkpoint(sys.argv[1]).step
            writer = os.fork()
            if not writer:
                save_killed_at(kill_at)
            _, status = os.waitpid(writer, 0)
            loaded = load_checkpoint(sys.argv[1])
            print(kill_at, before, loaded.step, flush=True)
            assert loaded.step in (before, kill_at)
            assert (loaded.model["weight"] == loaded.step).all()
            if status == 0:
                break
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    *killed, whole = [tuple(map(int, line.split())) for line in result.stdout.splitlines()]
    # The old checkpoint until the rename, the new one after it.
    assert {step == kill_at for kill_at, _, step in killed} == {False, True}
    assert whole[0] == whole[2]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions are POSIX's")
def test_new_files_have_default_permissions(path: Path) -> None:
    mask = os.umask(0o027)
    try:
        save_checkpoint(path, model=Network())
    finally:
        os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here first")
    with pytest.raises(CheckpointError, match=r"cannot be written .*Free disk space, or choose"):
        save_checkpoint(tmp_path / "file" / "last", model=Network())
    assert (tmp_path / "file").read_text() == "here first"


def test_buffers_and_groups_are_restored(tmp_path: Path) -> None:
    def build(seed: int) -> tuple[Sequential, Adam]:
        model = Sequential(Linear(2, 3, rng=seed), BatchNorm1d(3), Linear(3, 1, rng=seed))
        groups: list[dict[str, Any]] = [
            {"params": model[:2].parameters(), "lr": 0.5},
            {"params": model[2].parameters()},
        ]
        return model, Adam(groups, lr=0.1)

    def train(model: Sequential, optimizer: Adam, steps: int) -> None:
        for step in range(steps):
            optimizer.zero_grad()
            mse_loss(model(rand((4, 2), step)), np.ones((4, 1))).backward()
            optimizer.step()

    model, optimizer = build(0)
    train(model, optimizer, 2)
    optimizer.param_groups[0]["lr"] = 0.25
    save_checkpoint(tmp_path / "a.safetensors", model=model, optimizer=optimizer)
    train(model, optimizer, 2)
    other, resumed = build(1)
    load_checkpoint(tmp_path / "a.safetensors").restore(other, resumed)
    assert [group["lr"] for group in resumed.param_groups] == [0.25, 0.1]
    train(other, resumed, 2)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[name], array, strict=True)
    assert model.state_dict()["1.num_batches_tracked"] == 4
