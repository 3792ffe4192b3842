"""Classify a corpus, on this machine or on a Ray cluster: the command is the same.

    python scripts/classify_corpus.py inserts.parquet --output answers
    python scripts/classify_corpus.py s3://bucket/inserts --output s3://bucket/answers \
        --address auto --workers 4 --most-workers 64

Parquet or JSON lines in, Parquet out: a row an insert, with its id, the answer, or in `error` why
there is none. A run that was killed goes on where it was, to every insert exactly once. Exit status
1: some parts failed, which are named; the others are done. 2: the call itself is wrong. With
`--address auto` run it on a machine of the cluster, as by `ray job submit`.
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from drugtext.errors import DrugTextError
from drugtext.scale.classify import PartsFailedError, classify_corpus
from drugtext.scale.parts import ROWS_A_PART
from drugtext.terminal import err


def main(
    inputs: Annotated[list[str], typer.Argument(help="Parquet or JSONL files, or folders.")],
    output: Annotated[str, typer.Option(help="Folder of Parquet files.")],
    model: Annotated[str | None, typer.Option(help="Bundled name, folder or hub id.")] = None,
    backend: Annotated[str, typer.Option(help="auto | torch | onnx | openvino")] = "auto",
    quick: Annotated[
        bool, typer.Option("--quick", help="Always hide names, and read no more than is enough.")
    ] = False,
    top_k: Annotated[int, typer.Option(min=1, help="How many alternatives to give.")] = 3,
    id_column: Annotated[str, typer.Option(help="What tells an insert in the output.")] = "id",
    rows_a_part: Annotated[
        int, typer.Option(min=1, help="Most inserts of a part, the least that is done again.")
    ] = ROWS_A_PART,
    workers: Annotated[int, typer.Option(min=1, help="Fewest of them.")] = 1,
    most_workers: Annotated[
        int | None, typer.Option(help="Most of them; as many as the fewest if left out.")
    ] = None,
    cpus_a_worker: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Cores of each; left out, an equal share of this machine's, on a cluster 1.",
            show_default=False,
        ),
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="Of a Ray cluster; this machine if left out.")
    ] = None,
) -> None:
    """Classify a corpus."""
    columns = (TextColumn("parts"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=err, disable=not err.is_terminal) as progress:
            bar = progress.add_task("parts", total=None)
            found = classify_corpus(
                inputs,
                output,
                model=model,
                backend=backend,
                quick=quick,
                top_k=top_k,
                id_column=id_column,
                rows_a_part=rows_a_part,
                workers=(workers, max(workers, most_workers or workers)),
                cpus_a_worker=cpus_a_worker,
                address=address,
                advance=lambda n, total: progress.update(bar, completed=n, total=total),
            )
    except DrugTextError as error:
        err.print(Text(f"error: {error}", style="red"))
        raise typer.Exit(1 if isinstance(error, PartsFailedError) else 2) from error
    print(
        f"{output}: {found.n_inserts} inserts, {found.n_new} of them now,"
        f" {found.n_errors} without an answer (column error says why)"
    )


if __name__ == "__main__":
    typer.run(main)
