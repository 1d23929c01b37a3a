"""What a vocoder is trained for: sounds whose spectra, at several resolutions, are the true ones.

The spectrum that a network gives is first put through a few rounds of mel-consistent
Griffin-Lim, the very ones that the server goes on with, so that it learns a start from which they
end well. Gradients go through the rounds.

Source: Yamamoto et al. 2020, "Parallel WaveGAN" (the multi-resolution STFT loss); Masuyama et al.
2019, "Deep Griffin-Lim iteration" (training through the rounds).
"""

from __future__ import annotations

import torch
from torch import Tensor

from foleyline_contract.specs import MelSpec
from foleyline_training.data.mel import mel_filters
from foleyline_training.models.vocoder import band_shares

RESOLUTIONS = (256, 512, 1024, 2048)
MOMENTUM = 0.9
"""That of the server's rounds."""
_TINY = 1e-8
_MAGNITUDE_MIN = 1e-7
"""Below this a magnitude counts as this: the square root's slope is endless at zero."""
_QUIETEST = 1e-4
"""Of a sound's largest magnitude: 80 dB are looked at."""
_FAINTEST_PEAK = 1e-3


class MelRounds:
    """Rounds of Griffin-Lim that keep the mel; the same as pipeline/vocoders/griffin_lim.py."""

    def __init__(self, spec: MelSpec, device: torch.device | None = None) -> None:
        self.spec = spec
        self.filters = torch.from_numpy(mel_filters(spec)).T.contiguous().to(device)
        self.shares = torch.from_numpy(band_shares(spec)).to(device)
        self.window = torch.hann_window(spec.n_fft, device=device)

    def __call__(self, spectrum: Tensor, levels: Tensor, rounds: int) -> Tensor:
        """Sound (batch, frames * hop) after ``rounds`` from a spectrum (batch, bins, frames).

        Args:
            spectrum: complex.
            levels: what the filters gave, (batch, frames, bands).
        """
        previous: Tensor | None = None
        for _ in range(rounds):
            rebuilt = self._spectrum(self._sound(self._with_levels(spectrum, levels)))
            spectrum = rebuilt
            if previous is not None:
                spectrum = rebuilt + MOMENTUM * (rebuilt - previous)
            previous = rebuilt
        return self._sound(self._with_levels(spectrum, levels))

    def _with_levels(self, spectrum: Tensor, levels: Tensor) -> Tensor:
        bands = magnitude(spectrum).transpose(1, 2) @ self.filters
        return spectrum * ((levels / (bands + _TINY)) @ self.shares).transpose(1, 2)

    def _sound(self, spectrum: Tensor) -> Tensor:
        spec = self.spec
        length = spectrum.shape[-1] * spec.hop
        return torch.istft(spectrum, spec.n_fft, spec.hop, window=self.window, length=length)

    def _spectrum(self, sound: Tensor) -> Tensor:
        spec = self.spec
        found = _stft(sound, spec.n_fft, spec.hop, self.window)
        return found[..., : sound.shape[-1] // spec.hop]


class SpectralDistance:
    """Spectral convergence and log-magnitude distance of sounds, over RESOLUTIONS."""

    def __init__(self, device: torch.device | None = None) -> None:
        self.windows = {n_fft: torch.hann_window(n_fft, device=device) for n_fft in RESOLUTIONS}

    def __call__(self, sound: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
        """Two scalars for sounds (batch, samples): convergence, and distance in nepers.

        Convergence is the norm of the magnitudes' difference over that of the true ones.
        """
        found: list[tuple[Tensor, Tensor]] = []
        for n_fft, window in self.windows.items():
            wanted = magnitude(_stft(true, n_fft, n_fft // 4, window))
            got = magnitude(_stft(sound, n_fft, n_fft // 4, window))
            floor = _QUIETEST * wanted.amax(dim=(1, 2), keepdim=True).clamp_min(_FAINTEST_PEAK)
            norm = wanted.norm(dim=(1, 2)).clamp_min(_FAINTEST_PEAK)
            convergence = ((got - wanted).norm(dim=(1, 2)) / norm).mean()
            logs = torch.maximum(got, floor).log() - torch.maximum(wanted, floor).log()
            found.append((convergence, logs.abs().mean()))
        convergences, distances = zip(*found, strict=True)
        return torch.stack(convergences).mean(), torch.stack(distances).mean()


def magnitude(spectrum: Tensor) -> Tensor:
    """Of complex numbers, with a slope that stays finite."""
    power = spectrum.real.square() + spectrum.imag.square()
    return power.clamp_min(_MAGNITUDE_MIN**2).sqrt()


def _stft(sound: Tensor, n_fft: int, hop: int, window: Tensor) -> Tensor:
    return torch.stft(sound, n_fft, hop, window=window, pad_mode="constant", return_complex=True)
