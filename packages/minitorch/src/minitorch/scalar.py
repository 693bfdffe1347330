"""Numbers that remember how they were made; see `mt_autodiff.scalar`."""

from mt_autodiff import Scalar, ScalarFunction, ScalarHistory, derivative_check

__all__ = ["Scalar", "ScalarFunction", "ScalarHistory", "derivative_check"]
