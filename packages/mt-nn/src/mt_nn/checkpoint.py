"""Checkpoints: files from which training resumes with identical results.

A checkpoint is one safetensors file. Its arrays are the model's parameters and the optimiser's
state; its metadata is one JSON text with the step, the states of generators, the settings and the
caller's notes. Reading a checkpoint runs no code from the file.

Files are written atomically: after a full disk, an exception or a killed process the previous file
is intact. A SHA-256 digest over the contents detects later changes. Equal contents give equal
bytes.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from mt_nn._files import write_atomically
from mt_nn._generators import decoded, generators_of, states_of
from mt_nn.module import Module
from mt_nn.optim import Optimizer

FORMAT = 1
"""The version of the file format; `load_checkpoint` refuses all others."""

Arrays = dict[str, npt.NDArray[Any]]


class CheckpointError(Exception):
    """A checkpoint cannot be written, read or used.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, problem: str, way_out: str) -> None:
        super().__init__(f"checkpoint {path}: {problem}; {way_out}")
        self.path = path


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The contents of a checkpoint file.

    Attributes:
        path: The file.
        step: The step at which it was saved.
        meta: The caller's notes.
        model_class: The name of the model's class.
        model: The model's `state_dict`.
        generators: The states of the generators in the model, such as a `Dropout`'s, by dotted
            name.
        optimizer: The optimiser's `state_dict`, None if none was saved.
        rngs: The states of the other generators, by the caller's names.
    """

    path: Path
    step: int
    meta: dict[str, Any]
    model_class: str
    model: Arrays = field(repr=False)
    generators: dict[str, Any] = field(repr=False)
    optimizer: dict[str, Any] | None = field(repr=False)
    rngs: dict[str, Any] = field(repr=False)

    def restore(
        self,
        model: Module,
        optimizer: Optimizer | None = None,
        rngs: Mapping[str, np.random.Generator] | None = None,
    ) -> None:
        """Restore the saved state of model, optimiser and generators.

        All checks run first: after an error nothing is changed.

        Args:
            model: A model of the same class and shapes; its generators are restored, too. Its
                backend may differ: numbers are converted to its dtype.
            optimizer: An optimiser of the same class for ``model.parameters()``. None ignores a
                saved optimiser, for a model that only predicts.
            rngs: Generators by the names under which they were saved. None ignores saved ones.

        Raises:
            CheckpointError: Classes, shapes or names differ from the saved ones.
        """
        if type(model).__name__ != self.model_class:
            raise CheckpointError(
                self.path,
                f"it contains a model of class {self.model_class}, and the argument model is of "
                f"class {type(model).__name__}",
                f"build a model of class {self.model_class}, or load another checkpoint",
            )
        pairs = self._paired("the model", self.generators, generators_of(model))
        if rngs is not None:
            pairs += self._paired("rngs", self.rngs, rngs)
        try:
            if optimizer is not None:
                if self.optimizer is None:
                    raise ValueError("it contains no optimizer")
                optimizer.check_state_dict(self.optimizer)
            model.load_state_dict(self.model)
        except ValueError as error:
            raise CheckpointError(
                self.path,
                str(error),
                "build model and optimizer with the settings that were saved",
            ) from error
        # All checks have passed: from here on the state changes.
        if optimizer is not None and self.optimizer is not None:
            optimizer.load_state_dict(self.optimizer)
        for generator, state in pairs:
            generator.bit_generator.state = state

    def _paired(
        self,
        owner: str,
        states: Mapping[str, Any],
        generators: Mapping[str, np.random.Generator],
    ) -> list[tuple[np.random.Generator, Any]]:
        """Return each generator with its saved state.

        Raises:
            CheckpointError: Names or kinds of the generators differ.
        """
        if set(states) != set(generators):
            raise CheckpointError(
                self.path,
                f"it contains the generators {sorted(states)} of {owner}, and received "
                f"{sorted(generators)}",
                "pass one generator for each saved name",
            )
        for name, generator in generators.items():
            received, saved = type(generator.bit_generator).__name__, states[name]["bit_generator"]
            if received != saved:
                raise CheckpointError(
                    self.path,
                    f"generator {name!r} of {owner} is of kind {received}, and {saved} was saved",
                    f"make it with numpy.random.Generator(numpy.random.{saved}())",
                )
        return [(generator, decoded(states[name])) for name, generator in generators.items()]


def save_checkpoint(
    path: str | os.PathLike[str],
    *,
    model: Module,
    optimizer: Optimizer | None = None,
    rngs: Mapping[str, np.random.Generator] | None = None,
    step: int = 0,
    meta: Mapping[str, Any] | None = None,
    dtype: npt.DTypeLike | None = None,
) -> None:
    """Write a checkpoint; an older file of that name is replaced.

    Args:
        path: The file, by convention with the suffix ``.safetensors``. Missing folders are created.
        model: The model. Generators that are attributes of its modules, as in `Dropout`, are saved
            with it.
        optimizer: The optimiser.
        rngs: Further generators by name, for example the one that shuffles batches.
        step: The number of the step, in the caller's unit.
        meta: Notes: strings, numbers, bools, None, lists and dicts of them. Tuples are read back
            as lists, keys as strings.
        dtype: The dtype in which the parameters of the model are stored, such as ``np.float16`` for
            a small file; None means their own. They are restored in the dtype of the model.

    Raises:
        CheckpointError: The file cannot be written. A previous file is intact.
        TypeError: A note is of another type, or a parameter cannot be saved.

    >>> import tempfile
    >>> from mt_nn import SGD, Linear
    >>> model = Linear(2, 1, rng=0)
    >>> optimizer = SGD(model.parameters(), lr=0.1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_checkpoint(f"{folder}/a.safetensors", model=model, optimizer=optimizer, step=7)
    ...     checkpoint = load_checkpoint(f"{folder}/a.safetensors")
    >>> checkpoint.restore(model, optimizer)
    >>> checkpoint.step, sorted(checkpoint.model)
    (7, ['bias', 'weight'])
    """
    target = Path(path)
    trained = None if optimizer is None else optimizer.state_dict()
    arrays = {
        f"model.{name}": array if dtype is None else array.astype(dtype)
        for name, array in model.state_dict().items()
    }
    if trained is not None:
        arrays |= {f"optimizer.{name}": array for name, array in trained.pop("slots").items()}
    description = {
        "format": FORMAT,
        "model_class": type(model).__name__,
        "generators": states_of(generators_of(model)),
        "optimizer": trained,
        "rngs": states_of(rngs or {}),
        "step": int(step),
        "meta": dict(meta or {}),
    }
    try:
        # Converted to JSON and back, so that the digest is that of the description as it is read.
        description = json.loads(_json(description))
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"save_checkpoint: meta cannot be written as JSON ({error}); use strings, numbers, "
            "bools, None, lists and dicts; convert NumPy's numbers with int() or float()"
        ) from error
    description["sha256"] = _digest(description, arrays)
    content = save(arrays, {"checkpoint": _json(description)})
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, content)
    except OSError as error:
        raise CheckpointError(
            target,
            f"it cannot be written ({error.strerror or error})",
            "a previous file is intact. Free disk space, or choose another folder",
        ) from error


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint. Call `Checkpoint.restore` to apply it to a model.

    Args:
        path: A file that `save_checkpoint` wrote.

    Raises:
        CheckpointError: The file is missing, unreadable or a folder, it was not written by
            `save_checkpoint`, or it was changed later.
    """
    source = Path(path)
    metadata, arrays = _read(source)
    try:
        description = json.loads(metadata["checkpoint"])
        written_as, digest = description["format"], description.pop("sha256")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(
            source,
            "it is a safetensors file, but not a checkpoint",
            "pass a file that save_checkpoint wrote",
        ) from error
    if written_as != FORMAT:
        raise CheckpointError(
            source,
            f"its format is version {written_as}, and this version of mt-nn reads {FORMAT}",
            "install the version of mt-nn that wrote it",
        )
    if digest != _digest(description, arrays):
        raise _damaged(source, "its contents do not match their digest")
    optimizer = description["optimizer"]
    if optimizer is not None:
        optimizer["slots"] = _below("optimizer.", arrays)
    return Checkpoint(
        path=source,
        step=description["step"],
        meta=description["meta"],
        model_class=description["model_class"],
        model=_below("model.", arrays),
        generators=description["generators"],
        optimizer=optimizer,
        rngs=description["rngs"],
    )


def _read(path: Path) -> tuple[Mapping[str, str], Arrays]:
    """Return the metadata and the arrays of a safetensors file."""
    if path.is_dir():
        found = sorted(each.name for each in path.glob("*.safetensors"))
        raise CheckpointError(
            path, "it is a folder", f"pass a file; the folder contains the checkpoints {found}"
        )
    if not path.is_file():
        raise CheckpointError(path, "the file does not exist", "check the path")
    try:
        _refuse_other_formats(path)
        with safe_open(path, framework="np") as file:
            names, metadata = list(file.keys()), file.metadata() or {}
            if "checkpoint" not in metadata:
                raise _foreign_arrays(path, {file.get_slice(name).get_dtype() for name in names})
            return metadata, {name: file.get_tensor(name) for name in names}
    except OSError as error:
        raise CheckpointError(
            path, f"it cannot be read ({error.strerror or error})", "check its permissions"
        ) from error
    except (SafetensorError, LookupError, TypeError, ValueError) as error:
        raise _damaged(path, f"it is not a complete safetensors file ({error})") from error


_FORMATS = {
    b"PK\x03\x04": "a zip archive, as PyTorch and numpy.savez write it",
    b"\x80": "a pickle, as earlier versions of PyTorch write it",
    b"\x93NUMPY": "an array of numpy.save",
    b"\x89HDF": "an HDF5 file, as Keras writes it",
    b"GGUF": "a GGUF file",
}
"""File formats of weights by their first bytes. A safetensors file begins with the length of its
header, eight bytes, and the header with a brace."""


def _refuse_other_formats(path: Path) -> None:
    """Raise CheckpointError if a file has another known format."""
    with path.open("rb") as file:
        head = file.read(9)
    for begin, name in _FORMATS.items():
        if head.startswith(begin) and not head.endswith(b"{"):
            raise CheckpointError(
                path,
                f"it is {name}, and not a checkpoint",
                "pass a file that save_checkpoint wrote. To use weights of another program, read "
                "them there, as arrays by name, and pass these to Module.load_state_dict",
            )


def _foreign_arrays(path: Path, dtypes: set[str]) -> CheckpointError:
    """Return the error for a safetensors file of another program."""
    unknown = sorted(dtypes - {"F64", "F32", "F16", "I64", "I32", "I16", "I8", "U8", "BOOL"})
    convert = f"convert the arrays of {', '.join(unknown)} to F32, then " if unknown else ""
    return CheckpointError(
        path,
        "it is a safetensors file, but not a checkpoint",
        "pass a file that save_checkpoint wrote. To use its arrays as weights, "
        f"{convert}read them with safetensors.numpy.load_file and pass them to "
        "Module.load_state_dict",
    )


def _damaged(path: Path, problem: str) -> CheckpointError:
    return CheckpointError(
        path, problem, "it was truncated or changed after it was written. Use another copy of it"
    )


def _below(prefix: str, arrays: Arrays) -> Arrays:
    """Return the arrays whose names begin with a prefix, with the prefix removed."""
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _digest(description: Mapping[str, Any], arrays: Arrays) -> str:
    """Return the SHA-256 of the contents of a checkpoint, in hexadecimal."""
    digest = hashlib.sha256(_json(description).encode())
    for name in sorted(arrays):
        array = arrays[name]
        # Little-endian like the file, so that the digest does not depend on the machine.
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(f"\n{name} {little.dtype.str} {little.shape}\n".encode())
        digest.update(little.tobytes())
    return digest.hexdigest()
