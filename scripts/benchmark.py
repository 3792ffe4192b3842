"""Compare drugtext with what people use today, on drugs and categories that nobody trained on.

    python scripts/benchmark.py ../shared/data --report benchmark
    python scripts/benchmark.py ../shared/data --report runs/quick --quick

The full run takes two to three hours on 2 cores, the quick one four minutes. A stopped run
goes on where it was: corpora, adapters, window vectors and the outcome of each contestant in each
trial are kept below --output. The report folder gets results.json, README.md and plots; no
sentence of an insert.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import datasets
import transformers
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from drugtext.encoder import DEFAULT_ENCODER
from drugtext.errors import CorpusError, DrugTextError
from drugtext.evaluation.benchmark.cached_embedder import CachedEmbedder
from drugtext.evaluation.benchmark.contestants import TRAINED, contestants, make_encoder
from drugtext.evaluation.benchmark.meter import Saving, total_seconds
from drugtext.evaluation.benchmark.plan import FULL_RUN, QUICK_RUN, make_trials
from drugtext.evaluation.benchmark.plots import write_plots
from drugtext.evaluation.benchmark.prepare import prepare_corpora
from drugtext.evaluation.benchmark.readers import TrainedReaders
from drugtext.evaluation.benchmark.report import markdown_report
from drugtext.evaluation.benchmark.results import make_results
from drugtext.evaluation.benchmark.run import Outcomes, run
from drugtext.evaluation.benchmark.task import Contestant, Trial
from drugtext.evaluation.figures_file import command_line, versions
from drugtext.training.bar import training_bar
from drugtext.training.meta import ATC_PLAN

TRAINING = "training.json"
"""What scripts/bench_training.py measured, in the report's folder."""
CORRECTIONS = Path(__file__).parent.parent / "data_cards" / "atc_corrections.csv"
"""Of ATC codes in the data folder, each proved by what the insert states."""
QUICK_STEPS = 2
"""Of each training in the quick run, which shows that all works and not how well."""

console = Console(stderr=True, markup=False)  # names of files hold brackets


def silence() -> None:
    """Keep the libraries' own bars and warnings out of the one progress bar."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    datasets.disable_progress_bars()
    transformers.logging.disable_progress_bar()


def counted() -> Progress:
    """Return a progress bar that counts and tells the time."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), console=console)


def embed(trials: Sequence[Trial], embedders: Sequence[CachedEmbedder]) -> None:
    """Embed all inserts in both ways of reading."""
    inserts = [insert for trial in trials for insert in trial.inserts]
    with counted() as progress:
        for embedder, how in zip(embedders, ("as printed", "by default"), strict=True):
            task = progress.add_task(f"embedding, {how}", total=len({*map(id, inserts)}))
            embedder.fill(inserts, partial(progress.advance, task))


def train_readers(trials: Sequence[Trial], trained: TrainedReaders) -> None:
    """Train drugtext's encoder for each set of inserts that trials give for it, and embed."""
    alike: dict[str, list[Trial]] = {}
    for trial in trials:
        if trial.training.records:
            alike.setdefault(trial.training.sha256, []).append(trial)
    for number, group in enumerate(alike.values(), start=1):
        first = group[0]
        what = f"{first.setting.protocol}, {first.setting.taxonomy}"
        console.print(f"training {number} of {len(alike)}: {what}")
        with training_bar(console) as advance:
            trained.learn(first.training, first.tasks[0].lesson.taxonomy, advance)
        inserts = {id(insert): insert for trial in group for insert in trial.inserts}
        with Progress(console=console) as progress:
            task = progress.add_task("embedding", total=len(inserts))
            embed = trained.embedders[first.training.sha256]
            embed.fill([*inserts.values()], partial(progress.advance, task))


def choose(
    makers: Mapping[str, Callable[[], Contestant]], only: Sequence[str] | None
) -> dict[str, Callable[[], Contestant]]:
    """Keep the contestants that were named; all of them where none was."""
    if unknown := set(only or ()) - makers.keys():
        raise CorpusError(
            f"found no contestant {', '.join(map(repr, sorted(unknown)))};"
            f" there are {', '.join(map(repr, makers))}."
        )
    return {name: make for name, make in makers.items() if not only or name in only}


