"""Files of weights only: the arrays of a module's state, in the format safetensors.

Other programs read these files, too. `mt_nn.checkpoint` also saves optimisers and generators, to
resume training.
"""

import os
from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from mt_nn._files import write_atomically
from mt_nn._state import Arrays
from mt_nn.module import Module


def save_weights(path: str | os.PathLike[str], model: Module) -> None:
    """Write the parameters and buffers of a module; an older file of that name is replaced.

    Args:
        path: The file, by convention with the suffix ``.safetensors``. Missing folders are created.
        model: The module.

    Raises:
        OSError: The file cannot be written. A previous file is intact.
        TypeError: A parameter cannot be saved.

    >>> import tempfile
    >>> from mt_nn import Linear
    >>> model, copy = Linear(2, 1, rng=0), Linear(2, 1, rng=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(f"{folder}/weights.safetensors", model)
    ...     _ = copy.load_state_dict(load_weights(f"{folder}/weights.safetensors"))
    >>> bool((copy.weight.value.to_numpy() == model.weight.value.to_numpy()).all())
    True
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, save(model.state_dict()))


def load_weights(path: str | os.PathLike[str]) -> Arrays:
    """Read a file of weights. Pass the result to `Module.load_state_dict`.

    Reading runs no code from the file.

    Args:
        path: A safetensors file, of `save_weights` or of another program.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not a safetensors file, or it contains a dtype that NumPy lacks.
    """
    source = Path(path)
    if not source.is_file():
        problem = "is a folder" if source.is_dir() else "does not exist"
        raise FileNotFoundError(f"load_weights: {source} {problem}; pass a .safetensors file")
    try:
        return load_file(source)
    except SafetensorError as error:
        raise ValueError(
            f"load_weights: {source} is not a complete safetensors file ({error}); convert files "
            "of PyTorch with safetensors.torch.save_file"
        ) from error
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"load_weights: {source} contains a dtype that NumPy does not have ({error}); save it "
            "as float32"
        ) from error
