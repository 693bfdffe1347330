"""The command `hatch run publish-speed`, which writes tables and pictures of the last results."""

from collections.abc import Mapping
from pathlib import Path

import click

from asv_benchmarks import stage_breakdown
from asv_benchmarks.peers.results import Table
from asv_benchmarks.publish import pictures, tables
from asv_benchmarks.stage_breakdown import Stage
from tools.blocks import write_block

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "results" / "speed"
IMAGES = ROOT / "docs" / "images"
GUIDE = ROOT / "docs" / "guides" / "speed.md"

STAGES = {
    "reference": "plain Python loops",
    "naive": "compiled, an index for each element",
    "fast": "compiled, an index for each row (`fast`)",
    "tuned": "contiguous kernels, fused (`tuned`)",
}
"""Titles of the stages in the guide to speed, by backend."""

TABLE_OPERATIONS = 6
"""Number of operations with a separate row in the table of a stage; one row sums the others."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Write the last results into README and the guide to speed, and draw their pictures."""
    peers = read_tables(RESULTS)
    breakdown = RESULTS / "stage-breakdown.json"
    if not peers and not breakdown.exists():
        raise click.ClickException(
            f"no results in {RESULTS.relative_to(ROOT)}; run `hatch run speed` first"
        )
    if peers:
        _peers(peers)
    if breakdown.exists():
        measured = [table for kind in peers.values() for table in kind]
        _write_breakdown(*stage_breakdown.read(breakdown), measured)


def read_tables(folder: Path) -> dict[str, list[Table]]:
    """Return the tables of every kind of processor, the last measured kind first.

    Args:
        folder: The folder with a folder for each kind; its tables are sorted by threads.
    """
    found: dict[str, list[Table]] = {}
    for file in folder.glob("*/*thread*.json"):
        found.setdefault(file.parent.name, []).append(Table.read(file))
    for measured in found.values():
        measured.sort(key=lambda table: int(table.conditions["threads"]))
    # The name breaks ties, so that equal files give equal documents.
    order = sorted(found, key=lambda kind: (found[kind][0].conditions["date"], kind), reverse=True)
    return {kind: found[kind] for kind in order}


def _peers(measured: dict[str, list[Table]]) -> None:
    """Write the comparison with other frameworks, of every kind of processor."""
    latest = next(iter(measured.values()))
    pictures.save(pictures.beside_the_best(latest[0]), IMAGES / "speed-peers.svg")
    steps = "\n\n".join(
        f"{tables.steps(table)}\n\n{tables.conditions(table)}"
        for kind in measured.values()
        for table in kind[:1]
    )
    write_block(
        ROOT / "README.md",
        "speed",
        f"## Speed\n\n{README}\n\n{steps}",
        before="## Tasks of the course",
    )
    parts = []
    for kind, found in measured.items():
        for table in found:
            threads = table.conditions["threads"]
            title = "one thread" if threads == 1 else f"{threads} threads"
            parts.append(
                f"### {table.conditions['processor']} (`{kind}`), {title}\n\n"
                f"{tables.conditions(table)}\n\n{tables.everything(table, kind)}"
            )
    write_block(GUIDE, "peers", "\n\n".join(parts))


README = """\
The tables compare one training step (forward, backward, optimiser) with the same network in other
frameworks, from the same weights: with the fastest of all in its fastest setting, and with PyTorch
as it starts. The line below a table names the processor, and says so if every framework ran with
its default settings only. **3×** means that the framework takes three times as long as ours; the
spread follows. The ratio is the median of all rounds, or the ratio of the shortest times if it is
smaller. `hatch run peers` measures it again. The [guide to speed](docs/guides/speed.md) has all
measurements, those on two threads included, and the time of each part of a step."""


def time_of_pytorch(conditions: Mapping[str, object], measured: list[Table]) -> float | None:
    """Return the seconds of PyTorch's step on the processor of the stages.

    Args:
        conditions: Those of the stages.
        measured: The tables of all processors.

    Returns:
        None if PyTorch was not measured on this processor with as many threads.
    """
    machine = ("processor", "threads")
    times = (
        row.times["torch"].cpu / 1e3
        for table in measured
        if all(table.conditions[name] == conditions[name] for name in machine)
        for row in table.rows
        if row.key == "step-course-16" and "torch" in row.times
    )
    return next(times, None)


def _write_breakdown(
    conditions: dict[str, object], stages: list[Stage], peers: list[Table]
) -> None:
    """Write the breakdown of a training step into the guide to speed, and draw its pictures."""
    seconds = {STAGES[stage.backend].replace("`", ""): stage.seconds for stage in stages}
    pytorch = time_of_pytorch(conditions, peers)
    if pytorch is not None:
        seconds["PyTorch, for comparison"] = pytorch
    pictures.save(pictures.stages(seconds), IMAGES / "speed-stages.svg")
    shares = {
        stage.backend: [(_name(part), part.seconds) for part in stage.parts] for stage in stages
    }
    pictures.save(pictures.shares(shares), IMAGES / "speed-shares.svg")
    previous, rows = None, []
    for stage in stages:
        gain = "" if previous is None else _times(previous / stage.seconds)
        whole = _times(stages[0].seconds / stage.seconds)
        rows.append([STAGES[stage.backend], pictures.duration(stage.seconds), gain, whole])
        previous = stage.seconds
    sentence = (
        f"Measured on {conditions['date']} at commit {conditions['commit']}: "
        f"{conditions['processor']}, one thread, load {conditions['load']}; the processor's time."
    )
    head = ["one step of the course's LeNet, 16 images", "time", "than before", "than at first"]
    write_block(GUIDE, "stages", f"{tables.markdown(head, rows)}\n\n{sentence}")
    for stage in stages:
        write_block(GUIDE, stage.backend, _parts(stage))


def _parts(stage: Stage) -> str:
    """Return the table of the operations of a stage."""
    whole = sum(part.seconds for part in stage.parts)
    rows = [
        [_name(part), str(part.calls), f"{part.seconds / whole:.0%}"]
        for part in stage.parts[:TABLE_OPERATIONS]
    ]
    rest = stage.parts[TABLE_OPERATIONS:]
    if rest:
        left = sum(part.seconds for part in rest)
        calls = str(sum(part.calls for part in rest))
        rows.append(["all others", calls, f"{left / whole:.0%}"])
    return tables.markdown(["operation", "calls", "share"], rows)


def _name(part: stage_breakdown.Part) -> str:
    return part.name if part.phase == "region" else f"{part.name} {part.phase}"


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}×" if ratio >= 100 else f"{ratio:.3g}×"


if __name__ == "__main__":
    main()