def measure(
    data: Path, output: Path, quick: bool, only: Sequence[str] | None, seed: int
) -> dict[str, Any]:
    """Run what is not done yet, and return what results.json holds."""
    plan = QUICK_RUN if quick else FULL_RUN
    command = command_line()
    encoder, embedders, cache = make_encoder(
        DEFAULT_ENCODER, output, QUICK_STEPS if quick else ATC_PLAN.loop.n_steps
    )
    everyone = contestants(encoder, seed)
    makers = choose(everyone, only)
    corpora = prepare_corpora(
        data,
        output,
        seed,
        corrections=CORRECTIONS,
        command=command,
        begins=console.status,
        on_error=lambda error: console.print(f"left out: {error}"),
        one_in=plan.one_in,
    )
    with console.status("dealing out the trials"):
        trials = make_trials(corpora["atc"], corpora["epc"], plan, seed)
    made_with = versions(encoder.untrained.classifier.backend or "torch float32")
    made_of = {
        "corpora": {name: corpus.sha256 for name, corpus in corpora.items()},
        "plan": asdict(plan),
        "seed": seed,
        "versions": made_with,
    }
    outcomes = Outcomes(output / "outcomes.jsonl", made_of)
    embed(trials, embedders)
    if any(name in makers for name in TRAINED):
        train_readers(trials, encoder.trained)
    trained = encoder.trained
    savings: list[Saving] = [*embedders, encoder.bases, trained, *trained.embedders.values()]
    with counted() as progress:
        bar = progress.add_task("", total=len(trials) * len(makers))

        def begins(what: str) -> None:
            progress.update(bar, description=what)
            progress.advance(bar, 1 if progress.tasks[bar].description else 0)

        run(trials, makers, outcomes, minutes=plan.minutes, savings=savings, begins=begins)
    return make_results(
        trials,
        outcomes,
        {n: make() for n, make in everyone.items() if any(n == m for _, m in outcomes.done)},
        corpora,
        made_with=made_with,
        command=command,
        quick=quick,
        seed=seed,
        embedding_seconds=cache.used_seconds + encoder.trained.used_seconds,
    )


def write_report(results: dict[str, Any], report: Path) -> None:
    """Write results.json, the pictures and the page."""
    report.mkdir(parents=True, exist_ok=True)
    text = json.dumps(results, indent=1)
    (report / "results.json").write_text(text + "\n", encoding="utf-8")
    plots = [file.name for file in write_plots(results, report)]
    (report / "README.md").write_text(markdown_report(results, plots), encoding="utf-8")


def main(
    data: Annotated[Path, typer.Argument(help="Folder with en/ and taxonomies/: see data_cards/.")],
    report: Annotated[Path, typer.Option(help="Folder of results.json, README.md and plots.")],
    output: Annotated[
        Path | None, typer.Option(help="Folder of what a stopped run goes on with.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A small run of four minutes.")] = False,
    only: Annotated[
        list[str] | None, typer.Option(help="Name of a contestant; may recur. All if left out.")
    ] = None,
    note: Annotated[str, typer.Option(help="What the report's readers should know of it.")] = "",
    seed: Annotated[int, typer.Option(min=0, help="Of splits, episodes, order and intervals.")] = 0,
) -> None:
    """Run the benchmark and write its report."""
    output = output or Path("runs/benchmark-quick" if quick else "runs/benchmark")
    silence()
    try:
        with total_seconds(output / "seconds") as so_far:
            results = measure(data, output, quick, only, seed)
            results |= {"note": note, "elapsed_seconds": so_far()}
            if (report / TRAINING).is_file():
                results["training"] = json.loads((report / TRAINING).read_text(encoding="utf-8"))
            write_report(results, report)
    except DrugTextError as error:
        console.print(f"error: {error}", style="red")
        raise typer.Exit(2) from error
    console.print(f"written: {report / 'README.md'}")


if __name__ == "__main__":
    typer.run(main)
