"""Fine-tune a classifier to a taxonomy of your own, by LoRA, and save it.

    python scripts/finetune_lora.py my-inserts --output runs/mine
    ACCELERATE_USE_CPU=true torchrun --nproc_per_node 2 scripts/finetune_lora.py my-inserts \
        --output runs/mine --batches-a-step 2

my-inserts is what `drugtext learn` takes: a folder with one folder a category, or a file whose
records give a category. A tenth of the ingredients is held out to choose the best weights. A
stopped training goes on where it was; several machines and GPUs are a matter of
`accelerate config`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from accelerate import PartialState
from rich.console import Console

import drugtext
from drugtext.encoder import DEFAULT_ENCODER, weights_sha256
from drugtext.errors import CorpusError, DrugTextError
from drugtext.support import read_support
from drugtext.taxonomy import Category, Taxonomy
from drugtext.training.bar import training_bar
from drugtext.training.data import LabelledInserts
from drugtext.training.finetune import FinetunePlan, finetune
from drugtext.training.plan import LoopPlan

ENOUGH_FOR_LEXICON = 1000
"""Inserts. The lexicon doubles the dimensions, and whitening wants an insert for each."""

console = Console(stderr=True, markup=False)  # names of files hold brackets


def read_labelled(support: Path, taxonomy: Taxonomy | None) -> LabelledInserts:
    """Read inserts with their categories; without a taxonomy each category stands on its own."""
    pairs = list(read_support(support, taxonomy_name=taxonomy.name if taxonomy else ""))
    if not pairs:
        raise CorpusError(f"{support}: holds no insert with a category.")
    if taxonomy is None:
        taxonomy = Taxonomy((Category(c, c) for c in dict.fromkeys(c for _, c in pairs)), "own")
    inserts = [insert for insert, _ in pairs]
    return LabelledInserts.of_inserts(inserts, [taxonomy.find(c).id for _, c in pairs], taxonomy)


def main(
    support: Annotated[Path, typer.Argument(help="Folder of category folders, .jsonl or .csv.")],
    output: Annotated[Path, typer.Option(help="Folder of states and, in checkpoint/, the result.")],
    model: Annotated[
        str, typer.Option(help="Encoder or checkpoint to start from; its adapter is trained on.")
    ] = DEFAULT_ENCODER,
    taxonomy: Annotated[
        Path | None, typer.Option(help="CSV with columns id, name, parent of the categories.")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Of the optimizer.")] = 150,
    learning_rate: Annotated[float, typer.Option(help="The highest.")] = 3e-4,
    patience: Annotated[
        int | None, typer.Option(help="Looks at the held-out tenth without a gain that end it.")
    ] = None,
    batches_a_step: Annotated[int, typer.Option(help="A multiple of the processes.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn.")] = 0,
) -> None:
    """Fine-tune, learn prototypes with the new adapter, and save the classifier."""
    try:
        data = read_labelled(support, Taxonomy.from_csv(taxonomy) if taxonomy else None)
        train, held_out = data.parted(0.1, seed)
        classifier = drugtext.load(model)
        for insert in data.forms[0]:  # before the hours of training, not behind them
            if refusal := classifier.refusal(insert):
                raise refusal
        deepest = max(map(len, data.paths))
        plan = FinetunePlan(
            tuple(range(1, deepest + 1)),
            LoopPlan(steps, learning_rate=learning_rate, patience=patience, seed=seed),
            batches_a_step=batches_a_step,
        )
        with training_bar(console) as advance:
            adapter, progress = finetune(
                classifier,
                train,
                plan,
                output,
                held_out=held_out,
                told={
                    **{"support": str(support), "model": model, "inserts": train.sha256},
                    "weights": weights_sha256(classifier.model.encoder),
                },
                advance=advance,
            )
        if not PartialState().is_main_process:
            return
        tuned = classifier.with_adapter(adapter)
        if tuned.model.lexicon is None and len(data) >= ENOUGH_FOR_LEXICON:
            tuned = tuned.with_lexicon(data.forms[1])
        categories = [path[-1] for path in data.paths]
        tuned = tuned.fit(data.forms[0], categories, taxonomy=data.taxonomy)
        tuned.save_pretrained(output / "checkpoint")
    except DrugTextError as error:
        console.print(f"error: {error}", style="red")
        raise typer.Exit(2) from error
    best = progress.scores[progress.best_step] if progress.best_step else float("nan")
    print(
        f"{output / 'checkpoint'}: {len(set(categories))} categories from {len(data)} inserts;"
        f" accuracy on {len(held_out)} held-out inserts, while training: {best:.3f}"
    )


if __name__ == "__main__":
    typer.run(main)
