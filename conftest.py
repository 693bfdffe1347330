"""Settings shared by every test of the repository."""

from hypothesis import HealthCheck, settings

# No deadline: the first example of a property pays for the compiler.
settings.register_profile(
    "minitorch",
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("minitorch")
