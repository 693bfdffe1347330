"""The command `hatch run dashboard`."""

import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click

from asv_benchmarks.dashboard.offline import make_offline

ROOT = Path(__file__).parents[2]
HTML = ROOT / ".asv" / "html"
RESULTS = ROOT / ".asv" / "results"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True)
@click.option("--no-serve", is_flag=True, help="Write the pages and exit.")
def main(port: int, no_serve: bool) -> None:
    """Publish the results of `bench-commits` and serve them on this machine, without a network."""
    if not any(RESULTS.glob("*/*-*.json")):
        raise click.ClickException(
            "there are no results; run `hatch run bench-commits HEAD~3..HEAD` first"
        )
    subprocess.run([sys.executable, "-m", "asv", "publish"], cwd=ROOT, check=True)
    make_offline(HTML)
    if no_serve:
        click.echo(f"The pages are in {HTML.relative_to(ROOT)}.")
        return
    handler = partial(_QuietHandler, directory=str(HTML))
    try:
        # Accept connections from this machine only.
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise click.ClickException(f"port {port}: {error.strerror}; choose another port") from error
    with server:
        click.echo(
            f"http://127.0.0.1:{server.server_port}/ shows the dashboard; Ctrl-C stops the server."
        )
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo()


class _QuietHandler(SimpleHTTPRequestHandler):
    """A file server that logs failed requests only."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log a request only if its status code is an error."""
        if str(code) >= "400":
            super().log_request(code, size)


if __name__ == "__main__":
    main()
