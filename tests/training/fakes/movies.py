"""Videos whose pictures say by their brightness which they are, with a sound that clicks."""

from fractions import Fraction

import av
import numpy as np

RATE_HZ = 8000


def write_movie(
    path,
    stamps_s,
    sound=None,
    *,
    sound_start_s=Fraction(0),
    sound_hz=RATE_HZ,
    video_codec="libx264",
    audio_codec="pcm_s16le",
    size=(32, 24),
):
    """One picture per time stamp, number k at grey 5 + 5 * (k % 50); float sound (channels, n)."""
    base = Fraction(1, 90_000)
    with av.open(str(path), "w") as container:
        video = container.add_stream(video_codec, rate=25, options={"g": "10", "bf": "2"})
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        video.time_base = video.codec_context.time_base = base
        audio = None
        if sound is not None:
            sound = np.atleast_2d(np.asarray(sound, np.float32))
            layout = "stereo" if len(sound) == 2 else "mono"
            audio = container.add_stream(audio_codec, rate=sound_hz, layout=layout)
        for number, stamp_s in enumerate(stamps_s):
            pixels = np.full((size[1], size[0], 3), 5 + 5 * (number % 50), np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = round(stamp_s / base), base
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if audio is not None:
            heard = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound), "fltp", layout)
            heard.sample_rate, heard.time_base = sound_hz, Fraction(1, sound_hz)
            heard.pts = round(sound_start_s * sound_hz)
            resampler = av.AudioResampler(audio.codec_context.format)
            for part in resampler.resample(heard):
                container.mux(audio.encode(part))
            container.mux(audio.encode())
    return path


def steady(count, fps):
    return [Fraction(number) / Fraction(fps) for number in range(count)]


def clicks(seconds, at_s, rate_hz=RATE_HZ):
    """Silence with a click at each moment."""
    sound = np.zeros(round(seconds * rate_hz), np.float32)
    for time_s in at_s:
        sound[round(time_s * rate_hz)] = 0.8
    return sound
