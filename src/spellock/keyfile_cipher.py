"""How a passphrase closes a key file: a slow hash, a commitment, and an authenticated cipher.

passphrase -> Argon2id (scrypt where the installed cryptography has no Argon2id) -> 32 bytes -> HKDF-SHA256, twice:
an AES-256-GCM key and a *commitment*. AES-GCM alone lets one ciphertext open under several keys; the commitment ties
the file to one, and tells a wrong passphrase from an altered file.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import ClassVar, Final

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from spellock.errors import ConfigError, KeyFileError

SALT_BYTES: Final = 16
NONCE_BYTES: Final = 12
COMMITMENT_BYTES: Final = 32
MAX_PASSPHRASE: Final = 1024
_KEY_BYTES: Final = 32
_MAX_MEMORY: Final = 2**30  # bytes: a hostile file must not take the machine down


@dataclass(frozen=True, kw_only=True)
class Argon2idCost:
    """Cost of Argon2id. The default is the second recommended option of RFC 9106, above OWASP's minimum.

    Raises:
        ConfigError: iterations are not 1 to 16, lanes not 1 to 16, or memory is not 8 KiB a lane to 1 GiB.
    """

    name: ClassVar[str] = "argon2id"
    iterations: int = 3
    lanes: int = 4
    memory_kib: int = 64 * 1024

    def __post_init__(self) -> None:
        _check_range("iterations", self.iterations, 1, 16)
        _check_range("lanes", self.lanes, 1, 16)
        _check_range("memory_kib", self.memory_kib, 8 * self.lanes, _MAX_MEMORY // 1024)

    def derive(self, passphrase: bytes, salt: bytes) -> bytes:
        """Return 32 bytes.

        Raises:
            UnsupportedAlgorithm, ImportError: the installed cryptography has no Argon2id.
        """
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

        kdf = Argon2id(
            salt=salt,
            length=_KEY_BYTES,
            iterations=self.iterations,
            lanes=self.lanes,
            memory_cost=self.memory_kib,
        )
        return kdf.derive(passphrase)


@dataclass(frozen=True, kw_only=True)
class ScryptCost:
    """Cost of scrypt (RFC 7914). The default, 128 MiB, is OWASP's recommendation.

    Raises:
        ConfigError: n is not a power of two up to 2**20, r not 1 to 16, p not 1 to 4, or memory (128 n r) above 1 GiB.
    """

    name: ClassVar[str] = "scrypt"
    n: int = 2**17
    r: int = 8
    p: int = 1

    def __post_init__(self) -> None:
        _check_range("n", self.n, 2, 2**20)
        _check_range("r", self.r, 1, 16)
        _check_range("p", self.p, 1, 4)
        if self.n & (self.n - 1):
            raise ConfigError(f"the scrypt cost n is {self.n}, expected a power of two")
        # RFC 7914 asks for n < 2 ** (128 r / 8); only r = 1 comes near it.
        if 128 * self.n * self.r > _MAX_MEMORY or self.n >= 2 ** (16 * self.r):
            raise ConfigError("the scrypt cost asks for more than 1 GiB or breaks RFC 7914, expected a smaller n")

    def derive(self, passphrase: bytes, salt: bytes) -> bytes:
        """Return 32 bytes."""
        return Scrypt(salt=salt, length=_KEY_BYTES, n=self.n, r=self.r, p=self.p).derive(passphrase)


Cost = Argon2idCost | ScryptCost
_COSTS: Final[dict[str, type[Argon2idCost] | type[ScryptCost]]] = {"argon2id": Argon2idCost, "scrypt": ScryptCost}


def default_cost() -> Cost:
    """Argon2id, or scrypt where the installed cryptography cannot do it."""
    try:
        Argon2idCost(iterations=1, lanes=1, memory_kib=8).derive(b"probe", bytes(SALT_BYTES))
    except (ImportError, UnsupportedAlgorithm):
        return ScryptCost()
    return Argon2idCost()


def cost_to_dict(cost: Cost) -> dict[str, int]:
    """The parameters of ``cost`` as plain JSON values."""
    return {name: int(value) for name, value in asdict(cost).items()}


def cost_from_dict(name: object, params: Mapping[str, object]) -> Cost:
    """Read what a key file says of its slow hash.

    Raises:
        ConfigError: the name is unknown, parameters are missing or unknown, or one is out of bounds.
    """
    kind = _COSTS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ConfigError(f"the slow hash is unknown, expected one of {', '.join(_COSTS)}")
    expected = [field.name for field in fields(kind)]
    if sorted(params) != sorted(expected):
        raise ConfigError(f"the parameters of {kind.name} are not {', '.join(expected)}")
    return kind(**params)  # type: ignore[arg-type]  # __post_init__ checks the types


def split_keys(passphrase: str, cost: Cost, salt: bytes) -> tuple[bytes, bytes]:
    """Return the cipher's key and the commitment (32 bytes each). Slow on purpose.

    Raises:
        KeyFileError: the passphrase is empty, too long or not valid text, there is too little memory, or Argon2id is
            asked for and the installed cryptography lacks it.
    """
    if not passphrase or len(passphrase) > MAX_PASSPHRASE:
        raise KeyFileError(
            f"the passphrase is {'too long' if passphrase else 'empty'}; use 1 to {MAX_PASSPHRASE} characters"
        )
    try:
        # One passphrase, one form: keyboards differ in how they compose accents.
        text = unicodedata.normalize("NFKC", passphrase).encode()
    except UnicodeEncodeError:
        raise KeyFileError("the passphrase is not valid Unicode text; type it again") from None
    try:
        slow = cost.derive(text, salt)
    except (ImportError, UnsupportedAlgorithm):
        raise KeyFileError(
            "this key file needs Argon2id, which cryptography lacks here; upgrade cryptography"
        ) from None
    except MemoryError:
        raise KeyFileError("too little memory to open the key file with its slow hash; free some and repeat") from None
    return _expand(slow, b"spellock key file v1: cipher"), _expand(slow, b"spellock key file v1: commitment")


def encrypt(key: bytes, nonce: bytes, plain: bytes, header: bytes) -> bytes:
    """AES-256-GCM of ``plain``, with ``header`` authenticated beside it."""
    return AESGCM(key).encrypt(nonce, plain, header)


def decrypt(key: bytes, nonce: bytes, ciphertext: bytes, header: bytes) -> bytes | None:
    """The inverse of `encrypt`; None where ciphertext, nonce or header were altered."""
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, header)
    except InvalidTag:
        return None


def _expand(slow: bytes, purpose: bytes) -> bytes:
    return HKDFExpand(algorithm=SHA256(), length=_KEY_BYTES, info=purpose).derive(slow)


def _check_range(name: str, value: object, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise ConfigError(f"the slow hash's {name} is out of bounds, expected a whole number from {low} to {high}")
