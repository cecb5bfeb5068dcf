"""`spellock prompts search`: the best whole key for a data set at a stated budget, and its key file."""

from __future__ import annotations

import json as json_format
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from spellock.cli.new_key_file import plan_key_file
from spellock.cli.options import check_device, record_run
from spellock.cli.prompts_flags import make_pilot, own_model
from spellock.cli.search_flags import PromptsSearchArgs, search_config
from spellock.key import SECRET_BYTES

if TYPE_CHECKING:
    from spellock.key import Key
    from spellock.prompts.trial import Trial

__all__ = ["PromptsSearchArgs", "run"]


def run(args: PromptsSearchArgs) -> int:
    """Search, and write the key file when one is asked for; returns 0.

    Raises:
        SpellockError: an input does not fit, or the budget is too small; no message holds a part of a key.
    """
    from spellock.data.open_images import open_images
    from spellock.prompts.candidate import read_prompts
    from spellock.recipes.key_search import search_keys

    device = check_device(args.device)
    config = search_config(args)
    pilot = make_pilot(args, count=config.budget.pilots)
    given = () if args.prompts_file is None else read_prompts(args.prompts_file)
    file = plan_key_file(args.write_key, plain=args.plain, passphrase_file=args.passphrase_file)
    images = open_images(args.data, split=args.split)
    model = own_model(args, len(images.classes))  # always, so that a name that cannot be is refused before the pilots
    # Features of a model without weights say nothing.
    knows = args.pretrained or args.model_weights is not None or Path(args.model).is_dir()
    found = search_keys(
        images,
        args.out,
        config,
        pilot=pilot,
        make_key=lambda trial: _key(trial, args),
        given=given,
        model=model if knows else None,
        device=device,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    record_run(args.out / "command.json", "prompts search", args)
    (args.out / "command.json").chmod(0o600)
    key = _key(found.chosen.trial, args)
    file.write(key if found.secret_kept else key.replace(secret=secrets.token_bytes(SECRET_BYTES)))
    print(json_format.dumps(found.to_dict()) if args.json else found.to_text())
    if not args.json:
        file.say()
    return 0


def _key(trial: Trial, args: PromptsSearchArgs) -> Key:
    from spellock.recipes.key_search import trial_key

    return trial_key(trial, preset=args.preset, weights=args.weights, resolution=args.resolution)
