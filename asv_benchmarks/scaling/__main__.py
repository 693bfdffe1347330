"""The command ``python -m asv_benchmarks.scaling``; see the package."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asv_benchmarks.publish.pictures import duration, save
from asv_benchmarks.publish.tables import markdown
from asv_benchmarks.scaling import measure as measuring
from asv_benchmarks.scaling.model import (
    RANKS,
    Step,
    all_reduce,
    efficiency,
    least_parameters,
    speed_up,
)
from mt_models.pictures.colours import BLUE, GREY, INK, ORANGE
from mt_models.pictures.style import new_figure, styled
from mt_nn.distributed import Network
from tools.blocks import write_block

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "results" / "speed" / "scaling.json"
PICTURE = ROOT / "docs" / "images" / "scaling.svg"
GUIDE = ROOT / "docs" / "guides" / "scaling.md"

ASSUMED = {
    "Ethernet, 1 Gbit/s": Network(50e-6, 125e6),
    "Ethernet, 10 Gbit/s": Network(20e-6, 1.25e9),
    "InfiniBand, 100 Gbit/s": Network(2e-6, 12.5e9),
}
"""Networks of clusters, by name. Their numbers are assumptions, and not measured."""

BATCH = {"course LeNet": 128, "Kim CNN": 50}
"""The global batch of strong scaling, and the part of each rank in weak scaling, by network."""

GLOBAL = (128, 1024)
"""The global batches of the table of network sizes."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--measure", is_flag=True, help="Measure steps and messages on this machine first.")
@click.option("--latency", type=float, help="Seconds of an empty message in your cluster.")
@click.option("--bandwidth", type=float, help="Bytes per second of a link in your cluster.")
def main(measure: bool, latency: float | None, bandwidth: float | None) -> None:
    """Compute scaling for 1 to 64 ranks from the last measurement.

    Without LATENCY and BANDWIDTH, the guide to scaling and its picture are written, for three
    assumed networks. With both, the tables for this network are printed, and nothing is written.
    """
    if (latency is None) != (bandwidth is None):
        raise click.UsageError("--latency and --bandwidth describe a network together; give both")
    if measure:
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_text(json.dumps(measuring.measure(), indent=1) + "\n", "utf-8")
    if not FILE.exists():
        raise click.UsageError(f"there is no {FILE.relative_to(ROOT)}; measure with --measure")
    found = json.loads(FILE.read_text("utf-8"))
    if latency is not None and bandwidth is not None:
        try:
            chosen = {"your cluster": Network(latency, bandwidth)}
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        click.echo(tables(found, chosen))
        return
    networks = known_networks(found)
    write_block(GUIDE, "measured", measured(found))
    write_block(GUIDE, "computed", tables(found, networks))
    save(picture(found, networks), PICTURE)
    click.echo(f"wrote {GUIDE.relative_to(ROOT)} and {PICTURE.relative_to(ROOT)}")


def known_networks(found: Mapping[str, Any]) -> dict[str, Network]:
    """Return the assumed networks, and the measured one if there is one."""
    messages = found["messages"]
    if messages is None:
        return dict(ASSUMED)
    return {"this machine": Network(messages["latency"], messages["bandwidth"]), **ASSUMED}


def step_of(entry: Mapping[str, Any]) -> Step:
    """Return the step of a measured network."""
    times = {int(batch): seconds for batch, seconds in entry["seconds"].items()}
    return Step.fitted(times, entry["parameters"])


def measured(found: Mapping[str, Any]) -> str:
    """Return the measured numbers as Markdown."""
    rows = []
    for title, entry in (*found["networks"].items(), ("two linear layers", found["dense"])):
        step = step_of(entry)
        times = [duration(entry["seconds"][batch]) for batch in entry["seconds"]]
        rows.append([title, f"{entry['parameters']:,}", *times, duration(step.fixed)])
        rows[-1].append(f"{1e6 * step.each:.3g} µs")
    batches = [f"batch {batch}" for batch in found["dense"]["seconds"]]
    head = ["network", "trained parameters", *batches, "fixed part", "each example"]
    conditions, messages = found["conditions"], found["messages"]
    sentence = (
        f"Measured on {conditions['date']} at commit {conditions['commit']}: "
        f"{conditions['processor']}, one thread, load {conditions['load']}; medians of "
        f"the processor's time of {measuring.STEPS} steps."
    )
    between = (
        "No messages were measured: mpi4py or an MPI launcher is not installed there."
        if messages is None
        else f"A message between two processes of this machine: latency "
        f"{1e6 * messages['latency']:.3g} µs, bandwidth {messages['bandwidth'] / 1e9:.3g} GB/s."
    )
    return f"{markdown(head, rows)}\n\n{sentence} {between}"


