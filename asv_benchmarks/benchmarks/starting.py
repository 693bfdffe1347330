"""Whole processes: what a user waits for before the first result, in seconds of the processor."""

from asv_benchmarks.peers.processes import PROGRAM, run_process


class _Process:
    """One process, started anew for each sample."""

    unit = "s"
    timeout = 600.0
    number = 1
    repeat = 1


class Import(_Process):
    """Importing and nothing else."""

    params = (["numpy", "mt_tensor", "mt_autodiff", "mt_kernels_cpu", "mt_nn", "mt_models"],)
    param_names = ("package",)

    def track_import(self, package: str) -> float:
        """Return the seconds after a first import, which compiles modules and fills caches."""
        command = ("-c", f"import {package}")
        run_process(command, 1)
        return min(run_process(command, 1).cpu for _ in range(3))


class FirstStep(_Process):
    """Importing, building a network and training one step."""

    params = (["course-16", "kim-10"], ["tuned", "fast"])
    param_names = ("step", "backend")

    def setup(self, step: str, backend: str) -> None:
        """Skip a backend that the commit does not have."""
        from asv_benchmarks.benchmarks.settings import loaded
        from asv_benchmarks.contenders import Absent

        try:
            loaded(backend)
        except Absent as reason:
            raise NotImplementedError(str(reason)) from reason

    def track_cached(self, step: str, backend: str) -> float:
        """Return the seconds when compiled kernels lie on disk."""
        command = (*PROGRAM, "steps", backend, f"{step}:1")
        run_process(command, 1)
        return min(run_process(command, 1).cpu for _ in range(3))

    def track_cold(self, step: str, backend: str) -> float:
        """Return the seconds when every kernel has to be compiled."""
        return run_process((*PROGRAM, "steps", backend, f"{step}:1"), 1, cold=True).cpu
