"""RLE pack: the run-length code of Label Studio's brush, @thi.ng/rle-pack, of RGBA pixels.

32 bits hold the number of values, 5 bits the bits of a value less one, and four times 4 bits the
bits that the length of a run may have, less one. Each run then has a bit that says whether one
value is repeated, 2 bits that choose one of the four lengths, the number of values less one, and
the value or the values.
"""

import numpy as np

from ..errors import ArgumentError

_HEADER_BITS = 32 + 5 + 4 * 4
_WORD_BITS = 8
_WINDOW_BITS = 40  # enough for 7 bits before a run, its 3, 16 and 8
_SIZES = (3, 4, 8, 16)  # bits of lengths, as the tool itself chooses them
_LONGEST = 1 << _SIZES[-1]


def decode_alpha(packed: np.ndarray, pixels: int) -> np.ndarray:
    """Decode the alpha channel of an image.

    Parameters
    ----------
    packed : np.ndarray
        The bytes, uint8 (N,).
    pixels : int
        Number of pixels, of four values each.

    Returns
    -------
    np.ndarray
        uint8, (pixels,).

    Raises
    ------
    ArgumentError
        The code holds another number of values, ends early, or has values of more than 8 bits.
    """
    values, bits = 4 * pixels, 8 * len(packed)
    if bits < _HEADER_BITS:
        raise ArgumentError(f"its code has {len(packed)} bytes, fewer than a header")
    stored = np.concatenate([packed, np.zeros(8, np.uint8)]).astype(np.int64)
    windows = np.zeros(len(packed) + 1, np.int64)
    for offset in range(_WINDOW_BITS // 8):
        windows = windows << 8 | stored[offset : offset + len(windows)]
    count = int(windows[0]) >> 8
    if count != values:
        raise ArgumentError(f"its runs have {count / 4:g} pixels, not {pixels}")
    settings = int(windows[4]) >> 16 & 0xFFFFFF  # behind the count: 5 bits and four times 4
    if (settings >> 19) + 1 != _WORD_BITS:
        raise ArgumentError(f"its values have {(settings >> 19) + 1} bits, not {_WORD_BITS}")
    sizes = np.array([(settings >> shift & 15) + 1 for shift in (15, 11, 7, 3)])
    starts = np.array(_starts(packed, windows, sizes.tolist()), np.int64)
    window, offset_bits = windows[starts >> 3], starts & 7
    head = window >> 37 - offset_bits & 7
    size = sizes[head & 3]
    lengths = 1 + (window >> 37 - offset_bits - size & (1 << size) - 1)
    levels = np.where(head & 4, window >> 29 - offset_bits - size & 255, 0).astype(np.uint8)
    ends = lengths.cumsum()
    last = int(np.searchsorted(ends, values))
    behind = starts + 3 + size + np.where(head & 4, _WORD_BITS, _WORD_BITS * lengths)
    if last == len(ends) or behind[last] > bits:
        done = int(ends[behind <= bits][-1]) if (behind <= bits).any() else 0
        raise ArgumentError(f"its code ends after {min(done, values) / 4:g} of {pixels} pixels")
    if ends[last] != values:
        raise ArgumentError(f"its runs do not end with the {pixels} pixels of the image")
    runs = slice(0, last + 1)  # what follows are bits that fill the last byte
    # Value 4 k + 3 is the alpha of pixel k, so a run up to value j reaches up to pixel j // 4.
    reached = ends[runs] // 4
    alpha = np.repeat(levels[runs], np.diff(reached, prepend=0))
    literal = np.flatnonzero(head[runs] < 4)
    if literal.size:
        end, place = ends[literal], (starts + 3 + size)[literal]
        begin = end - lengths[literal]
        counts = end // 4 - begin // 4
        run = np.repeat(np.arange(len(counts)), counts)
        pixel = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
        pixel += begin[run] // 4
        bit = place[run] + _WORD_BITS * (4 * pixel + 3 - begin[run])
        pair = stored[bit >> 3] << 8 | stored[(bit >> 3) + 1]
        alpha[pixel] = pair >> 8 - (bit & 7) & 255
    return alpha


def _starts(packed: np.ndarray, windows: np.ndarray, sizes: list[int]) -> list[int]:
    """Return the bit at which each run begins; those at the end may be bits that fill a byte.

    Only this must be done run by run, since the size of one says where the next begins.
    """
    bits = np.unpackbits(packed)
    heads = (bits[:-2] << 2 | bits[1:-1] << 1 | bits[2:]).tobytes()
    steps = [0, 0, 0, 0, *(3 + size + _WORD_BITS for size in sizes)]
    starts = []
    at, end = _HEADER_BITS, len(heads)
    while at < end:
        starts.append(at)
        head = heads[at]
        step = steps[head]
        if not step:
            size = sizes[head]
            window = int(windows[at >> 3])
            length = 1 + (window >> 37 - (at & 7) - size & (1 << size) - 1)
            step = 3 + size + _WORD_BITS * length
        at += step
    return starts


def encode_mask(mask: np.ndarray) -> bytes:
    """Encode a mask as RGBA of 0 and 255.

    Parameters
    ----------
    mask : np.ndarray
        bool, (H, W) with at least one pixel.

    Returns
    -------
    bytes
        As Label Studio stores them, as a list of numbers.
    """
    flat = np.asarray(mask, bool).ravel()
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    lengths = 4 * np.diff(starts, append=flat.size)
    text = [f"{4 * flat.size:032b}", f"{_WORD_BITS - 1:05b}"]
    text += [f"{size - 1:04b}" for size in _SIZES]
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        value = f"{255 * int(flat[start]):08b}"
        for rest in range(length, 0, -_LONGEST):
            run = min(rest, _LONGEST) - 1
            choice = next(number for number, size in enumerate(_SIZES) if run < 1 << size)
            text.append(f"1{choice:02b}{run:0{_SIZES[choice]}b}{value}")
    code = "".join(text)
    code += "0" * (-len(code) % 8)
    return int(code, 2).to_bytes(len(code) // 8, "big")
