// A drawing of whole pixels in a typed array. Strokes on a canvas would have soft edges.

import { runsOf } from "./masks.js";

export class Drawing {
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.pixels = new Uint8Array(width * height);
    this.strokes = []; // for each stroke, the pixels that it changed
    this.undone = [];
    this.stroke = null;
  }

  // Put the pixels of a box in place, as the beginning of the drawing.
  place([top, left, height, width], pixels) {
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        if (pixels[row * width + column]) {
          this.pixels[(top + row) * this.width + left + column] = 1;
        }
      }
    }
  }

  begin(row, column, breadth, value) {
    this.stroke = [];
    this.undone = [];
    this.last = [row, column];
    this.stamp(row, column, breadth, value);
  }

  // Stamp along a line from the last place (Bresenham).
  go(row, column, breadth, value) {
    let [y, x] = this.last;
    const down = Math.abs(row - y), across = Math.abs(column - x);
    const stepY = Math.sign(row - y), stepX = Math.sign(column - x);
    let error = across - down;
    while (y !== row || x !== column) {
      const twice = 2 * error;
      if (twice > -down) {
        error -= down;
        x += stepX;
      }
      if (twice < across) {
        error += across;
        y += stepY;
      }
      this.stamp(y, x, breadth, value);
    }
    this.last = [row, column];
  }

  end() {
    if (this.stroke && this.stroke.length) this.strokes.push(this.stroke);
    this.stroke = null;
  }

  // A disc: the pixels whose centres are within half the breadth of its centre. That is the pixel
  // pointed at, or its upper left corner for an even breadth.
  stamp(row, column, breadth, value) {
    const middle = (breadth - 1) / 2, limit = (breadth / 2) ** 2;
    const top = row - Math.ceil(middle), left = column - Math.ceil(middle);
    for (let down = 0; down < breadth; down++) {
      for (let across = 0; across < breadth; across++) {
        const y = top + down, x = left + across;
        const far = (down - middle) ** 2 + (across - middle) ** 2;
        if (far > limit || y < 0 || x < 0 || y >= this.height || x >= this.width) continue;
        const at = y * this.width + x;
        if (this.pixels[at] !== value) {
          this.pixels[at] = value;
          this.stroke.push(at);
        }
      }
    }
  }

  undo() {
    this.flip(this.strokes, this.undone);
  }

  redo() {
    this.flip(this.undone, this.strokes);
  }

  flip(from, to) {
    const stroke = from.pop();
    if (!stroke) return;
    for (const at of stroke) this.pixels[at] ^= 1;
    to.push(stroke);
  }

  // The smallest box around the drawing and the runs in it.
  record() {
    let top = this.height, left = this.width, bottom = -1, right = -1;
    for (let at = this.pixels.indexOf(1); at >= 0; at = this.pixels.indexOf(1, at + 1)) {
      const row = Math.floor(at / this.width), column = at % this.width;
      top = Math.min(top, row);
      bottom = Math.max(bottom, row);
      left = Math.min(left, column);
      right = Math.max(right, column);
    }
    if (bottom < 0) return { box: [0, 0, 1, 1], runs: [1] };
    const height = bottom - top + 1, width = right - left + 1;
    const pixels = new Uint8Array(height * width);
    for (let row = 0; row < height; row++) {
      const start = (top + row) * this.width + left;
      pixels.set(this.pixels.subarray(start, start + width), row * width);
    }
    return { box: [top, left, height, width], runs: runsOf(pixels) };
  }
}
