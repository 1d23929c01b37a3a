"""Media files that mean no good: broken ones, and texts that name other files, disguised."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

SIZE = (64, 48)
KINDS = (
    ("a.mp4", "libx264", "yuv420p", {}),
    ("fragments.mp4", "libx264", "yuv420p", {"movflags": "frag_keyframe+empty_moov"}),
    ("hevc.mp4", "libx265", "yuv420p", {}),
    ("av1.mp4", "libsvtav1", "yuv420p", {}),
    ("prores.mov", "prores_ks", "yuv422p10le", {}),
    ("photo.mov", "mjpeg", "yuvj420p", {}),
    ("animation.mov", "qtrle", "rgb24", {}),
    ("a.mkv", "libx264", "yuv420p", {}),
    ("lossless.mkv", "ffv1", "yuv420p", {}),
    ("a.webm", "libvpx", "yuv420p", {}),
    ("vp9.webm", "libvpx-vp9", "yuv420p", {}),
    ("a.avi", "mpeg4", "yuv420p", {}),
    ("a.ts", "mpeg2video", "yuv420p", {}),
    ("a.mpg", "mpeg1video", "yuv420p", {}),
    ("a.mxf", "mpeg2video", "yuv420p", {}),
    ("a.flv", "flv", "yuv420p", {}),
    ("a.wmv", "wmv2", "yuv420p", {}),
    ("a.gif", "gif", "rgb8", {}),
    ("a.nut", "mpeg4", "yuv420p", {}),
)
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
BOXES = (
    b"moov mvhd trak tkhd edts elst mdia mdhd hdlr minf dinf dref stbl stsd stts ctts stsc stsz "
    b"stco stss avc1 avcC hvc1 hvcC av01 apch mdat moof traf tfhd tfdt trun mvex trex udta meta "
    b"RIFF LIST hdrl avih strl strh strf movi idx1 ftyp free"
).split()


def write_sources(folder: Path) -> list[Path]:
    """Half a second of moving picture in every kind that can be written here."""
    written: list[Path] = []
    for name, codec, pixel_format, options in KINDS:
        if codec in av.codecs_available:
            written.append(_write(folder / name, codec, pixel_format, options))
    return written


def _write(path: Path, codec: str, pixel_format: str, options: dict[str, str]) -> Path:
    noise = np.random.default_rng(1).integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = *SIZE, pixel_format
        stream.gop_size = 6
        sound = None
        if path.suffix in (".mp4", ".mkv", ".avi", ".ts"):
            sound = container.add_stream("mp2" if path.suffix == ".ts" else "aac", rate=48_000)
        for number in range(12):
            pixels = np.ascontiguousarray(np.roll(noise // 4, number * 3, axis=1))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        container.mux(stream.encode())
        if sound is not None:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 24_000), np.int16), "s16", "mono")
            frame.sample_rate = 48_000
            container.mux(sound.encode(frame))
            container.mux(sound.encode())
    return path


# ---- broken files ------------------------------------------------------------------------


def mutated(draw: random.Random, data: bytes, other: bytes) -> tuple[str, bytes]:
    """One broken file: what was done to it, and its content."""
    ways = (_bits, _truncated, _spliced, _numbers, _box_sizes, _moved_boxes, _huge, _repeated)
    way = draw.choice(ways)
    result = bytearray(data)
    way(draw, result, other)
    if draw.random() < 0.25:
        _bits(draw, result, other)
    return way.__name__.strip("_"), bytes(result)


def _bits(draw: random.Random, data: bytearray, _other: bytes) -> None:
    if not data:
        return
    # Half of them where the headers are.
    reach = draw.choice((256, 4096, len(data), len(data)))
    for _ in range(draw.choice((1, 3, 10, 100))):
        at = draw.randrange(min(reach, len(data)))
        data[-1 - at if draw.random() < 0.3 else at] ^= 1 << draw.randrange(8)


def _truncated(draw: random.Random, data: bytearray, _other: bytes) -> None:
    start = draw.randrange(len(data))
    if draw.random() < 0.7:
        del data[start:]
    else:
        del data[start : start + draw.randrange(1, 2000)]


def _spliced(draw: random.Random, data: bytearray, other: bytes) -> None:
    source = other if draw.random() < 0.5 else bytes(data)
    start, length = draw.randrange(len(source)), draw.randrange(1, 4000)
    at = draw.randrange(len(data))
    replaced = length if draw.random() < 0.5 else 0
    data[at : at + replaced] = source[start : start + length]


def _numbers(draw: random.Random, data: bytearray, _other: bytes) -> None:
    reach = draw.choice((512, 4096))
    for _ in range(draw.choice((1, 2, 8))):
        width, kind = draw.choice(((1, "B"), (2, "H"), (4, "I")))
        at = draw.randrange(max(1, min(reach, len(data) - width)))
        at = max(0, len(data) - width - at) if draw.random() < 0.4 else at
        number = draw.choice(EXTREMES) & ((1 << 8 * width) - 1)
        data[at : at + width] = struct.pack(draw.choice("<>") + kind, number)


def _box_sizes(draw: random.Random, data: bytearray, other: bytes) -> None:
    places = _boxes(data)
    if not places:
        return _numbers(draw, data, other)
    for _ in range(draw.choice((1, 1, 3))):
        at = draw.choice(places)
        size = draw.choice((*EXTREMES, draw.randrange(8, 400)))
        # The box's length, or one of the numbers in it.
        place = at - 4 if draw.random() < 0.5 else at + 4 * draw.randrange(1, 8)
        if 0 <= place < len(data) - 4:
            data[place : place + 4] = struct.pack(">I", size)
    return None


def _moved_boxes(draw: random.Random, data: bytearray, other: bytes) -> None:
    places = _boxes(data)
    if not places:
        return _spliced(draw, data, other)
    at = draw.choice(places)
    length = min(struct.unpack(">I", data[at - 4 : at].rjust(4, b"\0"))[0], 4000)
    box = bytes(data[max(0, at - 4) : at - 4 + length])
    target = draw.choice(places)
    action = draw.randrange(3)
    if action == 0:
        data[max(0, target - 4) : max(0, target - 4)] = box * draw.choice((1, 50))
    elif action == 1:
        data[at : at + 4] = draw.choice(BOXES)
    else:
        del data[max(0, at - 4) : at - 4 + length]
    return None


def _huge(draw: random.Random, data: bytearray, other: bytes) -> None:
    """The picture's size, wherever it is written, made enormous."""
    large = draw.choice((0, 1, 3, 4096, 16_384, 32_767, 65_535))
    found = False
    for number in SIZE:
        for form in (">H", "<H", ">I", "<I"):
            wanted = struct.pack(form, number)
            place = data.find(wanted)
            while len(wanted) > 1 and place >= 0:
                if draw.random() < 0.3:
                    data[place : place + len(wanted)] = struct.pack(form, large)
                    found = True
                place = data.find(wanted, place + len(wanted))
    if not found:
        _numbers(draw, data, other)


