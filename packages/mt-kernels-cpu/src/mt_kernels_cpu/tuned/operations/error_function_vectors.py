"""GELU and its derivative of the elements of a vector, in single precision.

These are the formulas of `mt_kernels_cpu.tuned.operations.error_function`, with the same rounding.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from mt_kernels_cpu.tuned.operations.error_function import DENSITY_AT_0, ROOT_OF_HALF, SHARE, P
from mt_kernels_cpu.tuned.operations.exponential_vectors import emit_exp
from mt_kernels_cpu.tuned.simd.vector import declare, intrinsic, tuple_of

_DENSITY, _ROOT, _P = float(DENSITY_AT_0), float(ROOT_OF_HALF), float(P)
_SHARE = tuple(float(each) for each in SHARE)


@intrinsic
def gelu_and_slope(typing: Any, a: Any) -> Any:
    r"""Return $x\, \Phi(x)$ and $\Phi(x) + x\, \varphi(x)$ of the elements of a vector."""
    pair = tuple_of(a, 2)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (x,) = arguments
        add, mul = builder.fadd, builder.fmul

        def constant(value: float) -> Any:
            return ir.Constant(x.type, [value] * a.lanes)

        def magnitude(value: Any) -> Any:
            kind = ir.FunctionType(x.type, [x.type])
            return builder.call(declare(builder.module, kind, f"llvm.fabs.v{a.lanes}f32"), [value])

        zero, one = constant(0.0), constant(1.0)
        decay = emit_exp(builder, mul(mul(constant(-0.5), x), x))
        scaled = mul(constant(_P), mul(magnitude(x), constant(_ROOT)))
        t = builder.fdiv(one, add(one, scaled))
        y = constant(_SHARE[0])
        for each in _SHARE[1:]:
            y = add(mul(y, t), constant(each))
        tail = mul(mul(constant(0.5), decay), mul(y, t))
        share = builder.select(builder.fcmp_ordered(">=", x, zero), builder.fsub(one, tail), tail)
        slope = add(share, mul(x, mul(constant(_DENSITY), decay)))
        return context.make_tuple(builder, pair, [mul(x, share), slope])

    return pair(a), generate
