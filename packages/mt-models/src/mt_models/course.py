"""The former entry point for scripts of the course, which names the new one."""

import sys

if __name__ == "__main__":
    print(
        "python -m mt_models.course has moved to the package mt-minitorch: run "
        "`python -P -m minitorch.course_scripts SCRIPT`",
        file=sys.stderr,
    )
    sys.exit(2)