def _repeated(draw: random.Random, data: bytearray, other: bytes) -> None:
    match draw.randrange(3):
        case 0:
            data += data * draw.randrange(1, 4)
        case 1:
            data += other
        case _:
            data += draw.randbytes(draw.randrange(1, 20_000))


def _boxes(data: bytearray) -> list[int]:
    """Where names of boxes stand."""
    return [place for name in BOXES if (place := data.find(name)) >= 0]


# ---- references to other files -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bait:
    """What nobody may open."""

    file: Path
    """A real movie."""
    address: str
    """``http://127.0.0.1:PORT/...`` that somebody listens at."""


def disguised(folder: Path, movie: Path, bait: Bait) -> Iterator[Path]:
    """Files that refer to the bait, most of them called .mp4."""
    for number, target in enumerate((str(bait.file), f"../{bait.file.name}", bait.address)):
        suffix = ".m3u8" if number == 1 else ".mp4"  # some readers look at it
        for name, text in _lists(target):
            path = folder / f"{name}_{number}{suffix}"
            path.write_text(text)
            yield path
    for number, content in enumerate(_references(movie.read_bytes(), bait)):
        path = folder / f"reference_{number}.mp4"
        path.write_bytes(content)
        yield path


def _lists(target: str) -> Iterator[tuple[str, str]]:
    yield "concat", f"ffconcat version 1.0\nfile '{target}'\nduration 1\n"
    playlist = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:0\n"
    yield "hls", f"{playlist}#EXTINF:1.0,\n{target}\n#EXT-X-ENDLIST\n"
    yield "hls_key", f'{playlist}#EXT-X-KEY:METHOD=AES-128,URI="{target}"\n#EXTINF:1,\n{target}\n'
    yield "hls_concat", f"{playlist}#EXTINF:1,\nconcat:{target}|{target}\n#EXT-X-ENDLIST\n"
    yield "hls_sub", f"{playlist}#EXTINF:1,\nsubfile,,start,0,end,99,,:{target}\n#EXT-X-ENDLIST\n"
    yield "master", f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{target}\n"
    yield (
        "dash",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT1S"><Period><AdaptationSet contentType="video">'
        '<Representation id="1" bandwidth="1" width="64" height="48" mimeType="video/mp4">'
        f"<BaseURL>{target}</BaseURL><SegmentList><SegmentURL media='{target}'/></SegmentList>"
        "</Representation></AdaptationSet></Period></MPD>",
    )
    yield (
        "svg",
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="64" height="48"><image xlink:href="{target}" width="64" height="48"/></svg>',
    )
    yield (
        "xml",
        f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "{target}">]>'
        '<CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016">&b;'
        "</CompositionPlaylist>",
    )
    yield "sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n"
    yield "asx", f'<ASX version="3"><Entry><Ref href="{target}"/></Entry></ASX>'
    yield "script", f'AviSource("{target}")\n'
    yield "rtsptext", f"rtsptext\n[Reference]\nRef1={target}\n"
    yield "metadata", f";FFMETADATA1\ntitle={target}\n"
    yield "vobsub", f"# VobSub index file, v7\n{target}\n"


