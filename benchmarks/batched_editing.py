"""Batched editing against what a user of diffusers would write: one pipeline call per image, on the same weights.

For each resolution and choice of guidance: images a second of `StableDiffusionInstructPix2PixPipeline` called image by
image, of the editor on many images, and of the editor on one image at a time; how far their results are apart; and
whether the editor's bytes are the same alone, in company, in another order, and on one thread.

    python benchmarks/batched_editing.py --threads 2
    python benchmarks/batched_editing.py --weights FOLDER --dtype bfloat16 --no-write

The pipeline and the editor take turns, and the figure is the median over rounds of the ratio within a round.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from diffusers import StableDiffusionInstructPix2PixPipeline
from numpy.typing import NDArray
from PIL import Image
from support.results import write_result

import spellock.editors.byte_text  # noqa: F401  (diffusers finds the embedded text encoder among imported modules)
from spellock.editors.checkpoint import DTYPES
from spellock.editors.presets import EMBEDDED_GUIDANCE, new_key
from spellock.editors.quiet import quiet_libraries
from spellock.editors.registry import load_editor
from spellock.editors.vocabulary import DEFAULT_STYLE_PROMPT
from spellock.editors.weights_folder import find_weights

Pictures = NDArray[np.uint8]
SEED = 1024


def pictures(count: int, side: int) -> Pictures:
    """Smooth random pictures, uint8 (count, side, side, 3)."""
    small = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return np.stack(
        [np.asarray(Image.fromarray(each).resize((side, side), Image.Resampling.BICUBIC)) for each in small]
    )


def timed(run: Callable[[], Pictures]) -> tuple[float, Pictures]:
    started = time.perf_counter()
    result = run()
    return time.perf_counter() - started, result


def compare(
    pipeline: StableDiffusionInstructPix2PixPipeline, weights: str, dtype: str, side: int, scales: tuple[float, float],
    *, count: int, rounds: int,
) -> dict[str, Any]:  # fmt: skip
    """Rates and agreement at one resolution and guidance."""
    text, image = scales
    key = new_key(
        "modellock", prompt=DEFAULT_STYLE_PROMPT, weights=weights, resolution=side, guidance_scale=text,
        image_guidance_scale=image, dtype=dtype, gamma=1.0, noise_seed=SEED,
    )  # fmt: skip
    editor, images = load_editor(key), pictures(count, side)

    def one_call_per_image() -> Pictures:
        edited = [
            pipeline(
                DEFAULT_STYLE_PROMPT, image=Image.fromarray(each), num_inference_steps=5, guidance_scale=text,
                image_guidance_scale=image, generator=torch.Generator("cpu").manual_seed(SEED),
            ).images[0]
            for each in images
        ]  # fmt: skip
        return np.stack([np.asarray(each) for each in edited])

    def singly() -> Pictures:
        return np.concatenate([editor.edit_uint8(images[i : i + 1]) for i in range(count)])

    singly(), one_call_per_image(), editor.edit_uint8(images)  # warm up
    turns = [
        (timed(one_call_per_image), timed(lambda: editor.edit_uint8(images)), timed(singly)) for _ in range(rounds)
    ]
    (_, theirs), (_, ours), (_, alone) = turns[-1]
    order = np.random.default_rng(1).permutation(count)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    on_one_thread = editor.edit_uint8(images)
    torch.set_num_threads(threads)
    apart = np.abs(ours.astype(int) - theirs)
    return {
        "resolution": side,
        "guidance_scale": text,
        "image_guidance_scale": image,
        "pipeline_images_per_second": round(count / statistics.median(turn[0][0] for turn in turns), 2),
        "batched_images_per_second": round(count / statistics.median(turn[1][0] for turn in turns), 2),
        "single_images_per_second": round(count / statistics.median(turn[2][0] for turn in turns), 2),
        "speedup": round(statistics.median(turn[0][0] / turn[1][0] for turn in turns), 2),
        "canonical_batch": editor.canonical_batch,
        "largest_difference_from_pipeline": int(apart.max()),
        "share_that_differs": float((apart > 0).mean()),
        "same_bytes_alone": bool(np.array_equal(ours, alone)),
        "same_bytes_in_another_order": bool(np.array_equal(ours[order], editor.edit_uint8(images[order]))),
        "share_that_differs_on_one_thread": float((ours != on_one_thread).mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="embedded", help="embedded, or a folder of the same kind")
    parser.add_argument("--dtype", default="float32", choices=[name for name in DTYPES if name != "float16"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--count", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-write", action="store_true", help="print only")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with quiet_libraries():
        pipeline = StableDiffusionInstructPix2PixPipeline.from_pretrained(
            find_weights(args.weights), torch_dtype=DTYPES[args.dtype], safety_checker=None
        )
    pipeline.set_progress_bar_config(disable=True)
    scales = list(dict.fromkeys([EMBEDDED_GUIDANCE, (4.5, 1.5), (1.75, 1.0), (1.0, 1.0)]))
    rows = [
        compare(pipeline, args.weights, args.dtype, side, pair, count=args.count, rounds=args.rounds)
        for side in (32, 64)
        for pair in scales
    ]
    figures = {"threads": args.threads, "dtype": args.dtype, "images": args.count, "rounds": args.rounds, "rows": rows}
    if args.no_write:
        print(json.dumps(figures, indent=2))
    else:
        command = f"python benchmarks/batched_editing.py --threads {args.threads} --dtype {args.dtype}"
        write_result("batched_editing", figures, seeds=[SEED], command=command)


if __name__ == "__main__":
    main()
