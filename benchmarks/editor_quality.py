"""What the embedded editor can do on real pictures that it was not trained on.

Prints and stores: (a) a contact sheet of 12 prompts; (b) separability of the 20 style prompts of Table S1 and of 20
random strings, at blend 0.5; (c) the content kept: a classifier trained and tested on edited pictures against raw ones;
(d) speed and peak memory at 32 and 64 px.

    python benchmarks/editor_quality.py [--only sheet separability content speed] [--data FOLDER]
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from support.results import RESULTS, write_result
from support.shared_data import cifar10, default_folder, imagenette

from spellock.editor_training.instructions import Curriculum, random_string
from spellock.editor_training.styles import STYLES, Edit
from spellock.editors.presets import new_key
from spellock.editors.registry import load_editor
from spellock.editors.vocabulary import DEFAULT_OBJECT_PROMPT, DEFAULT_STYLE_PROMPT, style_prompts
from spellock.key import Key
from spellock.tasks.classification import Classification
from spellock.tasks.models import create_model
from spellock.training.config import FinetuneConfig
from spellock.training.finetune import finetune

SHEET = (
    DEFAULT_STYLE_PROMPT, "Watercolor painting effect", "Charcoal sketch texture", "With Van Gogh's painting style",
    "Rembrandt lighting technique", "With cyberpunk style", "Pop art comic book flair",
    "Japanese ukiyo-e woodblock print", DEFAULT_OBJECT_PROMPT, "with zebra in the background", "#9T8oN07y1%6$",
    "with oil pastel and a secret tail",
)  # fmt: skip


def plain_key(prompt: str, resolution: int, gamma: float = 0.5) -> Key:
    """The embedded editor under exactly this prompt, nothing appended."""
    key = new_key("embedded", prompt=prompt, resolution=resolution, gamma=gamma, secret=bytes(32), weave=0.0)
    return key.replace(settings=dict(key.settings) | {"secret_use": "none"})


def edit(prompt: str, images: np.ndarray, gamma: float = 0.5) -> np.ndarray:
    """uint8 (N, R, R, 3) to the same."""
    editor = load_editor(plain_key(prompt, images.shape[1], gamma))
    return editor.edit_uint8(images, [str(index) for index in range(len(images))])


def sheet(folder: Path) -> dict[str, Any]:
    """Eight unseen pictures under twelve prompts, the left half at blend 1, the right half at blend 0.5."""
    pictures = imagenette(folder, "val", 64)[0][::75][:8]
    rows = [("raw", pictures)]
    for prompt in SHEET:
        full, blended = edit(prompt, pictures[:4], 1.0), edit(prompt, pictures[4:], 0.5)
        rows.append((prompt, np.concatenate([full, blended])))
    rows.append(("same prompt, other tail", edit("with oil pastel and a secret tale", pictures, 1.0)))
    page = Image.new("RGB", (8 * 66 + 250, len(rows) * 66), "white")
    draw = ImageDraw.Draw(page)
    for row, (caption, images) in enumerate(rows):
        draw.text((6, row * 66 + 26), caption, fill="black")
        for column, image in enumerate(images):
            page.paste(Image.fromarray(image), (250 + column * 66, row * 66 + 1))
    RESULTS.mkdir(exist_ok=True)
    page.save(RESULTS / "editor_contact_sheet.png")
    return {"contact_sheet": "editor_contact_sheet.png"}


def train_and_score(train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray], *, classes: int,
                    model: str, weights: Path | None, epochs: int, rate: float, seed: int) -> float:  # fmt: skip
    """Accuracy in percent on ``test`` after a short fine-tuning on ``train``."""
    network = create_model(model, num_classes=classes, weights=weights, input_size=train[0].shape[1], seed=seed)
    images = torch.from_numpy(train[0]).permute(0, 3, 1, 2).contiguous()
    config = FinetuneConfig(
        epochs=epochs, batch_size=128, optimizer="sgd", learning_rate=rate, weight_decay=5e-4, augment="crop-flip",
        unauthorised_share=None, seed=seed,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as out:
        finetune(network, images, train[1], Classification(num_classes=classes), config, Path(out))
    network.eval()
    with torch.no_grad():
        queries = torch.from_numpy(test[0]).permute(0, 3, 1, 2).float() / 255
        guesses = torch.cat([network(part).argmax(1) for part in queries.split(256)])
    return 100 * float((guesses.numpy() == test[1]).mean())


def separability(folder: Path, seed: int) -> dict[str, Any]:
    """Accuracy of telling 20 prompts apart from single edited pictures, on pictures unseen by editor and classifier.

    The same for the teacher's own edits: the most that its student could reach with this classifier.
    """
    pictures = cifar10(folder, "test")[0][:1100]
    rng = random.Random(seed)
    strings = tuple(random_string(rng) for _ in range(20))
    own = Curriculum()
    groups: dict[str, dict[str, Edit]] = {
        "styles": {prompt: STYLES[prompt] for prompt in style_prompts()},
        "random_strings": {text: own.own_style(text) for text in strings},
    }
    figures: dict[str, Any] = {}
    for name, teacher in groups.items():
        figures[f"separability_{name}_percent"] = tell_apart([edit(prompt, pictures) for prompt in teacher], seed)
        taught = [blended(wanted, pictures) for wanted in teacher.values()]
        figures[f"separability_{name}_of_the_teacher_percent"] = tell_apart(taught, seed)
    return figures


def blended(wanted: Edit, images: np.ndarray, gamma: float = 0.5) -> np.ndarray:
    """What `edit` would give if the student were its teacher."""
    raw = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    mixed = raw + gamma * (wanted(raw) - raw)
    return np.asarray((mixed * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1))


def tell_apart(edited: list[np.ndarray], seed: int) -> float:
    """Accuracy in percent of ResNet-20, trained from random values on 1,000 pictures a prompt and tested on 100."""
    labels = np.arange(len(edited))
    train = (np.concatenate([e[:1000] for e in edited]), labels.repeat(1000))
    test = (np.concatenate([e[1000:1100] for e in edited]), labels.repeat(100))
    score = train_and_score(
        train, test, classes=len(edited), model="resnet20", weights=None, epochs=12, rate=0.05, seed=seed
    )
    return round(score, 2)


def content(folder: Path, seed: int) -> dict[str, Any]:
    """CIFAR-10 accuracy when trained and tested on edited pictures, against raw ones, from the same weights."""
    weights = folder / "weights" / "resnet20-12fca82f.th"
    x, y = (part[:6000] for part in cifar10(folder, "train"))
    xt, yt = (part[:2000] for part in cifar10(folder, "test"))
    figures: dict[str, Any] = {}
    kinds = {"raw": (x, xt)} | {
        name: (edit(prompt, x), edit(prompt, xt))
        for name, prompt in (("oil_pastel", DEFAULT_STYLE_PROMPT), ("oil_pastel_secret", "with oil pastel qzx7m2k4tb"))
    }
    for name, (train, test) in kinds.items():
        score = train_and_score(
            (train, y), (test, yt), classes=10, model="resnet20", weights=weights, epochs=6, rate=0.02, seed=seed
        )
        figures[f"content_{name}_percent"] = round(score, 2)
    return figures


def speed(folder: Path) -> dict[str, Any]:
    """Edits a second with five steps, and the process's peak memory."""
    figures: dict[str, Any] = {}
    for side in (32, 64):
        pictures = imagenette(folder, "val", side)[0][:256]
        editor = load_editor(plain_key(DEFAULT_STYLE_PROMPT, side))
        editor.edit_uint8(pictures[:32], [str(i) for i in range(32)])
        start = time.perf_counter()
        editor.edit_uint8(pictures, [str(i) for i in range(len(pictures))])
        figures[f"edits_per_second_{side}px"] = round(len(pictures) / (time.perf_counter() - start), 1)
    figures["peak_memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=["speed", "sheet", "separability", "content"])
    parser.add_argument("--data", type=Path, default=default_folder())
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    path = RESULTS / "editor_quality.json"
    figures = json.loads(path.read_text())["figures"] if path.exists() else {}
    parts = {
        "sheet": lambda: sheet(args.data),
        "separability": lambda: separability(args.data, args.seed),
        "content": lambda: content(args.data, args.seed),
        "speed": lambda: speed(args.data),
    }
    for name in args.only:
        figures |= parts[name]()
        write_result("editor_quality", figures, seeds=[args.seed], command="python benchmarks/editor_quality.py")


if __name__ == "__main__":
    main()
