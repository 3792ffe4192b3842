"""How well are Chinese inserts told apart? By a multilingual encoder, and by TF-IDF.

    python scripts/compare_chinese.py ../shared/data/zh/inserts.jsonl.gz \
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv \
        --encoder ../shared/data/encoders/multilingual-e5-small --output benchmark/chinese

Two sets of inserts are asked: those of a mainland hospital's catalogue, and the short entries of a
Taiwan formulary in traditional characters. Of each, all categories with enough drugs are learnt
from a few drugs each; and, drugs dealt into folds, from all drugs but those that are asked. The
words and the pieces of names that stand beside the encoder come from the inserts of the other set,
whose categories are not told. Nothing is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

import drugtext
from drugtext.classifier import DrugClassifier
from drugtext.episodes import EpisodePool
from drugtext.errors import CorpusError, DrugTextError
from drugtext.evaluation.bootstrap import grouped_share
from drugtext.evaluation.figures_file import command_line, write_figures
from drugtext.evaluation.markdown import markdown_table
from drugtext.evaluation.scores import few_shot_accuracy
from drugtext.evaluation.trust.subjects import projected
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.read import read_inserts
from drugtext.masking import masked_insert
from drugtext.splits import ingredient_key
from drugtext.taxonomy import Taxonomy
from drugtext.written_file import write_file

SETS = {
    "mainland hospital": ("insert", ("source", "source_stem"), (1, 2)),
    "Taiwan formulary": ("formulary_short", ("source",), (1, 2, 3)),
}
"""Name of a set -> kind of its inserts, whom its categories come from, levels that are asked."""
SHOTS = (1, 3, 5)
N_FOLDS = 5
SVM = "TF-IDF of characters + SVM"

console = Console(stderr=True, markup=False)  # names of files hold brackets

Answer = Callable[[Sequence[int], Sequence[str], Sequence[int]], list[str]]
"""Places of what is taught, its categories, places of what is asked -> the answers."""


class Asked(NamedTuple):
    """Inserts of a set that have a category.

    Attributes:
        inserts: of them, names as printed or masked.
        paths: ids from the root down to the category of each.
        drugs: of each, names of its substances.
    """

    inserts: dict[str, list[DrugInsert]]
    paths: list[list[str]]
    drugs: list[tuple[str, ...]]

    def groups(self) -> list[str]:
        """Return what is drawn and dealt together."""
        return ["+".join(map(ingredient_key, names)) for names in self.drugs]


def asked_of(inserts: Sequence[DrugInsert], name: str, tree: Taxonomy) -> Asked:
    """Return the inserts of a set whose category stands in the tree."""
    kind, qualities, _ = SETS[name]
    chosen, paths, drugs = [], [], []
    for insert in inserts:
        of_set = insert.metadata.get("kind") == kind
        (code,) = insert.categories.get("atc", ("",))[:1]
        is_sure = insert.metadata.get("label_quality") in qualities and code.isalnum()
        if of_set and is_sure and code[:5] in tree:
            chosen.append(insert)
            paths.append([step.id for step in tree.path(code[:5])])
            drugs.append((code,) if len(code) > 5 else insert.ingredients or (insert.name,))
    masked = list(map(masked_insert, chosen))
    return Asked({"masked": masked, "plain": chosen}, paths, drugs)


def by_prototypes(classifier: DrugClassifier, embeddings: NDArray, tree: Taxonomy) -> Answer:
    """Answer by `fit`, from embeddings of all inserts of a set."""

    def answer(taught: Sequence[int], told: Sequence[str], asked: Sequence[int]) -> list[str]:
        fitted = classifier.fit_embeddings(embeddings[list(taught)], told, taxonomy=tree)
        best = fitted.probabilities(projected(fitted, embeddings[list(asked)])).argmax(axis=1)
        return [fitted.category_ids[n] for n in best]

    return answer


def by_svm(inserts: Sequence[DrugInsert]) -> Answer:
    """Answer by one to three characters in a row, as is usual for Chinese."""

    def answer(taught: Sequence[int], told: Sequence[str], asked: Sequence[int]) -> list[str]:
        vectors = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
        model = make_pipeline(vectors, LinearSVC(random_state=0))
        model.fit([inserts[n].text for n in taught], told)
        return model.predict([inserts[n].text for n in asked]).tolist()

    return answer


def few_shot(
    asked: Asked, level: int, ways: dict[str, Answer], n_episodes: int
) -> Iterator[dict[str, Any]]:
    """Yield the accuracy of each way for each number of inserts a category."""
    deep = [n for n, path in enumerate(asked.paths) if len(path) >= level]
    categories = [asked.paths[n][level - 1] for n in deep]
    pool = EpisodePool(categories, [asked.drugs[n] for n in deep])
    able = pool.able(max(SHOTS) + 1)
    for k_shot in SHOTS:
        rng = np.random.default_rng(0)
        drawn = [pool.draw_up_to(len(able), k_shot, 1, rng, able) for _ in range(n_episodes)]
        for way, answer in ways.items():
            right = []
            for episode in drawn:
                told = [episode.categories[n] for n in episode.support_categories]
                truth = [episode.categories[n] for n in episode.query_categories]
                given = answer(
                    [deep[n] for n in episode.support], told, [deep[n] for n in episode.queries]
                )
                right.append(np.mean(np.array(given) == np.array(truth)))
            figures = [round(x, 4) for x in few_shot_accuracy(np.array(right))]
            row = {"level": level, "k": k_shot, "way": way, "accuracy": figures}
            yield row | {"n_way": len(drawn[0].categories), "n": n_episodes}


def new_drugs(asked: Asked, level: int, ways: dict[str, Answer]) -> Iterator[dict[str, Any]]:
    """Yield the accuracy of each way on drugs by folds, all others taught."""
    deep = np.array([n for n, path in enumerate(asked.paths) if len(path) >= level])
    groups = np.array(asked.groups())[deep]
    truth = np.array([asked.paths[n][level - 1] for n in deep])
    folds = [*GroupKFold(N_FOLDS, shuffle=True, random_state=0).split(deep, groups=groups)]
    for name, answer in ways.items():
        right = np.zeros(len(deep), dtype=bool)
        for taught, queries in folds:
            given = answer(deep[taught].tolist(), truth[taught].tolist(), deep[queries].tolist())
            right[queries] = np.array(given) == truth[queries]
        figures = [round(x, 4) for x in grouped_share(right, groups.tolist())]
        row = {"level": level, "k": None, "way": name, "accuracy": figures}
        yield row | {"n_way": len({*truth}), "n": len(deep)}


def rows_of(
    name: str, inserts: Sequence[DrugInsert], encoder: DrugClassifier, tree: Taxonomy, n: int
) -> Iterator[dict[str, Any]]:
    """Yield all figures of a set; n: episodes of each number of inserts."""
    asked = asked_of(inserts, name, tree)
    kind, _, levels = SETS[name]
    others = [insert for insert in inserts if insert.metadata.get("kind") != kind]
    reader = encoder.with_lexicon(others).with_name_stems(others)
    for names, texts in asked.inserts.items():
        ways = {
            "drugtext": by_prototypes(
                reader, reader.embed(track(texts, f"{name}, {names}", console=console)), tree
            ),
            "drugtext, the encoder alone": by_prototypes(encoder, encoder.embed(texts), tree),
            SVM: by_svm(texts),
        }
        for level in levels:
            rows = (*few_shot(asked, level, ways, n), *new_drugs(asked, level, ways))
            yield from ({"set": name, "names": names, **row} for row in rows)


def page(command: str, rows: Sequence[dict[str, Any]]) -> str:
    """Write figures, those of one setting side by side, and the command that made them."""
    settings: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        settings.setdefault((row["set"], row["names"], row["level"], row["k"]), []).append(row)
    ways = [*dict.fromkeys(row["way"] for row in rows)]
    table = [["inserts", "names", "ATC level", "taught of each", "categories", "asked", *ways]]
    for by_way in settings.values():
        one = by_way[0]
        taught = "all other drugs" if one["k"] is None else str(one["k"])
        size = f"{one['n']} {'inserts' if one['k'] is None else 'episodes'}"
        figures = ("{:.3f} [{:.3f}, {:.3f}]".format(*row["accuracy"]) for row in by_way)
        told_of = (one["set"], one["names"], str(one["level"]), taught, str(one["n_way"]), size)
        table.append([*told_of, *figures])
    lines = [
        "# Chinese inserts",
        f"Made by\n\n```\n{command}\n```",
        "Accuracy on drugs that were not taught, with 95 % intervals: over episodes, or drawing"
        " whole drugs. Names masked, or as printed. No encoder was trained.",
        markdown_table(table),
    ]
    return "\n\n".join(lines) + "\n"


def main(
    inserts: Annotated[Path, typer.Argument(help="Chinese inserts, as JSON lines.")],
    taxonomy: Annotated[Path, typer.Option(help="CSV of ATC codes and names.")],
    encoder: Annotated[str, typer.Option(help="Folder or hub id of a multilingual encoder.")],
    output: Annotated[Path, typer.Option(help="Folder of chinese.json and README.md.")],
    prefix: Annotated[str, typer.Option(help="That the encoder wants.")] = "query: ",
    n_episodes: Annotated[int, typer.Option(min=2, help="Of each number of inserts.")] = 50,
) -> None:
    """Measure how well Chinese inserts are classified."""
    try:
        tree = Taxonomy.from_atc(taxonomy)
        read = [*read_inserts(inserts)]
        raw = drugtext.load(encoder, prefix=prefix, languages=["zh", "en"])
        rows = [row for name in SETS for row in rows_of(name, read, raw, tree, n_episodes)]
        if not rows:
            raise CorpusError(f"{inserts}: holds no insert of {', '.join(SETS)}.")
    except DrugTextError as error:
        console.print(f"error: {error}", style="red")
        raise typer.Exit(2) from error
    write_figures(output / "chinese.json", {"n_episodes": n_episodes, "rows": rows}, raw.backend)
    write_file(output / "README.md", page(command_line(), rows))
    console.print(f"written: {output / 'README.md'}")


if __name__ == "__main__":
    typer.run(main)
