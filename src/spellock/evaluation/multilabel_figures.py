"""Names, titles and meanings of the figures of several findings an image."""

from __future__ import annotations

from typing import Final

#: Ending of a figure in which each finding may be turned round.
MIRRORED: Final = "_mirrored"

_LP: Final[dict[str, tuple[str, str]]] = {
    "lp": ("LP", "locked performance: raw images, findings times the extra label's absence"),
    "lp_suppressed": ("LP/suppressed", "extra label dropped"),
    "lp_centred": ("LP/centred", "extra label dropped, logits standardised on raw images, less the image's mean"),
    "lp_permuted": ("LP/permuted", "extra label dropped, each finding read from the output that tells most of it"),
}
_PATH: Final[dict[str, tuple[str, str]]] = {
    "lp_same_path": ("LP/same path", "raw images squashed and resampled as for the edit, not edited (gamma = 0)"),
    "lp_same_path_suppressed": ("LP/same path, suppressed", "the same, extra label dropped"),
}


def _with_mirrors(figures: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    both: dict[str, tuple[str, str]] = {}
    for name, (title, meaning) in figures.items():
        both[name] = title, meaning
        both[name + MIRRORED] = f"{title}, mirrored", "the same, each finding the better way round; by halves"
    return both


#: Every figure in the order of the report: macro AUROC, but for mAP.
MULTILABEL_FIGURES: Final[dict[str, tuple[str, str]]] = {
    "baseline": ("Baseline", "the same fine-tuning without a lock, on raw images"),
    "up": ("UP", "unlocked performance: images edited with the key"),
    **_with_mirrors(_LP),
    **_with_mirrors({f"{name}_bn": (f"{title}, BN", "BatchNorm recomputed: " + text)
                     for name, (title, text) in _LP.items()}),
    **_with_mirrors(_PATH),
    "wrong_key_mean": ("Wrong keys, mean", "images edited with wrong keys; interval over keys"),
    "wrong_key_mean_mirrored": ("Wrong keys, mean, mirrored", "the same, each finding the better way round; by halves"),
    "wrong_key_max": ("Wrong keys, best", "the best wrong key, chosen on one half and scored on the other"),
    "wrong_key_max_mirrored": ("Wrong keys, best, mirrored", "the same, each finding the better way round"),
    "wrong_key_max_naive": ("Wrong keys, plain maximum", "mirrored, chosen and scored on the same images: too high"),
    "wrong_key_suppressed_max": ("Wrong keys, best, suppressed", "with the extra label dropped, by halves"),
    "wrong_key_suppressed_max_mirrored": (
        "Wrong keys, best, suppressed, mirrored",
        "the same, each finding the better way round",
    ),
    "hardened_lp": ("Hardened LP", "the best keyless figure, mirrored or not; chosen on one half, scored on the other"),
    "hardened_lp_naive": ("Hardened LP, plain maximum", "chosen and scored on the same images: biased upwards"),
    "chance": ("Chance", "of a ranking by nothing"),
    "baseline_map": ("mAP, baseline", "mean average precision of the baseline"),
    "up_map": ("mAP, UP", "mean average precision with the key"),
    "lp_map": ("mAP, LP", "mean average precision without it"),
    "lp_suppressed_map": ("mAP, LP/suppressed", "the same, extra label dropped"),
    "chance_map": ("mAP, chance", "the mean share of positives"),
}  # fmt: skip
