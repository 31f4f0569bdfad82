// One image's dispute as a page without a server: it shows, and decides nothing.

import { Palette, unpacked } from "./masks.js";
import { Viewer } from "./viewer.js";

const content = JSON.parse(document.getElementById("content").textContent);
const { image, packed, photo } = content;
const viewer = new Viewer(document.getElementById("view"));
const octets = Uint8Array.from(atob(packed), character => character.charCodeAt(0));
const patterns = unpacked(octets, image.annotators.length, image.width, image.height);
const palette = new Palette(content, image.annotators.length);

function item(text) {
  const node = document.createElement("li");
  const button = document.createElement("button");
  button.textContent = text;
  node.append(button);
  return node;
}

function swatch(colour) {
  const node = document.createElement("span");
  node.className = "swatch";
  node.style.background = `rgb(${colour.join(",")})`;
  return node;
}

function fill(id, nodes) {
  document.getElementById(id).replaceChildren(...nodes);
}

function toggleAnnotator(position) {
  if (position >= image.annotators.length) return;
  palette.toggle(position);
  listAnnotators();
  viewer.redraw();
}

function listAnnotators() {
  fill("annotators", image.annotators.map((annotator, position) => {
    const node = item(`${position + 1}  ${annotator.name}, ${annotator.pixels} px`);
    node.firstChild.prepend(swatch(palette.colours[position]));
    node.firstChild.classList.toggle("off", !palette.visible[position]);
    node.firstChild.addEventListener("click", () => toggleAnnotator(position));
    return node;
  }));
}

function listMixtures() {
  const names = image.annotators.map(annotator => annotator.name);
  fill("mixtures", palette.legend(names).map(({ text, colour }) => {
    const node = document.createElement("li");
    node.textContent = text;
    node.prepend(swatch(colour));
    return node;
  }));
}

function partText(part, number) {
  const { decision } = part;
  const annotator = decision && decision.position !== null
    ? ` ${image.annotators[decision.position].name}` : "";
  const outcome = decision ? `${decision.reviewer}: ${decision.choice}${annotator}`
    : part.settled ? "settled by the majority" : "open";
  const remarks = part.remarks.map(each => `; ${each.reviewer}: ${each.remark}`).join("");
  return `${number + 1}  ${outcome}${remarks}`;
}

document.getElementById("title").textContent = image.image;
listAnnotators();
listMixtures();
fill("parts", image.parts.map((part, number) => {
  const node = item(partText(part, number));
  node.firstChild.addEventListener("click", () => {
    for (const each of image.parts) each.current = each === part;
    viewer.frame(part.box);
  });
  return node;
}));
fill("figures", image.figures.map(figure => {
  const row = document.createElement("tr");
  for (const text of [figure.name, figure.value === null ? "undefined" : figure.value.toFixed(4)]) {
    row.insertCell().textContent = text;
  }
  return row;
}));

viewer.show(patterns, palette, image.parts);
if (photo) {
  const picture = new Image();
  picture.addEventListener("load", () => {
    viewer.photo = picture;
    viewer.redraw();
  });
  picture.src = photo;
}
document.getElementById("outline").addEventListener("change", event => {
  viewer.outline = event.target.checked;
  viewer.redraw();
});
document.getElementById("opacity").addEventListener("input", event => {
  viewer.opacity = Number(event.target.value) / 100;
  viewer.redraw();
});
document.addEventListener("keydown", event => {
  const digit = /^(Digit|Numpad)([1-9])$/.exec(event.code);
  if (digit) toggleAnnotator(Number(digit[2]) - 1);
  if (event.key.toLowerCase() === "f") viewer.fit();
});
let last = null;
viewer.canvas.addEventListener("wheel", event => {
  event.preventDefault();
  const { x, y } = viewer.place(event);
  viewer.zoom(event.deltaY < 0 ? 1 : -1, x, y);
}, { passive: false });
viewer.canvas.addEventListener("pointerdown", event => {
  viewer.canvas.setPointerCapture(event.pointerId);
  last = event;
});
viewer.canvas.addEventListener("pointermove", event => {
  if (!last) return;
  const ratio = viewer.canvas.width / viewer.canvas.clientWidth;
  viewer.pan((event.clientX - last.clientX) * ratio, (event.clientY - last.clientY) * ratio);
  last = event;
});
viewer.canvas.addEventListener("pointerup", () => (last = null));
document.body.dataset.state = "ready";
