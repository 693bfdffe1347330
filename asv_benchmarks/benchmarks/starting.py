"""Start-up time of whole processes, in seconds of processor time."""

from asv_benchmarks.peers.processes import PROGRAM, run_process


class _Process:
    """Base class of benchmarks that start a new process for each sample."""

    unit = "s"
    timeout = 600.0
    number = 1
    repeat = 1


class Import(_Process):
    """The time to import a package."""

    params = (["numpy", "mt_tensor", "mt_autodiff", "mt_kernels_cpu", "mt_nn", "mt_models"],)
    param_names = ("package",)

    def track_import(self, package: str) -> float:
        """Return the seconds of the fastest of three imports, after one that fills the caches."""
        command = ("-c", f"import {package}")
        run_process(command, 1)
        return min(run_process(command, 1).cpu for _ in range(3))


class FirstStep(_Process):
    """The time to import the packages, build a network and train one step."""

    params = (["course-16", "kim-10"], ["tuned", "fast"])
    param_names = ("step", "backend")

    def setup(self, step: str, backend: str) -> None:
        """Raise NotImplementedError if the commit lacks the backend."""
        from asv_benchmarks.benchmarks.settings import loaded
        from asv_benchmarks.contenders import Absent

        try:
            loaded(backend)
        except Absent as reason:
            raise NotImplementedError(str(reason)) from reason

    def track_cached(self, step: str, backend: str) -> float:
        """Return the seconds with compiled kernels in the disk cache."""
        command = (*PROGRAM, "steps", backend, f"{step}:1")
        run_process(command, 1)
        return min(run_process(command, 1).cpu for _ in range(3))

    def track_cold(self, step: str, backend: str) -> float:
        """Return the seconds with an empty disk cache."""
        return run_process((*PROGRAM, "steps", backend, f"{step}:1"), 1, cold=True).cpu
