"""What `spellock attack` is told: its flags."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro


@dataclass(frozen=True, kw_only=True)
class AttackArgs:
    """Attack a locked model and measure what a thief gets, beside the same attacks on public and random weights.

    Writes attacks.json and attacks.csv to OUT, in percent, and prints a table. No attack sees the key. Run again after
    an interruption, it goes on.
    """

    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
    """An attack's name, several with commas between, or "all"; `spellock attack list` names them."""
    model: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
    """Folder of the locked model."""
    data: str
    """Labelled raw images that took no part in training: folder, parquet or Hugging Face id."""
    out: Path
    """Folder for the tables and for what an interrupted run goes on from."""
    key: Path | None = None
    """Key file; it makes the leaked edited images and answers as a customer would. None: the lock is one of
    weights and edits no images."""
    editor: str | None = None
    """Without --key: what the thief knows of the lock's editor. A preset of `spellock key new`, an editor's name, or a
    key file of the thief's own, of which the public part counts. None: nothing, so that no key is guessed."""
    leaked_images: Path | None = None
    """Folder of edited images that really leaked, in the place of ones that the key makes; then --key may be left
    out."""
    leaked_raw: Path | None = None
    """Folder of the same images raw, by the same names."""
    key_part: Path | None = None
    """A part of a weight key that leaked, as `spellock weights part` writes it, for the attack key-part."""
    spare: str | None = None
    """More such images, for the thief. None: the thief gets half of the data, the other half is scored."""
    public: Path | None = None
    """Weights (a file, or a model folder) that the thief could have had anyway, for the control. None: no theft
    advantage is measured."""
    labels: tuple[str, ...] | None = None
    """Numbers of labelled raw images that the thief has, or percents of all images that he may get (--spare, or half of
    the data), as in --labels 0.1% 1% 5% 10%. None: 10, 100, 500 and 1000, as far as there are images."""
    leaked: tuple[int, ...] | None = None
    """Numbers of leaked edited images, with or without their raw ones. None: 1, 10 and 100, as far as there are
    images."""
    unlabelled: int = 1000
    """Raw images without labels."""
    draws: int = 1
    """Times that labelled images are drawn anew."""
    candidate_images: int = 200
    """Scored images on which each of several guessed keys is tried."""
    mirror: Literal["auto", "yes", "no"] = "auto"
    """Whether thieves who train mirror images left-right. "auto": as the locked model's own training did, which "owner"
    beside MODEL tells; without that, no. Where left and right make classes it would weaken the thief."""
    black_box: bool = False
    """The thief may only ask the model."""
    queries: int | None = None
    """Answers that a thief without the weights may ask for in an attack: with --black-box, and for the copies that
    knockoff and few-call make without a key."""
    steps: int | None = None
    """Steps of each training of an attack, at most."""
    seconds: float | None = None
    """Seconds of an attack, all of its trainings together, at most; results then depend on the machine."""
    candidates: int | None = None
    """Guessed keys of an attack, at most."""
    endpoint: str | None = None
    """For surrogate-prompt: address of an OpenAI-compatible endpoint that is shown leaked edited images, for example
    https://host/v1. None: $SPELLOCK_ENDPOINT where --vision-model or --allow-upload is given. Its access key
    is read from $SPELLOCK_API_KEY alone."""
    vision_model: str | None = None
    """Name of the endpoint's model. None: $SPELLOCK_VISION_MODEL."""
    allow_upload: bool = False
    """Let the leaked edited images leave this machine for the endpoint."""
    local_model: str | None = None
    """An image-text model of transformers to show them instead, by hub id or folder; no image leaves this machine."""
    timeout: float = 60.0
    """Seconds to wait for the endpoint."""
    set: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="NAME=VALUE")] = ()
    """An option of the attack; may be repeated. Then only this form of it is tried. `spellock attack list NAME` says
    what the options mean."""
    split: str | None = None
    """Split of the data, where it has several. None: "test", or the only one."""
    limit: int | None = None
    """Use only so many images of the data, drawn evenly over the classes."""
    lock_class: str | None = None
    """Name of the lock class, or "none". None: as the model says, or the one class that the data does not have."""
    passphrase_file: Path | None = None
    """File with the key's passphrase (mode 600) instead of asking."""
    device: str = "cpu"
    """Device of models, for example cuda."""
    seed: int = 0
    """Seed of all that is drawn."""
    json: bool = False
    """Print one JSON object instead of the table."""
