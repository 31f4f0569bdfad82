"""RLE pack: against a decoder that reads bit by bit, as the format is described."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ffhq_wrinkle.annotation_tools.rle_pack import decode_alpha, encode_mask
from ffhq_wrinkle.errors import ArgumentError

SIZES = (3, 4, 8, 16)


def decoded_bit_by_bit(packed):
    bits = "".join(f"{byte:08b}" for byte in packed)
    at = 0

    def take(count):
        nonlocal at
        at += count
        return int(bits[at - count : at], 2)

    count, word = take(32), take(5) + 1
    sizes = [take(4) + 1 for _ in range(4)]
    values = []
    while len(values) < count:
        repeats = take(1)
        length = take(sizes[take(2)]) + 1
        values += [take(word)] * length if repeats else [take(word) for _ in range(length)]
    return np.array(values, np.uint8)


def encoded(values, random, sizes=SIZES):
    """Cut values into random runs, of one value where it repeats or of many."""
    code = f"{len(values):032b}00111" + "".join(f"{size - 1:04b}" for size in sizes)
    at = 0
    while at < len(values):
        repeats = 1
        while at + repeats < len(values) and values[at + repeats] == values[at]:
            repeats += 1
        many = random.random() < 0.4
        length = int(min(random.integers(1, 40) if many else repeats, len(values) - at, 2**16))
        fitting = [number for number, size in enumerate(sizes) if length - 1 < 2**size]
        choice = random.choice(fitting)
        code += f"{0 if many else 1}{choice:02b}{length - 1:0{sizes[choice]}b}"
        listed = values[at : at + length] if many else values[at : at + 1]
        code += "".join(f"{value:08b}" for value in listed)
        at += length
    code += "0" * (-len(code) % 8)
    return np.array(list(int(code, 2).to_bytes(len(code) // 8, "big")), np.uint8)


@pytest.mark.parametrize("seed", range(30))
def test_random_runs_are_those_of_the_format(seed):
    random = np.random.default_rng(seed)
    pixels = int(random.integers(1, 400))
    alpha = random.choice([0, 0, 0, 90, 255], pixels)
    alpha = np.repeat(alpha, random.integers(1, 9, pixels))[:pixels]
    values = np.repeat(alpha, 4).tolist()
    if seed % 3 == 0:  # channels that differ, of which the last counts
        values = random.integers(0, 256, 4 * pixels).tolist()
    sizes = SIZES if seed % 2 else (*random.integers(1, 16, 3).tolist(), 16)
    packed = encoded(values, random, sizes)
    assert decoded_bit_by_bit(packed).tolist() == values
    assert_array_equal(decode_alpha(packed, pixels), np.array(values, np.uint8)[3::4])


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (200, 100), (300, 300)])
@pytest.mark.parametrize("share", [0, 0.03, 1])
def test_masks_are_encoded_as_the_format_is_decoded(shape, share):
    mask = np.random.default_rng(0).random(shape) < share
    packed = encode_mask(mask)
    assert_array_equal(decoded_bit_by_bit(packed), np.repeat(mask.ravel() * np.uint8(255), 4))
    assert_array_equal(decode_alpha(np.frombuffer(packed, np.uint8), mask.size) > 0, mask.ravel())


@pytest.mark.parametrize("end", range(1, 12))
def test_a_code_that_is_cut_short_is_refused(end):
    packed = np.frombuffer(encode_mask(np.eye(6, dtype=bool)), np.uint8)
    with pytest.raises(ArgumentError, match=r"ends after|fewer than a header"):
        decode_alpha(packed[:-end], 36)


def test_values_of_other_than_8_bits_and_runs_past_the_image_are_refused():
    code = f"{4:032b}01111" + "0000" * 4 + "0" * 3
    packed = np.array(list(int(code, 2).to_bytes(7, "big")), np.uint8)
    with pytest.raises(ArgumentError, match="16 bits, not 8"):
        decode_alpha(packed, 1)
    code = f"{4:032b}00111" + "0111" * 4 + "100" + f"{9:08b}{255:08b}" + "0" * 24
    packed = np.array(list(int(code, 2).to_bytes(len(code) // 8, "big")), np.uint8)
    with pytest.raises(ArgumentError, match="do not end with the 1 pixels"):
        decode_alpha(packed, 1)
