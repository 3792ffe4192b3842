"""The Hugging Face Hub: folders go up and come down."""

from __future__ import annotations

import os
from pathlib import Path

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from drugtext.errors import CheckpointError
from drugtext.manifest import CHECKPOINT_FILES

# The first are the errors of the HTTP client, whichever one huggingface_hub has.
_UNREACHED: tuple[type[Exception], ...] = (
    *HfHubHTTPError.__bases__,
    HFValidationError,
    LocalEntryNotFoundError,
)


def download_checkpoint(repo_id: str, revision: str | None = None) -> Path:
    """Download a checkpoint, without the code that travels with it, and return its folder.

    Args:
        repo_id: "user/repo".
        revision: branch, tag or commit; the newest if left out.

    Raises:
        CheckpointError: no hub answers for it.
    """
    wanted = ["*.json", "*.safetensors", "*.txt", "*.model", "README.md"]
    try:
        return Path(snapshot_download(repo_id, revision=revision, allow_patterns=wanted))
    except _UNREACHED as error:
        at = f" at revision {revision!r}" if revision else ""
        raise CheckpointError(
            f"no hub answers for {repo_id!r}{at} ({first_line(error)}). Check the name, your login"
            " (hf auth login), or the network."
        ) from error


def upload(
    folder: str | os.PathLike[str],
    repo_id: str,
    *,
    private: bool | None = None,
    is_dataset: bool = False,
) -> str:
    """Upload a folder as one commit; the repository is made if there is none.

    Args:
        folder: of a checkpoint, or of a data set. What the repository holds of an earlier
            checkpoint and this one has not is deleted there.
        repo_id: "user/repo".
        private: whether a new repository is seen by its owner alone; the hub's own default if None.
        is_dataset: whether it is a data set.

    Returns:
        Address of the commit.

    Raises:
        CheckpointError: the hub cannot be reached, or refuses.
    """
    kind = "dataset" if is_dataset else "model"
    try:
        api = HfApi()
        api.create_repo(repo_id, private=private, repo_type=kind, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repo_id,
            folder_path=Path(folder),
            repo_type=kind,
            delete_patterns=None if is_dataset else CHECKPOINT_FILES,
        )
    except _UNREACHED as error:
        raise CheckpointError(
            f"{repo_id}: the upload failed ({first_line(error)}). Check the name, your login"
            " (hf auth login) and the network."
        ) from error
    return str(commit.commit_url)


def first_line(error: Exception) -> str:
    """Return the first line of what an error says."""
    return str(error).strip().partition("\n")[0][:300]
