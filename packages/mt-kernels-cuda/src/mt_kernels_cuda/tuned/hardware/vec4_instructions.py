"""Instructions for vectors of four numbers, as intrinsics of numba's compiler."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic as numba_intrinsic

VEC4 = 4
SHARED = 3
"""Address space of shared memory in LLVM IR for NVIDIA GPUs (NVVM IR specification)."""
struct_proxy: Any = cgutils.create_struct_proxy
unpack_tuple: Any = cgutils.unpack_tuple
index: Any = ir.IntType(32)


def intrinsic(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Convert a function that generates LLVM IR to a function for kernels. A decorator."""
    made: Callable[..., Any] = numba_intrinsic(fn)
    return made


def _pointer(context: Any, builder: Any, array: Any, value: Any, position: Any) -> Any:
    """Return the address of a vector as an LLVM value."""
    data = struct_proxy(array)(context, builder, value).data
    vector = ir.VectorType(context.get_data_type(array.dtype), VEC4)
    return builder.bitcast(builder.gep(data, [position]), vector.as_pointer())


@intrinsic
def load4(typing: Any, array: Any, position: Any) -> Any:
    """Return four elements of an array from a position on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        four = builder.load(_pointer(context, builder, array, *arguments))
        four.align = VEC4 * array.dtype.bitwidth // 8
        numbers = [builder.extract_element(four, index(k)) for k in range(VEC4)]
        return context.make_tuple(builder, signature.return_type, numbers)

    numbers: Any = types.UniTuple
    return numbers(array.dtype, VEC4)(array, types.intp), generate


@intrinsic
def store4(typing: Any, array: Any, position: Any, numbers: Any) -> Any:
    """Write four elements to an array from a position on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values = unpack_tuple(builder, arguments[2], VEC4)
        four = ir.Constant(ir.VectorType(context.get_data_type(array.dtype), VEC4), ir.Undefined)
        for k, value in enumerate(values):
            number = context.cast(builder, value, numbers.types[k], array.dtype)
            four = builder.insert_element(four, number, index(k))
        done = builder.store(four, _pointer(context, builder, array, *arguments[:2]))
        done.align = VEC4 * array.dtype.bitwidth // 8
        return context.get_dummy_value()

    return types.void(array, types.intp, numbers), generate


@intrinsic
def align_shared(typing: Any, array: Any) -> Any:
    """Align the shared arrays that the kernel has declared so far."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        for variable in builder.module.global_values:
            if isinstance(variable, ir.GlobalVariable) and variable.addrspace == SHARED:
                variable.align = VEC4 * array.dtype.bitwidth // 8
        return context.get_dummy_value()

    return types.void(array), generate
