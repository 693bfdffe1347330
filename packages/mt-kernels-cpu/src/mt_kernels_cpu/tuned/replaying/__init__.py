"""Repetition of recorded calls in native code; `mt_nn.capture` records them."""
