"""Signals that stop a run."""

from __future__ import annotations

import os
import signal
import time

import pytest

from mt_models.training import (
    StopOnSignal,
)


def test_the_first_signal_sets_a_flag_and_the_second_acts() -> None:
    with pytest.raises(KeyboardInterrupt), StopOnSignal() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop()
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
