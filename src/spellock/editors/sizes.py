"""Which sizes an editor's weights can edit: asked when a key is made, and again when it is used."""

from __future__ import annotations

from dataclasses import dataclass

from spellock.artefacts import read_json
from spellock.editors.weights_folder import find_weights
from spellock.errors import EditorError


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Sides in pixels that some weights can edit.

    Attributes:
        factor: pixels per latent pixel; a side is a multiple of it.
        smallest: the shortest side, at which the denoiser's deepest level has one latent pixel left.
    """

    factor: int
    smallest: int

    @classmethod
    def of(cls, *, autoencoder_levels: int, denoiser_levels: int) -> Sizes:
        """Sizes of networks that halve the side between one level and the next."""
        factor = 2 ** (autoencoder_levels - 1)
        return cls(factor=factor, smallest=factor * 2 ** (denoiser_levels - 1))

    def check(self, resolution: int) -> None:
        """Check that pictures of ``resolution`` pixels a side can be edited.

        Raises:
            EditorError: they cannot; the message names the nearest size that can.
        """
        if resolution % self.factor or resolution < self.smallest:
            advice = max(self.smallest, round(resolution / self.factor) * self.factor)
            raise EditorError(
                f"the key's resolution is {resolution}, expected a multiple of {self.factor} from {self.smallest} for "
                f"these weights; make the key with resolution {advice}"
            )


def read_sizes(weights: str) -> Sizes:
    """The sizes of ``weights``, read from their configurations alone, which is quick.

    Raises:
        EditorError: there are no such weights, or a configuration does not say its levels.
    """
    folder = find_weights(weights)
    denoiser, autoencoder = (read_json(folder / part / "config.json") for part in ("unet", "vae"))
    levels = autoencoder.get("block_out_channels") or autoencoder.get("decoder_block_out_channels")
    if not levels or not denoiser.get("block_out_channels"):
        raise EditorError(f"a configuration in {folder} lacks block_out_channels, expected a list; fetch it again")
    return Sizes.of(autoencoder_levels=len(levels), denoiser_levels=len(denoiser["block_out_channels"]))
