"""How good predictions at chance look when they are fitted or chosen on the images that they are scored on.

Random predictions for 2,000 images of 10 classes: after the renaming of classes that suits them best, and as the best
of 27 attacks; each scored on the same images, and on the other half as the reports do it. Mean over 200 draws, in
percent.

    python benchmarks/measuring_traps.py
"""

from __future__ import annotations

import numpy as np
from support.results import write_result

from spellock.attacks.permuted import best_renaming
from spellock.evaluation.halves import halves
from spellock.evaluation.hardened import Candidate, best_of

IMAGES, CLASSES, ATTACKS, DRAWS, SEED = 2000, 10, 27, 200, 0


def draw(generator: np.random.Generator) -> dict[str, float]:
    """The four figures, as shares, for one draw of predictions."""
    labels = np.arange(IMAGES, dtype=np.int64) % CLASSES
    first, second = halves(labels, seed=SEED)
    predictions = generator.integers(0, CLASSES, (ATTACKS, IMAGES))
    one, everything = predictions[0], np.arange(IMAGES)

    def renamed(fitted: np.ndarray, scored: np.ndarray) -> float:
        renaming = best_renaming(one[fitted], labels[fitted], CLASSES, None)
        return float((renaming[one[scored]] == labels[scored]).mean())

    attacks = {str(number): Candidate(indices=everything, hits=row == labels) for number, row in enumerate(predictions)}
    best = best_of(attacks, (first, second))
    return {
        "renamed_on_the_same_images": renamed(everything, everything),
        "renamed_on_the_other_half": (renamed(first, second) + renamed(second, first)) / 2,
        "best_attack_on_the_same_images": best.naive.value,
        "best_attack_on_the_other_half": best.honest.value,
    }


def main() -> None:
    generator = np.random.default_rng(SEED)
    draws = [draw(generator) for _ in range(DRAWS)]
    figures: dict[str, object] = {
        f"{name}_percent": round(100 * float(np.mean([one[name] for one in draws])), 2) for name in draws[0]
    }
    setting = {"images": IMAGES, "classes": CLASSES, "attacks": ATTACKS, "draws": DRAWS}
    write_result("measuring_traps", setting | figures, seeds=[SEED], command="python benchmarks/measuring_traps.py")


if __name__ == "__main__":
    main()
