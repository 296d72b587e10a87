"""Speech to text with faster-whisper (https://github.com/SYSTRAN/faster-whisper). Wav, mp3, ogg, m4a, webm, flac.

Knows sound and words; not where the model's folder came from.
"""

import asyncio
import io
import threading
from pathlib import Path
from typing import Any

from coachwork.errors import ModelUnavailable, NotInstalled, Rejected
from coachwork.messages import Audio, Transcript, Usage
from coachwork.providers.cores import sleeping_threads
from coachwork.providers.wire import Meter

_models: dict[Path, Any] = {}
_loading = threading.Lock()


async def transcribe(place: Path, audio: Audio, threads: int, meter: Meter) -> Transcript:
    """What is said in `audio`. Runs beside the event loop; a cancelled call stops after its current 30 seconds."""
    stop = threading.Event()
    try:
        return await asyncio.to_thread(_listen, place, audio, threads, meter, stop)
    finally:
        stop.set()


def _listen(place: Path, audio: Audio, threads: int, meter: Meter, stop: threading.Event) -> Transcript:
    model = _model(place, threads)
    samples = _samples(audio)
    seconds = len(samples) / 16_000
    meter.usage = Usage(audio_seconds=seconds)
    if not len(samples):
        return Transcript(text="", seconds=0.0)
    segments, info = model.transcribe(samples, beam_size=1, condition_on_previous_text=False)
    said = []
    for segment in segments:  # lazily: each step reads the next stretch of sound
        said.append(segment.text.strip())
        if stop.is_set():
            break
    return Transcript(text=" ".join(filter(None, said)), language=info.language, seconds=round(seconds, 3))


def _samples(audio: Audio) -> Any:
    from faster_whisper.audio import decode_audio

    try:
        return decode_audio(io.BytesIO(audio.data), sampling_rate=16_000)
    except (ValueError, OSError, IndexError) as error:  # PyAV's errors are of these; no sound track gives IndexError
        raise Rejected(
            f"The recording ({len(audio.data):,} bytes of {audio.media_type!r}) can't be read as sound: {error}",
            hint="Send wav, mp3, ogg, m4a, webm or flac.",
            reader="This recording can't be played. Please send it as wav, mp3, ogg or m4a.",
            details={"status": 400},
        ) from error


def _model(place: Path, threads: int) -> Any:
    with _loading:
        if place not in _models:
            _models[place] = _load(place, threads)
        return _models[place]


def _load(place: Path, threads: int) -> Any:
    try:
        with sleeping_threads():
            from faster_whisper import WhisperModel
    except ImportError:
        raise NotInstalled(
            "Local speech to text needs faster-whisper, which is not installed.", hint='pip install "coachwork[speech]"'
        ) from None
    try:
        return WhisperModel(str(place), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True)
    except (RuntimeError, ValueError, OSError) as error:
        raise ModelUnavailable(f"The speech model in {str(place)!r} can't be loaded: {error}") from error
