"""A registry of categories: each change is a new version, with its date, its note and its supports.

`version_store` says how they lie in a folder.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from drugtext.classifier import DrugClassifier, load
from drugtext.differences import Changed, OnError, differences, readable
from drugtext.errors import CheckpointError, CorpusError
from drugtext.inserts.batches import check_is_list
from drugtext.inserts.insert import DrugInsert
from drugtext.learnt_from import learnt_from
from drugtext.version_store import Version, VersionStore

_SECONDS_TO_WAIT = 600.0  # learning takes seconds, saving too


class Registry:
    """Versions of a classifier in a folder, which many may read and change at once.

    Args:
        folder: of a registry that `create` made.
        backend: what runs the encoder, as `load` takes it.
        seconds_to_wait: for another writer, before a change is refused.

    Raises:
        CheckpointError: there is no registry.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        backend: str = "auto",
        seconds_to_wait: float = _SECONDS_TO_WAIT,
    ) -> None:
        self.folder, self._backend = Path(folder), backend
        self._store = VersionStore(self.folder, seconds_to_wait)
        self._store.current()  # told now

    @classmethod
    def create(
        cls,
        folder: str | os.PathLike[str],
        classifier: DrugClassifier,
        *,
        note: str = "",
        backend: str = "auto",
        seconds_to_wait: float = _SECONDS_TO_WAIT,
        with_known_drugs: bool = False,
    ) -> Registry:
        """Begin a registry with the categories of a classifier.

        Args:
            folder: of the registry; made if it is absent.
            classifier: whose categories are the first version.
            note: why; it is kept with the version.
            backend: as for the class.
            seconds_to_wait: as well.
            with_known_drugs: keep the names of the drugs that categories were learnt from, in this
                version and in later ones, as `DrugClassifier.save_pretrained` does.

        Raises:
            CheckpointError: there is a registry already, or the folder cannot be written.
        """
        store = VersionStore(Path(folder), seconds_to_wait)
        with suppress(OSError):  # told by the lock
            store.folder.mkdir(parents=True, exist_ok=True)
        with store.locked():
            if store.has_begun():
                raise CheckpointError(
                    f"{store.folder}: holds a registry already; change that one, or"
                    " give another folder."
                )
            # 1, unless somebody was killed who had begun: what he wrote stays
            number, known = store.next_number(), tuple(classifier.category_ids)
            first = Version(number, None, _now(), "create", known, note)
            store.write(classifier, first, with_known_drugs=with_known_drugs)
        return cls(folder, backend=backend, seconds_to_wait=seconds_to_wait)

    def load(self, number: int | None = None) -> DrugClassifier:
        """Load a version; the current one if none is named."""
        version = self.current if number is None else self._store.version(number)
        return load(self._store.folder_of(version.number), backend=self._backend)

    def versions(
        self, *, on_error: Callable[[CheckpointError], None] | None = None
    ) -> list[Version]:
        """Return all versions, oldest first.

        Args:
            on_error: told of each that is damaged; the others are returned. Without it the first
                one raises.
        """
        found = []
        for number in self._store.numbers():
            try:
                found.append(self._store.version(number))
            except CheckpointError as error:
                if on_error is None:
                    raise
                on_error(error)
        return found

    @property
    def current_number(self) -> int:
        """Number of the version that is used."""
        return self._store.current()

    @property
    def current(self) -> Version:
        """The version that is used."""
        return self._store.version(self.current_number)

    def add(
        self,
        category: str,
        inserts: Iterable[DrugInsert],
        *,
        note: str = "",
        on_error: OnError | None = None,
    ) -> Version:
        """Add a category learnt from inserts; errors as `DrugClassifier.add_category`.

        Args:
            category: its name, or its id.
            inserts: its support.
            note: why; it is kept with the version.
            on_error: called with each insert that cannot be read, and why; the category is learnt
                from the others. Without it the first one raises.
        """
        return self._change(
            "add", [category], note, lambda c, s: c.add_category(category, s), inserts, on_error
        )

    def extend(
        self,
        category: str,
        inserts: Iterable[DrugInsert],
        *,
        note: str = "",
        on_error: OnError | None = None,
    ) -> Version:
        """Learn a category further; arguments as `add`, errors as `extend_category`.

        Raises:
            CorpusError: this registry has learnt it from one of the inserts already.
        """

        def extended(classifier: DrugClassifier, support: list[DrugInsert]) -> DrugClassifier:
            self._check_are_new(support, category, classifier)
            return classifier.extend_category(category, support)

        return self._change("extend", [category], note, extended, inserts, on_error)

    def remove(self, category: str, *, note: str = "") -> Version:
        """Remove a category."""
        return self._change("remove", [category], note, lambda c, _: c.remove_category(category))

    def rename(self, category: str, name: str, *, note: str = "") -> Version:
        """Give a category another name."""
        return self._change(
            "rename", [category, name], note, lambda c, _: c.rename_category(category, name)
        )

    def merge(self, categories: Sequence[str], name: str, *, note: str = "") -> Version:
        """Make one category of several."""
        return self._change(
            "merge", [*categories, name], note, lambda c, _: c.merge_categories(categories, name)
        )

    def split(
        self,
        category: str,
        inserts: Iterable[DrugInsert],
        categories: Sequence[str],
        *,
        note: str = "",
    ) -> Version:
        """Put several categories in the place of one, each insert the support of one of them."""
        named = [category, *dict.fromkeys(categories)]
        return self._change(
            "split", named, note, lambda c, s: c.split_category(category, s, categories), inserts
        )

    def undo(self) -> Version:
        """Go back to the version that the current one was made of.

        The undone one stays: `use` takes it up again.

        Raises:
            CheckpointError: the current version is the first.
        """
        with self._store.locked():
            undone = self.current
            if undone.parent is None:
                raise CheckpointError(
                    f"{self.folder}: version {undone.number} is the first; nothing to undo."
                )
            before = self._store.version(undone.parent)  # told while the undone one is in use
            self._store.point_at(before.number)
        return before

    def use(self, number: int) -> Version:
        """Make a version the current one."""
        version = self._store.version(number)
        with self._store.locked():
            self._store.point_at(number)
        return version

    def diff(
        self,
        before: int,
        after: int,
        inserts: Iterable[DrugInsert],
        *,
        on_error: OnError | None = None,
    ) -> list[Changed]:
        """Return the inserts whose category, or whose being in scope, changes between two versions.

        Args:
            before: number of a version.
            after: of another one.
            inserts: any number of them.
            on_error: called with each insert that cannot be classified, and why; the others are
                still compared. Without it the first one raises.
        """
        return differences(self.load(before), self.load(after), inserts, on_error)

    def _check_are_new(
        self, support: Sequence[DrugInsert], category: str, classifier: DrugClassifier
    ) -> None:
        """Raise where a category was learnt from an insert in the current version or one before."""
        found = classifier.taxonomy.meant(category)
        called = {category, *((found.id, found.name) if found else ())}
        hashes = {content_sha256(insert): insert for insert in support}
        for version in learnt_from(self._store, called):
            for known in hashes.keys() & set(version.supports):
                insert = hashes[known]
                raise CorpusError(
                    f"{insert.place or insert.name}: version {version.number} has learnt"
                    f" {category!r} from it already; leave it out."
                )

    def _change(
        self,
        action: str,
        categories: Sequence[str],
        note: str,
        change: Callable[[DrugClassifier, list[DrugInsert]], DrugClassifier],
        inserts: Iterable[DrugInsert] = (),
        on_error: OnError | None = None,
    ) -> Version:
        """Make a version of the current one and of a support, while nobody else does."""
        check_is_list(inserts)
        support = list(inserts)
        for insert in support:
            if not isinstance(insert, DrugInsert):
                raise CorpusError(f"found {type(insert).__name__}; a list of DrugInsert is needed.")
        with self._store.locked():
            parent = self.current_number
            before = self.load(parent)
            support = readable(support, before, on_error)
            hashes = tuple(content_sha256(insert) for insert in support)
            number, tree = self._store.next_number(), before.taxonomy
            # By their ids, which a name that was given since, or shared, does not hide.
            named = tuple(found.id if (found := tree.meant(c)) else c for c in categories)
            version = Version(number, parent, _now(), action, named, note, hashes)
            # Names are kept where the first version has them: none else was loaded with names.
            self._store.write(
                change(before, support), version, with_known_drugs=before.drug_names is not None
            )
        return version


def content_sha256(insert: DrugInsert) -> str:
    """Return a fingerprint of what an insert teaches: its text, and by what names it goes."""
    told = json.dumps(insert.told, ensure_ascii=False)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
