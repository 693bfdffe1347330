"""DLPack structures are compatible with PyTorch."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mt_kernels_cuda import dlpack
from mt_tensor import REFERENCE, Reference, TensorData
from tools.layouts import LAYOUTS

pytestmark = pytest.mark.oracle

HOST = (1, 0)
"""Type and number of the host; PyTorch uses the same structures for device memory."""


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch")


def capsule_of(data: TensorData) -> Any:
    storage: Any = data.storage
    return dlpack.export(data, storage.ctypes.data, HOST)


@pytest.mark.parametrize("layout", sorted(set(LAYOUTS) - {"expanded"}))
@pytest.mark.parametrize("backend", [REFERENCE, Reference(np.float32)], ids=repr)
def test_pytorch_reads_an_exported_tensor(torch: Any, layout: str, backend: Reference) -> None:
    data = LAYOUTS[layout](backend, np.arange(6.0).reshape(2, 3))
    theirs = torch.utils.dlpack.from_dlpack(capsule_of(data))
    assert theirs.dtype == (torch.float64 if backend is REFERENCE else torch.float32)
    assert theirs.stride() == data.strides
    assert theirs.tolist() == backend.to_numpy(data).tolist()
    theirs[1, 2] = -5.0
    assert data.get((1, 2)) == -5.0


def test_pytorch_releases_an_exported_tensor(torch: Any) -> None:
    numbers = np.arange(4.0)
    theirs = torch.utils.dlpack.from_dlpack(capsule_of(TensorData(numbers, (4,))))
    freed = weakref.ref(numbers)
    del numbers
    gc.collect()
    assert theirs.tolist() == [0.0, 1.0, 2.0, 3.0]
    del theirs
    gc.collect()
    assert freed() is None


@pytest.mark.parametrize(
    "arrange",
    [
        lambda t: t,
        lambda t: t.T,
        lambda t: t[:, ::2],
        lambda t: t[1:, 1:],
        lambda t: t.expand(2, 3, 4),
        lambda t: t.sum(),
        lambda t: t.float(),
        lambda t: t.to(int),
    ],
)
def test_a_tensor_of_pytorch_is_imported(torch: Any, arrange: Callable[[Any], Any]) -> None:
    theirs = arrange(torch.arange(12, dtype=torch.float64).view(3, 4))
    interface = dlpack.Import(torch.utils.dlpack.to_dlpack(theirs)).__cuda_array_interface__
    assert interface["data"] == (theirs.data_ptr(), False)
    assert interface["shape"] == tuple(theirs.shape)
    assert interface["typestr"] == theirs.numpy().dtype.str
    step = theirs.element_size()
    assert interface["strides"] == tuple(stride * step for stride in theirs.stride())


def test_export_and_import_share_memory(torch: Any) -> None:
    data = TensorData(np.arange(6.0), (2, 3)).permute(1, 0)
    theirs = torch.utils.dlpack.from_dlpack(capsule_of(data))
    back = dlpack.Import(torch.utils.dlpack.to_dlpack(theirs)).__cuda_array_interface__
    storage: Any = data.storage
    assert back["data"] == (storage.ctypes.data, False)
    assert (back["shape"], back["strides"]) == ((3, 2), (8, 24))


def test_other_element_types_are_an_error(torch: Any) -> None:
    for dtype in (torch.bfloat16, torch.complex64):
        with pytest.raises(BufferError, match="are not supported"):
            dlpack.Import(torch.utils.dlpack.to_dlpack(torch.ones(2, dtype=dtype)))
