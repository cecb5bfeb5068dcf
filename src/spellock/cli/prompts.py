"""`spellock prompts suggest`: key prompts proposed for a data set, scored on it, and a key file of the best."""

from __future__ import annotations

import json as json_format
from functools import partial
from typing import Any

from spellock.cli.key_words import refuse_both
from spellock.cli.new_key_file import plan_key_file
from spellock.cli.options import check_device, record_run
from spellock.cli.prompts_flags import PromptsSuggestArgs, own_model, pilot_config, suggest_config
from spellock.cli.vision_flags import vision_model
from spellock.errors import ConfigError


def run(args: PromptsSuggestArgs) -> int:
    """Suggest, and write the key file when one is asked for; returns 0.

    Raises:
        SpellockError: an input does not fit; no message holds a prompt.
    """
    refuse_both("--local-model", args.local_model is not None, "--endpoint", args.endpoint is not None)
    if args.model is None and (args.pilot or args.model_weights is not None or args.pretrained):
        raise ConfigError("--pilot, --model-weights and --pretrained need --model, the model to be locked")
    from spellock.prompts.candidate import read_prompts
    from spellock.recipes.private_files import open_private
    from spellock.recipes.suggest import SCORING_SECRET, suggest_prompts
    from spellock.tasks.registry import make_task

    device = check_device(args.device)
    config, pilot, vision = suggest_config(args), pilot_config(args), vision_model(args)
    given = () if args.prompts_file is None else read_prompts(args.prompts_file)
    file = plan_key_file(args.write_key, plain=args.plain, passphrase_file=args.passphrase_file)
    images = make_task(args.task).open_images(args.data, split=args.split, on_error="fail")
    make_key = partial(_key, preset=args.preset, weights=args.weights, gamma=args.gamma, resolution=args.resolution)
    make_key("with oil pastel")  # settings that cannot be used are refused now
    found = suggest_prompts(
        images,
        args.out,
        config,
        make_key=partial(make_key, secret=SCORING_SECRET),
        given=given,
        vision=vision,
        model=own_model(args, len(images.classes)),
        pilot=pilot,
        device=device,
    )
    open_private(args.out)
    record_run(args.out / "command.json", "prompts suggest", args)
    (args.out / "command.json").chmod(0o600)
    file.write(make_key(found.chosen.candidate.prompt))
    print(json_format.dumps(found.to_dict()) if args.json else found.to_text())
    if not args.json:
        file.say()
    return 0


def _key(prompt: str, **settings: Any) -> Any:
    from spellock.editors.presets import new_key

    return new_key(settings.pop("preset"), prompt=prompt, **settings)
