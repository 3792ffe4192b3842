"""A map: the categories that a classifier knows and a user's inserts, on one plane."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from drugtext.classifier import DrugClassifier
from drugtext.errors import DrugTextError
from drugtext.inserts.batches import check_is_list
from drugtext.inserts.insert import DrugInsert
from drugtext.map_page import html_page
from drugtext.map_png import png_picture
from drugtext.map_points import MappedInsert, MapPoints
from drugtext.plane import choose_layout
from drugtext.written_file import write_file


@dataclass(frozen=True, slots=True, eq=False)
class InsertMap(MapPoints):
    """A map that can be written; its attributes are those of `MapPoints`."""

    def write_html(self, path: str | os.PathLike[str]) -> None:
        """Write a page to point at: one file of some 5 MB, for plotly is in it; works offline.

        It holds names and files of the inserts.

        Raises:
            DrugTextError: plotly is not installed, or the file cannot be written.
        """
        write_file(path, html_page(self))

    def write_png(self, path: str | os.PathLike[str]) -> None:
        """Write a picture.

        Raises:
            DrugTextError: matplotlib is not installed, or the file cannot be written.
        """
        write_file(path, png_picture(self))


def draw_map(
    classifier: DrugClassifier, inserts: Iterable[DrugInsert], *, seed: int = 0
) -> InsertMap:
    """Put all categories of a classifier and some inserts on one plane.

    An answer may differ from that of `predict` in a digit, for as much of an insert is read as
    `embed` reads. The first use of UMAP in a process compiles it, which takes some ten seconds.

    Args:
        classifier: that knows one category or more.
        inserts: any number of them, also none.
        seed: of UMAP; the same one gives the same map.

    Raises:
        LanguageError: an insert is in a language that the encoder does not know.
        DrugTextError: the classifier has no category, an insert has no text, the seed is not one,
            or umap-learn is needed and not installed.
    """
    if not classifier.category_ids:
        raise DrugTextError("the classifier has no category yet; give it some with fit().")
    check_is_list(inserts)
    listed = list(inserts)
    method, lay_out = choose_layout(len(classifier.category_ids) + len(listed), seed)
    embeddings = classifier.embed(listed)
    prototypes = classifier.model.head.prototypes.detach().float().cpu()
    texts = classifier.model.head.text_of(torch.from_numpy(embeddings))
    vectors = torch.cat([nn.functional.normalize(prototypes, dim=1), texts.cpu()]).numpy()
    points = lay_out(vectors)
    n_categories, tree = len(prototypes), classifier.taxonomy
    probabilities = classifier.probabilities(embeddings)
    in_scope = classifier.in_scope(embeddings)
    return InsertMap(
        paths=tuple(tree.path(category_id) for category_id in classifier.category_ids),
        category_points=points[:n_categories],
        inserts=tuple(
            MappedInsert(
                name=insert.name,
                source=insert.source,
                path=tree.path(classifier.category_ids[int(probabilities[n].argmax())]),
                probability=float(probabilities[n].max()),
                in_scope=bool(in_scope[n]),
            )
            for n, insert in enumerate(listed)
        ),
        insert_points=points[n_categories:],
        method=method,
    )
