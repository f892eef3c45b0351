"""The soundtrack: music by chords and arpeggio, speech by formants, everything computed from seeds.

Speech is a sum of the harmonics of a gliding pitch, weighted by the formants of the vowel
(Peterson and Barney, 1952, table II, adults), with noise bursts for consonants.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from celstream_renderer.film import Film, Scene, Speech
from celstream_renderer.speech import ONSET, Syllable, syllables
from celstream_renderer.timeline import frame_count, shot_spans

Samples = NDArray[np.float32]

SAMPLE_RATE_HZ = 48_000
_FORMANTS_HZ = {"a": (730, 1090, 2440), "e": (530, 1840, 2480), "i": (270, 2290, 3010), "o": (570, 840, 2410)} | {
    "u": (300, 870, 2240)
}
_BANDWIDTHS_HZ = (80.0, 110.0, 160.0)
_NOISE_BANDS_HZ = {"s": (4500, 9000), "t": (2500, 7000), "f": (1500, 8000), "l": (0, 0), "m": (0, 0), "": (0, 0)}
_CHORDS = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))  # I vi IV V, in semitones above the key
_BEAT_SECONDS = 0.5


def _envelope(count: int, attack: float, release: float) -> NDArray[np.float64]:
    """0-1-0 with linear flanks, in seconds."""
    up, down = max(1, int(attack * SAMPLE_RATE_HZ)), max(1, int(release * SAMPLE_RATE_HZ))
    t = np.arange(count)
    return np.asarray(np.clip(np.minimum(t / up, (count - t) / down), 0.0, 1.0))


def _vowel(syllable: Syllable, pitch_hz: float, count: int) -> NDArray[np.float64]:
    t = np.arange(count) / SAMPLE_RATE_HZ
    glide = pitch_hz * (1.08 - 0.16 * t / max(t[-1], 1e-6)) * (0.94 + 0.1 * syllable.stress)
    phase = 2 * np.pi * np.cumsum(glide) / SAMPLE_RATE_HZ
    harmonics = np.arange(1, int(4200 / pitch_hz) + 1)
    frequency = harmonics * pitch_hz
    gain = np.zeros(len(harmonics))
    for centre, width, level in zip(_FORMANTS_HZ[syllable.vowel], _BANDWIDTHS_HZ, (1.0, 0.6, 0.3), strict=True):
        gain += level / (1 + ((frequency - centre) / width) ** 2)
    gain = (gain + 0.01) / harmonics**0.35
    wave = np.zeros(count)
    # sin(k p) = 2 cos(p) sin((k - 1) p) - sin((k - 2) p): multiplications in place of sines.
    twice_cosine, before, here = 2 * np.cos(phase), np.zeros(count), np.sin(phase)
    for level in gain:
        wave += level * here
        before, here = here, twice_cosine * here - before
    return np.asarray(wave / np.sqrt((gain**2).sum()))


def _noise(low_hz: float, high_hz: float, count: int, seed: int) -> NDArray[np.float64]:
    spectrum = np.fft.rfft(np.random.default_rng([seed, count]).normal(0, 1, count))
    frequency = np.fft.rfftfreq(count, 1 / SAMPLE_RATE_HZ)
    spectrum[(frequency < low_hz) | (frequency > high_hz)] = 0
    wave = np.fft.irfft(spectrum, count)
    return np.asarray(wave / max(float(np.abs(wave).max()), 1e-9))


def speak(speech: Speech, seconds: float) -> Samples:
    """Mono speech from the moment the shot begins, `seconds` long, peaks below 1."""
    total = round(seconds * SAMPLE_RATE_HZ)
    track = np.zeros(total)
    for number, syllable in enumerate(syllables(speech)):
        start = round(syllable.start * SAMPLE_RATE_HZ)
        count = min(round(syllable.seconds * SAMPLE_RATE_HZ), total - start)
        if count < 480:
            continue
        onset = int(ONSET * count) if syllable.consonant else 0
        voice = _vowel(syllable, speech.pitch_hz, count) * _envelope(count, 0.02, 0.04)
        low, high = _NOISE_BANDS_HZ[syllable.consonant]
        if onset:
            voice[:onset] *= 0.12 if high else 0.35
            if high:
                burst = _noise(low, high, onset, speech.seed * 1000 + number)
                voice[:onset] += 0.35 * burst * _envelope(onset, 0.01, 0.01)
        track[start : start + count] += syllable.stress * voice
    return (0.32 * track).astype(np.float32)


@lru_cache(maxsize=64)
def _note(semitones: int, seconds: float, brightness: float) -> NDArray[np.float64]:
    t = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    frequency = 220.0 * 2 ** (semitones / 12)
    wave = sum(np.sin(2 * np.pi * frequency * k * t) * brightness ** (k - 1) / k for k in range(1, 6))
    return np.asarray(wave * np.exp(-3.2 * t) * _envelope(len(t), 0.006, 0.03))


def music(seed: int, seconds: float) -> Samples:
    """Stereo music, shape (2, samples), peaks below about 1: chords, an arpeggio, a bass, a soft drum."""
    rng = np.random.default_rng([seed, 33])
    key = int(rng.integers(-5, 7))
    order = rng.permutation(3)
    total = round(seconds * SAMPLE_RATE_HZ)
    track = np.zeros((2, total + 4 * SAMPLE_RATE_HZ))
    beats = int(np.ceil(seconds / _BEAT_SECONDS))
    drum_t = np.arange(9600) / SAMPLE_RATE_HZ
    drum = np.sin(2 * np.pi * (55 * drum_t + 30 * (1 - np.exp(-30 * drum_t)) / 30)) * np.exp(-18 * drum_t)
    for beat in range(beats):
        at = round(beat * _BEAT_SECONDS * SAMPLE_RATE_HZ)
        chord = _CHORDS[beat // 4 % 4]
        parts: list[tuple[int, NDArray[np.float64], float, float]] = []
        if beat % 4 == 0:
            parts += [
                (0, _note(key + note, 1.9, 0.3), 0.16, pan) for note, pan in zip(chord, (0.3, 0.5, 0.7), strict=True)
            ]
        if beat % 2 == 0:
            parts.append((0, _note(key + chord[0] - 24, 0.9, 0.5), 0.34, 0.5))
            parts.append((0, drum, 0.3, 0.5))
        for half in range(2):
            note = chord[int(order[(2 * beat + half) % 3])] + 12
            parts.append((half * SAMPLE_RATE_HZ // 4, _note(key + note, 0.4, 0.45), 0.15, 0.35 + 0.3 * half))
        for offset, wave, level, pan in parts:
            for channel, share in ((0, 1 - pan), (1, pan)):
                track[channel, at + offset : at + offset + len(wave)] += 1.4 * share * level * wave
    return track[:, :total].astype(np.float32)


def soundtrack(film: Film) -> Samples | None:
    """The film's sound, float32, shape (channels, samples) at 48 kHz, or None for a silent film.

    6 channels are front left, right, centre, low, back left, right: speech is in the centre. The
    first `late_start` seconds are left out: the audio track begins there.
    """
    if film.sound is None:
        return None
    sound = film.sound
    seconds = float(frame_count(film) / film.fps)
    total = round(seconds * SAMPLE_RATE_HZ)
    voice = np.zeros(total, np.float32)
    for span in shot_spans(film):
        content = film.shots[span.index].content
        at = round(float(span.start / film.fps) * SAMPLE_RATE_HZ)
        for actor in content.actors if isinstance(content, Scene) else ():
            if actor.speech is not None:
                spoken = speak(actor.speech, float(film.shots[span.index].frames / film.fps))[: total - at]
                voice[at : at + len(spoken)] += spoken
    if sound.narration is not None:
        voice += speak(sound.narration, seconds)[:total]
    backing = sound.music * music(sound.music_seed, seconds) if sound.music > 0 else np.zeros((2, total), np.float32)
    if sound.channels == 6:
        track = np.stack([backing[0], backing[1], voice, np.zeros(total), 0.4 * backing[0], 0.4 * backing[1]])
    else:
        track = backing + voice
    first = round(sound.late_start * SAMPLE_RATE_HZ)
    # tanh keeps the sum of voice and music below full scale without hard clipping.
    return np.ascontiguousarray(np.tanh(track[:, first:]), dtype=np.float32)
