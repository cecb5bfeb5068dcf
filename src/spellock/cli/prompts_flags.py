"""The options of `spellock prompts suggest`, and the settings and models that they ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from spellock.cli.vision_flags import asks_endpoint
from spellock.errors import ConfigError

if TYPE_CHECKING:
    from spellock.cli.search_flags import PromptsSearchArgs
    from spellock.recipes.pilot import PilotConfig
    from spellock.recipes.suggest import SuggestConfig
    from spellock.tasks.pixel_model import PixelModel


@dataclass(frozen=True, kw_only=True)
class PromptsSuggestArgs:
    """Propose key prompts for a data set and score each of them on a sample of its images.

    Offline by default: the paper's prompts, hybrids of them and random strings. With --endpoint or --local-model a
    vision-language model looks at a few images and proposes more. Prompts are secrets: they are printed, and written to
    OUT alone, which nobody else may read. Interrupted work is resumed by the same command.
    """

    data: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")]
    """Image folder with one sub-folder a class, parquet file or folder, or the id of a Hugging Face data set; with
    --task as in `spellock lock`."""
    out: Path
    """Private folder for table, contact sheet, plot and edits."""
    task: str = "classification"
    """What the labels are: classification, multilabel (content is a probe's AUROC) or detection (content is the
    structure of objects)."""
    split: str | None = None
    """Split of the data, where it has several. None: the training split."""
    images: int = 64
    """Images that each prompt is scored on."""
    model: str | None = None
    """Your model, whose frozen features content is judged by: a name or a folder as in `spellock lock`. None: plain
    figures of colour, edges and frequencies."""
    model_weights: Path | None = None
    """Weights of --model: a local .safetensors, .pth, .pt or .th file."""
    pretrained: bool = False
    """Take the library's own weights for --model, fetched from the network."""
    input_size: int | None = None
    """Side in pixels that --model sees. None: the architecture's own."""
    tables: bool = True
    """Try the prompts of the paper's Tables S1 and S2."""
    hybrids: int = 15
    """How many of style, object and a random tail together to try."""
    meaningless: int = 10
    """How many random strings to try."""
    prompts_file: Path | None = field(default=None, repr=False)
    """File with candidates of your own, one a line."""
    shortlist: int = 10
    """For how many of the best near synonyms are tried as well."""
    endpoint: str | None = None
    """Address of an OpenAI-compatible endpoint to ask, for example https://host/v1. None: $SPELLOCK_ENDPOINT where
    --vision-model or --allow-upload is given. Its access key is read from $SPELLOCK_API_KEY alone."""
    vision_model: str | None = None
    """Name of the endpoint's model. None: $SPELLOCK_VISION_MODEL."""
    allow_upload: bool = False
    """Let the example images leave this machine for the endpoint."""
    local_model: str | None = None
    """An image-text model of transformers to ask instead, by hub id or folder; no image leaves this machine."""
    ask_count: int = 5
    """How many objects and as many styles to ask for."""
    ask_images: int = 4
    """How many example images the model is shown."""
    ask_guesses: int | None = None
    """For how many of the best the asked model also guesses the prompt from edited images. None: the shortlist with
    --local-model, and 0 with an endpoint, whose owner would see edits of your candidates."""
    timeout: float = 60.0
    """Seconds to wait for the endpoint."""
    preset: str = "embedded"
    """Settings of the key: "embedded" (the editor inside the package) or "modellock" (the paper's)."""
    weights: str | None = None
    """Editor weights: "embedded", a folder, or a hub id. None: the preset's."""
    gamma: float | None = None
    """Blend of original (0) and edit (1). None: the preset's."""
    resolution: int | None = None
    """Side of edited images in pixels. None: the preset's."""
    pilot: int = 0
    """For how many of the best a short locked fine-tuning predicts UP and hardened LP; needs --model."""
    pilot_images: int = 400
    """Images of a pilot."""
    pilot_epochs: int = 5
    """Epochs of a pilot."""
    write_key: Path | None = None
    """Key file to write for the recommended prompt, with a fresh secret; an existing file is never replaced."""
    passphrase_file: Path | None = None
    """File with the key file's passphrase (mode 600) instead of asking."""
    plain: bool = False
    """Do not encrypt the key file: whoever reads it has the key."""
    device: str = "cpu"
    """Device of the editor, for example cuda."""
    seed: int = 0
    """Seed of sample and folds. Hybrids and random strings come from the system's own randomness."""
    json: bool = False
    """Print one JSON object."""


def suggest_config(args: PromptsSuggestArgs) -> SuggestConfig:
    from spellock.prompts.asking import AskConfig
    from spellock.prompts.offline import OfflineConfig
    from spellock.recipes.suggest import SuggestConfig

    return SuggestConfig(
        offline=OfflineConfig(tables=args.tables, hybrids=args.hybrids, meaningless=args.meaningless),
        ask=AskConfig(count=args.ask_count, images=args.ask_images),
        images=args.images,
        shortlist=args.shortlist,
        guessed=_guessed(args),
        seed=args.seed,
    )


def _guessed(args: PromptsSuggestArgs) -> int:
    if args.ask_guesses is not None:
        if args.ask_guesses and args.local_model is None and not asks_endpoint(args):
            raise ConfigError("got --ask-guesses and nobody to ask; add --local-model, or an endpoint")
        return args.ask_guesses
    return args.shortlist if args.local_model is not None else 0


def pilot_config(args: PromptsSuggestArgs) -> PilotConfig | None:
    if not args.pilot:
        return None
    return make_pilot(args, count=args.pilot)


def make_pilot(args: PromptsSuggestArgs | PromptsSearchArgs, *, count: int) -> PilotConfig:
    """``count`` pilots with the model and the lengths of ``args``."""
    from dataclasses import replace

    from spellock.recipes.model_choice import ModelChoice
    from spellock.recipes.pilot import PilotConfig

    choice = ModelChoice(
        name=str(args.model), weights=args.model_weights, pretrained=args.pretrained, input_size=args.input_size
    )
    usual = PilotConfig(choice=choice, count=count, images=args.pilot_images, seed=args.seed)
    warmup = min(usual.training.warmup_epochs, args.pilot_epochs)
    return replace(usual, training=replace(usual.training, epochs=args.pilot_epochs, warmup_epochs=warmup))


def own_model(args: PromptsSuggestArgs | PromptsSearchArgs, classes: int) -> PixelModel | None:
    if args.model is None:
        return None
    from spellock.tasks.models import create_model

    return create_model(
        args.model, num_classes=classes, weights=args.model_weights, pretrained=args.pretrained,
        input_size=args.input_size, seed=args.seed,
    )  # fmt: skip
