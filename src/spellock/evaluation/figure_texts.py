"""Every figure of a report: its title and its meaning, in the order of the report."""

from __future__ import annotations

from typing import Final

#: Every figure's name, in the order of the report: title and meaning.
FIGURES: Final[dict[str, tuple[str, str]]] = {
    "baseline": ("Baseline", "the same fine-tuning without a lock, on raw images"),
    "up": ("UP", "unlocked performance: images edited with the key"),
    "lp": ("LP", "locked performance: raw images, the lock class counted as a prediction"),
    "lp_suppressed": ("LP/suppressed", "lock class dropped"),
    "lp_centred": ("LP/centred", "lock class dropped, logits standardised on unlabelled raw images"),
    "lp_permuted": (
        "LP/permuted",
        "lock class dropped, classes renamed one to one; fitted and scored on different halves",
    ),
    "lp_bn": ("LP, BN", "LP after BatchNorm statistics are recomputed on raw images"),
    "lp_suppressed_bn": ("LP/suppressed, BN", "the same, lock class dropped"),
    "lp_centred_bn": ("LP/centred, BN", "the same, logits standardised"),
    "lp_permuted_bn": ("LP/permuted, BN", "the same, classes renamed"),
    "lp_same_path": ("LP/same path", "raw images squashed and resampled as for the edit, not edited (gamma = 0)"),
    "lp_same_path_suppressed": ("LP/same path, suppressed", "the same, lock class dropped"),
    "wrong_key_mean": ("Wrong keys, mean", "images edited with wrong keys; interval over keys"),
    "wrong_key_max": ("Wrong keys, best", "the best wrong key, chosen on one half and scored on the other"),
    "wrong_key_max_naive": ("Wrong keys, plain maximum", "chosen and scored on the same images: biased upwards"),
    "wrong_key_suppressed_max": (
        "Wrong keys, best, suppressed",
        "the best wrong key with the lock class dropped, by halves",
    ),
    "hardened_lp": ("Hardened LP", "the best keyless figure, chosen on one half and scored on the other"),
    "hardened_lp_naive": ("Hardened LP, plain maximum", "chosen and scored on the same images: biased upwards"),
    "chance": ("Chance", "one over the number of real classes"),
    "majority_class": ("Most frequent class", "always naming the test set's most frequent class"),
}
#: Figures of each tier: title and meaning. Groups are named by the model itself; "class" is a real class.
TIER_FIGURES: Final[dict[str, tuple[str, str]]] = {
    "group": ("group", "images edited with the tier's key: the right group is named"),
    "group_lp": ("group, no key", "raw images: the right group, or a class in it, is named"),
    "group_hardened_lp": ("group, no key, hardened", "the same, read in the best cheap way; by halves"),
    "group_largest": ("largest group", "always naming the test set's most frequent group"),
    "fine": ("class", "images edited with the tier's key: the right class is named"),
    "fine_suppressed": ("class, suppressed", "the same, groups and lock class dropped"),
    "fine_centred": ("class, centred", "the same, logits standardised on other images edited with the tier's key"),
    "fine_permuted": ("class, permuted", "groups and lock class dropped, classes renamed one to one"),
    "fine_grouped": ("class within the group", "the best class of the group that is named"),
    "fine_grouped_centred": ("class within the group, centred", "the same, logits standardised"),
    "fine_leak": ("tier leak", "the best of these, also with BatchNorm recomputed; by halves"),
    "fine_known_group": ("known from the group", "always naming the most frequent class of the true group"),
}
