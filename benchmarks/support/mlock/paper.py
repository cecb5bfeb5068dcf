"""The numbers of M-LOCK's Tables 1 and 2, as printed there: accuracy in percent and its deviation.

The fixed half of Table 2 repeats the columns of certificate I of Table 1, so it is not listed twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: The columns of both tables: motif I and II at the fixed place, and motif I at random places.
CERTIFICATES: Final = ("motif I", "motif II", "motif I, random place")
STRATEGIES: Final = ("I", "II", "III")

BASELINE: Final = {
    "mnist": 98.45, "fashion_mnist": 90.54, "cifar10": 89.76, "cifar100": 69.03, "svhn": 95.81, "gtsrb": 98.21,
}  # fmt: skip

# Strategy, data; then trusted and unverified data, value and deviation each, for every column in order.
_LINES: Final = """
I   mnist          98.32 0.11   8.85 0.45   98.48 0.31   9.06 0.29   98.27 0.32   9.57 0.65
I   fashion_mnist  88.93 0.16  12.03 0.54   89.89 1.09  10.03 0.19   88.65 0.73  12.42 0.66
I   cifar10        89.47 0.81  10.20 0.61   88.90 0.98   9.85 0.62   90.83 0.41  10.26 0.57
I   cifar100       68.27 0.94   1.01 0.15   69.10 0.56   1.03 0.11   68.53 0.80   1.01 0.06
I   svhn           94.46 0.84   9.14 0.28   95.11 0.76   9.14 0.23   93.38 1.93   9.13 0.32
I   gtsrb          86.31 0.92   6.34 0.49   91.31 0.45   5.15 0.26   92.69 0.53   9.86 0.28
II  mnist          98.40 0.18   0.11 0.04   98.25 0.26   0.16 0.06   98.09 0.38   2.19 1.39
II  fashion_mnist  89.86 0.19   0.74 0.20   90.08 1.09   0.51 0.13   88.75 0.38   3.53 1.02
II  cifar10        89.92 0.21   1.48 0.35   90.44 1.38   1.14 0.18   91.41 0.59   1.12 0.19
II  cifar100       68.82 0.76   0.42 0.12   69.30 0.72   0.44 0.17   70.46 1.14   0.35 0.09
II  svhn           95.52 0.49   0.91 0.54   95.62 0.33   0.79 0.42   84.76 4.74   0.36 0.07
II  gtsrb          86.96 0.89   1.96 0.22   91.29 0.51   0.52 0.25   93.19 1.02   4.78 1.04
III mnist          98.51 0.22   9.73 0.79   98.35 0.63  10.19 1.31   98.25 0.27   4.64 0.93
III fashion_mnist  89.81 1.04   9.69 0.84   90.09 0.56  10.24 0.48   89.10 0.86  26.62 0.44
III cifar10        90.41 0.62   8.06 2.11   90.46 0.63   9.44 5.76   90.84 0.55   3.74 1.54
III cifar100       69.84 1.78   2.61 1.52   70.16 1.08   3.10 1.03   70.94 1.18   9.20 1.46
III svhn           94.94 0.75   9.89 2.06   95.38 0.23  11.20 1.75   86.88 1.83   1.87 1.15
III gtsrb          96.29 0.33  49.36 1.84   95.83 0.69  46.39 2.56   98.76 0.34  54.96 2.23
"""


@dataclass(frozen=True, kw_only=True)
class PaperCell:
    """Accuracy of M-LOCK with the certificate (trusted) and without (unverified), percent, and deviations."""

    trusted: float
    trusted_deviation: float
    unverified: float
    unverified_deviation: float


def paper_cells() -> dict[tuple[str, str, str], PaperCell]:
    """Every cell by strategy, data set and certificate."""
    cells = {}
    for line in _LINES.strip().splitlines():
        strategy, data, *words = line.split()
        numbers = [float(word) for word in words]
        for column, certificate in enumerate(CERTIFICATES):
            trusted, trusted_deviation, unverified, unverified_deviation = numbers[4 * column : 4 * column + 4]
            cells[strategy, data, certificate] = PaperCell(
                trusted=trusted,
                trusted_deviation=trusted_deviation,
                unverified=unverified,
                unverified_deviation=unverified_deviation,
            )
    return cells
