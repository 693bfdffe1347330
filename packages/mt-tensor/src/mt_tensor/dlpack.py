"""DLPack, the protocol with which libraries share the memory of tensors."""

from typing import Any


def device_of(exporter: Any) -> tuple[int, int]:
    """Return the DLPack device type and the device number of another library's tensor.

    Raises:
        TypeError: The object has no DLPack methods.
    """
    if not (hasattr(exporter, "__dlpack_device__") and hasattr(exporter, "__dlpack__")):
        raise TypeError(
            f"from_dlpack: {type(exporter).__name__} has no methods __dlpack__ and "
            "__dlpack_device__; pass the tensor of a library that exports DLPack, such as NumPy, "
            "PyTorch, JAX or CuPy. mt_autodiff.tensor makes a tensor of numbers and lists"
        )
    kind, number = exporter.__dlpack_device__()
    return int(kind), int(number)
