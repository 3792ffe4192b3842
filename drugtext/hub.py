"""The Hugging Face Hub: folders go up and come down."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import CommitInfo, HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
)

from drugtext.errors import CheckpointError, first_line
from drugtext.manifest import CHECKPOINT_FILES

# The first are the errors of the HTTP client, whichever one huggingface_hub has; OSError is no
# word of a hub, but of a disk.
_UNREACHED: tuple[type[Exception], ...] = (
    *(base for base in HfHubHTTPError.__bases__ if base is not OSError),
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
)
_NOT_SHOWN = (401, 403, 404)  # HTTP: not logged in, not allowed, not found
_SPLITS = ["*.parquet"]


def download_checkpoint(
    repo_id: str, revision: str | None = None, token: str | bool | None = None
) -> Path:
    """Download a checkpoint, without the code that travels with it, and return its folder.

    Args:
        repo_id: "user/repo".
        revision: branch, tag or commit; the newest if left out.
        token: of the caller; that of `hf auth login` or of HF_TOKEN if left out.

    Raises:
        CheckpointError: no hub answers for it.
    """
    wanted = ["*.json", "*.safetensors", "*.txt", "*.model", "README.md"]
    try:
        return Path(
            snapshot_download(repo_id, revision=revision, allow_patterns=wanted, token=token)
        )
    except _UNREACHED as error:
        at = f" at revision {revision!r}" if revision else ""
        if isinstance(error, HfHubHTTPError) and error.response.status_code in _NOT_SHOWN:
            raise CheckpointError(
                f"the hub shows no {repo_id!r}{at} ({first_line(error)}): it is not there, or"
                " private. Check the name, and your login (hf auth login)."
            ) from error
        raise CheckpointError(
            f"no hub answers for {repo_id!r}{at} ({first_line(error)}). Check the name, your login"
            " (hf auth login), or the network."
        ) from error
    except OSError as error:
        raise CheckpointError(
            f"{repo_id!r} cannot be kept on this machine ({first_line(error)}). Make room, or set"
            " HF_HOME to a folder that may be written to."
        ) from error


def make_repository(
    repo_id: str,
    *,
    private: bool | None = None,
    token: str | bool | None = None,
    branch: str | None = None,
    is_dataset: bool = False,
) -> str:
    """Make a repository, and a branch of it, where there is none yet.

    Args:
        repo_id: "user/repo", or "repo" for one of the caller's.
        private: whether a new one is seen by its owner alone; the hub's own default if None.
        token: as `download_checkpoint` takes it.
        branch: to be made if there is none; a pull request's ("refs/pr/1") is there.
        is_dataset: whether it is a data set's.

    Returns:
        Its whole name, "user/repo".

    Raises:
        CheckpointError: the hub cannot be reached, or refuses.
    """
    api, kind = HfApi(token=token), "dataset" if is_dataset else "model"
    with _uploading(repo_id):
        made = api.create_repo(repo_id, private=private, repo_type=kind, exist_ok=True)
        if branch and not branch.startswith("refs/"):
            api.create_branch(made.repo_id, branch=branch, repo_type=kind, exist_ok=True)
        return made.repo_id


def card_of(repo_id: str, revision: str | None = None, token: str | bool | None = None) -> str:
    """Return the card of a repository that is there; nothing where it has none.

    Args:
        repo_id: "user/repo".
        revision: branch, tag or commit; the newest if left out.
        token: as `download_checkpoint` takes it.

    Raises:
        CheckpointError: the hub cannot be reached, or refuses.
    """
    with _uploading(repo_id):
        try:
            file = hf_hub_download(repo_id, "README.md", revision=revision, token=token)
        except LocalEntryNotFoundError:  # the hub is gone
            raise
        except EntryNotFoundError:
            return ""
        return Path(file).read_text(encoding="utf-8-sig", errors="replace")


def upload(
    folder: str | os.PathLike[str],
    repo_id: str,
    *,
    token: str | bool | None = None,
    commit_message: str | None = None,
    revision: str | None = None,
    create_pr: bool = False,
    is_dataset: bool = False,
) -> CommitInfo:
    """Upload a folder to a repository, as one commit.

    Args:
        folder: of a checkpoint, or of a data set. What the repository holds of an earlier
            checkpoint, or of splits in Parquet, and this one has not is deleted there.
        repo_id: "user/repo".
        token: as `download_checkpoint` takes it.
        commit_message: what the commit is called.
        revision: branch to commit to; the main one if left out.
        create_pr: open a pull request instead.
        is_dataset: whether it is a data set.

    Returns:
        Address of the commit.

    Raises:
        CheckpointError: the hub cannot be reached, or refuses.
    """
    with _uploading(repo_id):
        return HfApi(token=token).upload_folder(
            repo_id=repo_id,
            folder_path=Path(folder),
            repo_type="dataset" if is_dataset else "model",
            commit_message=commit_message,
            revision=revision,
            create_pr=create_pr,
            delete_patterns=_SPLITS if is_dataset else CHECKPOINT_FILES,
        )


@contextmanager
def _uploading(repo_id: str) -> Iterator[None]:
    try:
        yield
    except _UNREACHED as error:
        raise CheckpointError(
            f"{repo_id}: the upload failed ({first_line(error)}). Check the name, your login"
            " (hf auth login) and the network."
        ) from error
    except ValueError as error:  # a card that the hub does not take, or arguments that do not fit
        told = " ".join(str(error).split())[:300]
        raise CheckpointError(f"{repo_id}: the hub takes none of it ({told}).") from error
