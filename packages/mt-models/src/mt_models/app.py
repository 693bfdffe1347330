"""The former entry point of the app, which names the new one."""

import sys

if __name__ == "__main__":
    print(
        "python -m mt_models.app has moved to the package mt-app: run `python -m mt_app`, or "
        "`hatch run app` in a checkout",
        file=sys.stderr,
    )
    sys.exit(2)
