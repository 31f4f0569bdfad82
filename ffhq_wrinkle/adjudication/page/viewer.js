// The canvas: photograph, masks and frames of parts, at any zoom. Only what is visible is drawn.
// When zoomed in, a pixel of the image is a square of whole pixels of the screen.

import { packedColour } from "./masks.js";

const ZOOMS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];
const DRAWN = packedColour([255, 255, 255]);
const DECIDED = packedColour([0, 255, 130]);
// Frames differ in their dashes, too, for those who do not see the colours.
const FRAMES = {
  open: { colour: "#ffd400", dashes: [6, 3] },
  decided: { colour: "#00c8a0", dashes: [] },
  settled: { colour: "#a0a0a0", dashes: [1, 3] },
};

export class Viewer {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.overlay = document.createElement("canvas");
    this.opacity = 0.8;
    this.outline = false;
    this.hidden = false; // while masks blink
    this.scale = 1;
    this.left = 0; // where the image's corner is, in pixels of the canvas
    this.top = 0;
    this.parts = [];
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  show(patterns, palette, parts) {
    const isNew = this.patterns === undefined
      || this.patterns.width !== patterns.width || this.patterns.height !== patterns.height;
    this.patterns = patterns;
    this.palette = palette;
    this.parts = parts;
    this.photo = null;
    this.result = null;
    this.drawing = null;
    if (isNew) this.resize();
    this.fit();
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(this.canvas.clientWidth * ratio));
    this.canvas.height = Math.max(1, Math.round(this.canvas.clientHeight * ratio));
    this.redraw();
  }

  get fitting() {
    const { width, height } = this.patterns;
    const scale = Math.min(this.canvas.width / width, this.canvas.height / height);
    return scale < 1 ? scale : Math.max(...ZOOMS.filter(zoom => zoom <= scale));
  }

  fit() {
    if (!this.patterns) return;
    this.scale = this.fitting;
    this.centre(this.patterns.height / 2, this.patterns.width / 2);
  }

  // Show a box with some surroundings.
  frame([top, left, height, width]) {
    const room = Math.min(
      this.canvas.width / (1.6 * width + 40), this.canvas.height / (1.6 * height + 40), 16);
    const scale = room < 1 ? room : Math.max(...ZOOMS.filter(zoom => zoom <= room));
    this.scale = Math.max(scale, this.fitting);
    this.centre(top + height / 2, left + width / 2);
  }

  centre(row, column) {
    this.left = Math.round(this.canvas.width / 2 - column * this.scale);
    this.top = Math.round(this.canvas.height / 2 - row * this.scale);
    this.redraw();
  }

  // Zoom in (steps > 0) or out at a place of the canvas, which keeps its pixel of the image.
  zoom(steps, x = this.canvas.width / 2, y = this.canvas.height / 2) {
    const zooms = [...new Set([this.fitting, 0.5, 0.25, 0.125, ...ZOOMS])].sort((a, b) => a - b)
      .filter(zoom => zoom >= this.fitting || zoom >= 1);
    const before = this.scale;
    const others = zooms.filter(zoom => (steps > 0 ? zoom > before : zoom < before));
    if (!others.length) return;
    this.scale = steps > 0 ? others[0] : others[others.length - 1];
    this.left = Math.round(x - ((x - this.left) * this.scale) / before);
    this.top = Math.round(y - ((y - this.top) * this.scale) / before);
    this.redraw();
  }

  pan(across, down) {
    this.left += Math.round(across);
    this.top += Math.round(down);
    this.redraw();
  }

  // The row and column of the image at a place of the window.
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const ratio = this.canvas.width / box.width;
    const x = (event.clientX - box.left) * ratio, y = (event.clientY - box.top) * ratio;
    return {
      x, y,
      row: Math.floor((y - this.top) / this.scale),
      column: Math.floor((x - this.left) / this.scale),
    };
  }

  redraw() {
    // Where the image is, for programs that drive the page.
    const { scale, left, top } = this;
    Object.assign(this.canvas.dataset, { scale, left, top });
    if (!this.patterns || this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.paint();
    });
  }

  paint() {
    const { context, canvas, patterns, scale } = this;
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (this.photo) {
      context.imageSmoothingEnabled = scale < 1;
      const width = patterns.width * scale, height = patterns.height * scale;
      context.drawImage(this.photo, this.left, this.top, width, height);
    }
    if (!this.hidden) this.paintMasks();
    for (const part of this.parts) this.paintFrame(part);
  }

  paintMasks() {
    const { canvas, patterns, palette, scale } = this;
    const depth = scale >= 1 ? 0
      : Math.min(patterns.levels.length - 1, Math.ceil(Math.log2(1 / scale)));
    const level = patterns.levels[depth], size = scale * 2 ** depth;
    const firstX = Math.max(0, this.left), firstY = Math.max(0, this.top);
    const lastX = Math.min(canvas.width, Math.ceil(this.left + patterns.width * scale));
    const lastY = Math.min(canvas.height, Math.ceil(this.top + patterns.height * scale));
    const width = lastX - firstX, height = lastY - firstY;
    if (width <= 0 || height <= 0) return;
    const picture = new ImageData(width, height);
    const colours = new Uint32Array(picture.data.buffer);
    const columns = new Int32Array(width);
    for (let x = 0; x < width; x++) {
      columns[x] = Math.min(level.width - 1, Math.floor((firstX + x - this.left) / size));
    }
    const visible = palette.bits;
    const only = this.drawing ? this.drawing.pixels : this.result;
    const colour = this.drawing ? DRAWN : DECIDED;
    let before = -1;
    for (let y = 0; y < height; y++) {
      const row = Math.min(level.height - 1, Math.floor((firstY + y - this.top) / size));
      const start = y * width;
      if (row === before) {
        colours.copyWithin(start, start - width, start);
        continue;
      }
      before = row;
      for (let x = 0; x < width; x++) {
        const at = row * level.width + columns[x];
        let pattern = level.values[at] & visible;
        if (pattern && (this.outline || this.drawing)) {
          pattern &= ~inside(level, row, columns[x]);
        }
        if (pattern) colours[start + x] = palette.colour((level.least[at] & pattern) || pattern);
        if (only && anyOf(only, patterns, row, columns[x], depth)) colours[start + x] = colour;
      }
    }
    this.overlay.width = width;
    this.overlay.height = height;
    this.overlay.getContext("2d").putImageData(picture, 0, 0);
    this.context.globalAlpha = this.opacity;
    this.context.drawImage(this.overlay, firstX, firstY);
    this.context.globalAlpha = 1;
  }

  paintFrame(part) {
    const [top, left, height, width] = part.box;
    const { context, scale } = this, edge = part.current ? 4 : 2;
    const state = part.decision ? "decided" : part.settled ? "settled" : "open";
    context.strokeStyle = FRAMES[state].colour;
    context.lineWidth = part.current ? 3 : 1;
    context.setLineDash(FRAMES[state].dashes);
    context.strokeRect(
      Math.round(this.left + left * scale) - edge - 0.5,
      Math.round(this.top + top * scale) - edge - 0.5,
      Math.round(width * scale) + 2 * edge + 1,
      Math.round(height * scale) + 2 * edge + 1,
    );
  }
}

// The bits of those who drew on all four sides of a pixel.
function inside({ width, height, values }, row, column) {
  if (row === 0 || column === 0 || row === height - 1 || column === width - 1) return 0;
  const at = row * width + column;
  return values[at - 1] & values[at + 1] & values[at - width] & values[at + width];
}

// Whether any pixel of the image is set that a pixel of a level stands for.
function anyOf(pixels, { width, height }, row, column, depth) {
  if (!depth) return pixels[row * width + column];
  const size = 1 << depth;
  const bottom = Math.min(height, (row + 1) * size), right = Math.min(width, (column + 1) * size);
  for (let y = row * size; y < bottom; y++) {
    for (let x = column * size; x < right; x++) {
      if (pixels[y * width + x]) return 1;
    }
  }
  return 0;
}
