"""Captured steps; start with `mt_nn.capture`."""

from mt_nn.capturing import interceptions as interceptions
from mt_nn.capturing.capture import Captured, CaptureWarning, capture, is_finite

__all__ = ["CaptureWarning", "Captured", "capture", "is_finite"]