def _references(movie: bytes, bait: Bait) -> Iterator[bytes]:
    """A movie whose picture lies in another file, told in the ways that QuickTime knows."""
    place = movie.find(b"url \0\0\0\1")
    assert place > 0, "the movie is expected to hold its own data"
    for target in (str(bait.file), f"file://{bait.file}", bait.address, f"../{bait.file.name}"):
        name = target.encode()
        yield _with_dref(movie, place, b"url " + bytes(4) + name + b"\0")
        yield _with_dref(movie, place, b"alis" + bytes(4) + _alias(name))
        yield _with_dref(movie, place, b"urn " + bytes(4) + b"x\0" + name + b"\0")
        # A movie that is only a reference to another one.
        rdrf = bytes(4) + b"url " + struct.pack(">I", len(name) + 1) + name + b"\0"
        yield movie[:32] + _box(b"moov", _box(b"rmra", _box(b"rmda", _box(b"rdrf", rdrf))))


def _alias(path: bytes) -> bytes:
    """A Macintosh alias record of an absolute path: 150 bytes, then records by type."""
    return (
        bytes(150) + struct.pack(">HH", 2, len(path)) + path + b"\0" * (len(path) % 2) + b"\xff\xff"
    )


def _with_dref(movie: bytes, place: int, entry: bytes) -> bytes:
    """The movie with another data reference; chunk offsets stay, nothing is read from here."""
    grown = 4 + len(entry) - 12
    data = bytearray(movie)
    data[place - 4 : place + 8] = struct.pack(">I", 4 + len(entry)) + entry
    for name in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        at = data.rfind(name, 0, place)
        (size,) = struct.unpack(">I", data[at - 4 : at])
        data[at - 4 : at] = struct.pack(">I", size + grown)
    return bytes(data)


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + name + content