def tables(found: Mapping[str, Any], networks: Mapping[str, Network]) -> str:
    """Return the computed tables as Markdown: strong and weak scaling, and sizes that pay."""
    parts = []
    for title, entry in found["networks"].items():
        step, batch = step_of(entry), BATCH[title]
        rows = [
            [
                name,
                *(f"{speed_up(step, batch, ranks, network):.2f}" for ranks in RANKS[1:]),
                duration(all_reduce(network, RANKS[-1], step.parameters)),
            ]
            for name, network in networks.items()
        ]
        head = ["strong scaling", *(f"{ranks} ranks" for ranks in RANKS[1:])]
        head.append(f"all-reduce, {RANKS[-1]} ranks")
        parts.append(
            f"**{title}**, global batch {batch}: times as fast as one rank\n\n"
            f"{markdown(head, rows)}"
        )
        rows = [
            [name, *(f"{efficiency(step, batch, ranks, network):.0%}" for ranks in RANKS[1:])]
            for name, network in networks.items()
        ]
        head = ["weak scaling", *(f"{ranks} ranks" for ranks in RANKS[1:])]
        parts.append(
            f"**{title}**, batch {batch} on each rank: share of the full speed\n\n"
            f"{markdown(head, rows)}"
        )
    dense = step_of(found["dense"])
    fixed, each = dense.fixed / dense.parameters, dense.each / dense.parameters
    rows = [
        [
            name,
            *(
                _size(least_parameters(fixed, each, batch, ranks, network))
                for batch in GLOBAL
                for ranks in (4, 16, 64)
            ),
        ]
        for name, network in networks.items()
    ]
    columns = [f"{ranks} ranks, batch {batch}" for batch in GLOBAL for ranks in (4, 16, 64)]
    parts.append(
        "**Linear layers**: the number of parameters from which the ranks are twice as fast as "
        f"one\n\n{markdown(['network', *columns], rows)}"
    )
    return "\n\n".join(parts)


def _size(parameters: int | None) -> str:
    return "none" if parameters is None else f"{parameters:,}"


def picture(found: Mapping[str, Any], networks: Mapping[str, Network]) -> Figure:
    """Draw strong and weak scaling, a line for each network, solid for LeNet and dashed for Kim."""
    figure = new_figure(8.0, 3.6)
    colours = dict(zip(networks, (GREY, ORANGE, BLUE, INK), strict=False))
    with styled():
        strong: Axes = figure.add_subplot(1, 2, 1)
        weak: Axes = figure.add_subplot(1, 2, 2)
        for (title, entry), style in zip(found["networks"].items(), ("-", "--"), strict=True):
            step, batch = step_of(entry), BATCH[title]
            for name, network in networks.items():
                label = f"{title}, {name}"
                options: Any = {"color": colours[name], "linestyle": style, "label": label}
                strong.plot(RANKS, [speed_up(step, batch, n, network) for n in RANKS], **options)
                weak.plot(RANKS, [efficiency(step, batch, n, network) for n in RANKS], **options)
        strong.plot(RANKS, RANKS, color=GREY, linestyle=":", label="n times as fast")
        for axes, text in (
            (strong, "strong scaling: speed-up"),
            (weak, "weak scaling: efficiency"),
        ):
            axes.set_xscale("log", base=2)
            axes.set_xticks(RANKS, [str(n) for n in RANKS])
            axes.set_xlabel("ranks")
            axes.set_title(text)
        strong.set_yscale("log", base=2)
        strong.set_yticks([0.25, 0.5, 1, 2, 4, 8, 16, 32, 64])
        strong.set_yticklabels(["¼", "½", "1", "2", "4", "8", "16", "32", "64"])
        weak.set_ylim(0.0, 1.05)
        figure.legend(
            *strong.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=7
        )
    return figure


if __name__ == "__main__":
    main()
