"""A key to test with, keys of all kinds, and a search for what must not be shown."""

from __future__ import annotations

from hypothesis import strategies as st

from spellock.key import RESIZE_FILTERS, Key

PROMPT = "with oil pastel and quicksilver"
SECRET = bytes(range(100, 132))


def a_key(**changes: object) -> Key:
    values = {"editor": "diffusion", "settings": {"prompt": PROMPT, "steps": 5, "noise_seed": 987654}, "secret": SECRET}
    return Key(**{**values, **changes})  # type: ignore[arg-type]


def shows_nothing(text: str) -> bool:
    """Whether ``text`` is free of the prompt, the noise seed, and the secret in any of its usual spellings."""
    spellings = (PROMPT, PROMPT.title(), "987654", SECRET.hex(), repr(SECRET)[2:-1], SECRET.decode("latin-1"))
    return not any(spelling in text for spelling in spellings)


settings_values = st.dictionaries(
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True),
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    max_size=8,
)
keys = st.builds(
    Key,
    editor=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True),
    settings=settings_values,
    secret=st.binary(min_size=32, max_size=32),
    gamma=st.floats(0, 1),
    resolution=st.integers(8, 4096),
    resize=st.sampled_from(RESIZE_FILTERS),
)
