// Masks as typed arrays. A pixel's pattern has bit n set where annotator n drew; several annotators
// need one array, and what is shown follows from a table of colours.

const ALL_DREW = [255, 255, 255];

export class Patterns {
  // `levels[0]` has the patterns, row by row. Each further level has a pixel for four: `values` with
  // the bits of all of them, so that thin lines do not vanish when the image is shown small, and
  // `least` with the pattern of fewest annotators, so that disagreement does not either.
  constructor(width, height, values) {
    this.width = width;
    this.height = height;
    this.levels = [{ width, height, values, least: values }];
    let level = this.levels[0];
    while (Math.max(level.width, level.height) > 256) {
      level = halved(level);
      this.levels.push(level);
    }
  }
}

function halved({ width, height, values, least }) {
  const narrow = (width + 1) >> 1, low = (height + 1) >> 1;
  const all = new values.constructor(narrow * low), fewest = new values.constructor(narrow * low);
  for (let row = 0; row < height; row++) {
    const from = row * width, to = (row >> 1) * narrow;
    for (let column = 0; column < width; column++) {
      const value = values[from + column];
      if (!value) continue;
      const at = to + (column >> 1), pattern = least[from + column];
      all[at] |= value;
      if (!fewest[at] || bitsIn(pattern) < bitsIn(fewest[at])) fewest[at] = pattern;
    }
  }
  return { width: narrow, height: low, values: all, least: fewest };
}

// Read masks that are packed to bits, one after the other; each begins with a new octet.
export function unpacked(packed, annotators, width, height) {
  const pixels = width * height, octets = Math.ceil(pixels / 8);
  const values = annotators <= 8 ? new Uint8Array(pixels) : new Uint32Array(pixels);
  for (let annotator = 0; annotator < annotators; annotator++) {
    const bit = 1 << annotator, start = annotator * octets;
    for (let octet = 0; octet < octets; octet++) {
      const bits = packed[start + octet];
      if (!bits) continue;
      for (let place = 0; place < 8; place++) {
        if (bits & (128 >> place)) values[octet * 8 + place] |= bit;
      }
    }
  }
  return new Patterns(width, height, values);
}

// Lengths of alternating runs, of which the first is background.
export function runsOf(pixels) {
  const runs = [];
  let value = 0, length = 0;
  for (const pixel of pixels) {
    if (pixel === value) {
      length++;
    } else {
      runs.push(length);
      value = pixel;
      length = 1;
    }
  }
  runs.push(length);
  return runs;
}

export function pixelsOf(runs, count) {
  const pixels = new Uint8Array(count);
  let at = 0;
  runs.forEach((length, number) => {
    if (number % 2) pixels.fill(1, at, at + length);
    at += length;
  });
  return pixels;
}

// The pixels of a part for a choice, in the part's box. `part.runs` is what anybody drew of it.
export function chosenPixels(part, patterns, annotators, choice, position) {
  const [top, left, height, width] = part.box;
  const pixels = pixelsOf(part.runs, height * width);
  if (choice === "union") return pixels;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const at = row * width + column;
      if (!pixels[at]) continue;
      const pattern = patterns.levels[0].values[(top + row) * patterns.width + left + column];
      if (choice === "annotator") pixels[at] = (pattern >>> position) & 1;
      else pixels[at] = choice === "majority" && 2 * bitsIn(pattern) > annotators ? 1 : 0;
    }
  }
  return pixels;
}

export function bitsIn(pattern) {
  let count = 0;
  for (let rest = pattern; rest; rest &= rest - 1) count++;
  return count;
}

// The colour of each pattern: one annotator's own, white if all that are shown drew, and otherwise
// that of the mixture. RGBA as a 32-bit number in the order of bytes in memory.
export class Palette {
  constructor({ colours, mixtures, several }, annotators) {
    this.colours = colours;
    this.mixtures = mixtures; // by pattern, where mixtures have colours of their own
    this.several = several;
    this.visible = colours.map(() => true).slice(0, annotators);
    this.known = new Map();
  }

  get bits() {
    return this.visible.reduce((bits, is, number) => (is ? bits | (1 << number) : bits), 0);
  }

  toggle(number) {
    if (number < this.visible.length) this.visible[number] = !this.visible[number];
    this.known.clear();
  }

  colour(pattern) {
    let colour = this.known.get(pattern);
    if (colour === undefined) {
      colour = packedColour(this.mixed(pattern));
      this.known.set(pattern, colour);
    }
    return colour;
  }

  mixed(pattern) {
    if (bitsIn(pattern) === 1) return this.colours[31 - Math.clz32(pattern)];
    return pattern === this.bits ? ALL_DREW : this.mixtures[pattern] || this.several;
  }

  // The colours that are nobody's own, with words.
  legend(names) {
    const all = { text: "all that are shown", colour: ALL_DREW };
    const pairs = Object.entries(this.mixtures).map(([pattern, colour]) => ({
      text: names.filter((_, number) => (pattern >>> number) & 1).join(" + "), colour,
    }));
    if (names.length === 2) return [all];
    return [...(pairs.length ? pairs : [{ text: "several", colour: this.several }]), all];
  }
}

const IS_LITTLE = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

export function packedColour([red, green, blue], alpha = 255) {
  return IS_LITTLE
    ? ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0
    : ((red << 24) | (green << 16) | (blue << 8) | alpha) >>> 0;
}
