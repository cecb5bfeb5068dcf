"""The options of `spellock prompts search`, and the settings that they ask for."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

if TYPE_CHECKING:
    from spellock.recipes.key_search import KeySearchConfig


@dataclass(frozen=True, kw_only=True)
class PromptsSearchArgs:
    """Search for the whole key, prompt, numbers and secret, with the best predicted UP - hardened LP at a budget.

    Many keys are scored on few images, the best third on more, and the last few locked for real, in small. Keys are
    secrets: they are printed, and written to OUT alone, which nobody else may read. The cost is said before it begins;
    interrupted work is resumed by the same command, and a larger budget goes on from a smaller one.
    """

    data: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")]
    """Image folder with one sub-folder a class, parquet file or folder, or the id of a Hugging Face data set."""
    out: Path
    """Private folder for table, contact sheet, curve, keys and edits."""
    model: str
    """The model to be locked, which the pilots fine-tune: a name or a folder as in `spellock lock`. With weights, its
    frozen features are also what content is judged by."""
    model_weights: Path | None = None
    """Weights of --model: a local .safetensors, .pth, .pt or .th file."""
    pretrained: bool = False
    """Take the library's own weights for --model, fetched from the network."""
    input_size: int | None = None
    """Side in pixels that --model sees. None: the architecture's own."""
    split: str | None = None
    """Split of the data, where it has several. None: the training split."""
    budget: tuple[int, int] = (12_000, 7)
    """Edits in all, and short trainings in all (at least 4)."""
    images: int = 32
    """Images of the first rung; they double from rung to rung."""
    rungs: int = 2
    """Rungs of cheap scores before the pilots."""
    near: int = 2
    """Near synonyms and other secrets that each key of the last rung is told from."""
    gamma: tuple[float, float] | None = None
    """Lowest and highest blend. None: 0.2 around the preset's."""
    guidance_scale: tuple[float, float] | None = None
    """Range of the text guidance; at most 1 is none, the quickest. None: around the preset's."""
    image_guidance_scale: tuple[float, float] | None = None
    """Range of the image guidance. None: around the preset's."""
    steps: tuple[int, int] | None = None
    """Range of the sampler's steps. None: around the preset's."""
    weave: tuple[float, float] | None = None
    """Range of the strength of the keyed tile. None: around the preset's."""
    tables: bool = True
    """Draw from the prompts of the paper's Tables S1 and S2."""
    hybrids: int = 15
    """How many of style, object and a random tail together to draw from."""
    meaningless: int = 10
    """How many random strings to draw from."""
    prompts_file: Path | None = field(default=None, repr=False)
    """File with candidates of your own, one a line."""
    preset: str = "embedded"
    """Settings of the key: "embedded" (the editor inside the package) or "modellock" (the paper's)."""
    weights: str | None = None
    """Editor weights: "embedded", a folder, or a hub id. None: the preset's."""
    resolution: int | None = None
    """Side of edited images in pixels. None: the preset's."""
    pilot_images: int = 400
    """Images of a pilot, a quarter of them held out."""
    pilot_epochs: int = 5
    """Epochs of a pilot."""
    fresh_secret: bool = False
    """Keep the written key's secret out of the search: figures are then of prompt and numbers, not of that one key."""
    write_key: Path | None = None
    """Key file to write for the recommended key; an existing file is never replaced."""
    passphrase_file: Path | None = None
    """File with the key file's passphrase (mode 600) instead of asking."""
    plain: bool = False
    """Do not encrypt the key file: whoever reads it has the key."""
    device: str = "cpu"
    """Device of editor and pilots, for example cuda."""
    seed: int = 0
    """Seed of samples, folds and pilots. Keys come from the system's own randomness."""
    json: bool = False
    """Print one JSON object."""


def search_config(args: PromptsSearchArgs) -> KeySearchConfig:
    """The settings of the search.

    Raises:
        ConfigError: a number is out of range, or a range is inverted.
    """
    from spellock.prompts.halving import Budget
    from spellock.prompts.offline import OfflineConfig
    from spellock.prompts.space import Space, space_around
    from spellock.recipes.key_search import KeySearchConfig

    edits, pilots = args.budget
    space = space_around(args.preset)
    for one in fields(Space):
        given = getattr(args, one.name)
        if given is not None:
            low, high = given
            space = replace(space, **{one.name: replace(getattr(space, one.name), low=low, high=high)})
    return KeySearchConfig(
        budget=Budget(edits=edits, pilots=pilots),
        preset=args.preset,
        space=space,
        offline=OfflineConfig(tables=args.tables, hybrids=args.hybrids, meaningless=args.meaningless),
        images=args.images,
        rungs=args.rungs,
        near=args.near,
        fresh_secret=args.fresh_secret,
        seed=args.seed,
    )
