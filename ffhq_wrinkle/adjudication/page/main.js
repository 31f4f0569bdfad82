// The page of a review: one image at a time, part by part. The server keeps all state; the page
// shows what it answers, and says "saved" only after the server has.

import { Drawing } from "./drawing.js";
import { chosenPixels, Palette, pixelsOf, unpacked } from "./masks.js";
import { get, getBytes, picture, post, Refusal } from "./requests.js";
import { Viewer } from "./viewer.js";

const RENEWAL_MS = 20000, BLINK_MS = 400;
const element = id => document.getElementById(id);
const viewer = new Viewer(element("view"));
const state = {
  session: null, reviewer: "", image: null, patterns: null, palette: null, partId: null,
  drawing: null, erases: false, blinking: 0,
};

// What keys do, as the list under "Keys" shows them.
const KEYS = [
  ["Enter", "take the majority and go on; save a drawing", () => enter()],
  ["Shift+1 ... 9", "take what this annotator drew", null],
  ["U", "take what anybody drew", () => decide("union")],
  ["X", "take nothing", () => decide("nothing")],
  ["D", "draw", () => startDrawing()],
  ["1 ... 9", "show or hide an annotator", null],
  ["Space", "hide the masks, or show them again", () => hide(!viewer.hidden)],
  ["L", "blink", () => blink()],
  ["O", "outline only", () => toggle("outline")],
  ["R", "what is decided", () => toggle("result")],
  ["[", "less opaque", () => changeOpacity(-10)],
  ["]", "more opaque", () => changeOpacity(10)],
  ["+", "zoom in", () => viewer.zoom(1)],
  ["-", "zoom out", () => viewer.zoom(-1)],
  ["F", "the whole image", () => viewer.fit()],
  ["G", "the part in question", () => viewer.frame(part().box)],
  ["N", "next part", () => step(1)],
  ["P", "previous part", () => step(-1)],
  ["I", "next image", () => nextImage()],
  ["T", "leave a remark", () => remark()],
  ["Z", "undo", () => undo("undo")],
  ["Y", "redo", () => undo("redo")],
  ["B", "brush (while drawing)", () => setTool(false)],
  ["E", "eraser (while drawing)", () => setTool(true)],
  [",", "narrower brush", () => changeWidth(-1)],
  [".", "wider brush", () => changeWidth(1)],
  ["Escape", "leave the drawing", () => leaveDrawing()],
];
const ACTIONS = new Map(KEYS.map(([key, , action]) => [key.toLowerCase(), action]));
ACTIONS.set(" ", ACTIONS.get("space"));
ACTIONS.set("=", ACTIONS.get("+"));
const NEED_NO_IMAGE = new Set(["z", "y", "i"]);

// One action after the other: a key that is pressed while a decision is saved waits for it.
let last = Promise.resolve();
function queued(action) {
  last = last.then(async () => {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      say(error.message, true);
      if (!state.image) return;
      if (error.status === 409) await reload();
      mark("ready");
    }
  });
  return last;
}

function say(text, isError = false) {
  element("message").textContent = text;
  element("message").className = isError ? "error" : "";
}

function mark(name) {
  document.body.dataset.state = name;
}

async function begin() {
  state.session = await get("api/session");
  const asked = new URLSearchParams(location.search).get("reviewer");
  state.reviewer = asked || state.session.reviewer || (await askName());
  listKeys();
  await nextImage();
}

function askName() {
  const dialog = element("name-dialog");
  dialog.showModal();
  return new Promise(resolve => {
    dialog.addEventListener("close", () => {
      const name = element("name").value.trim();
      history.replaceState(null, "", `?reviewer=${encodeURIComponent(name)}`);
      resolve(name);
    }, { once: true });
  });
}

async function nextImage() {
  leaveDrawing();
  const query = { reviewer: state.reviewer };
  if (state.image) query.after = state.image.image;
  const next = await get("api/next", query);
  if (next.image === null) {
    showProgress(next.progress);
    if (state.image) await reload();
    say("Every part is decided. Ctrl-C in the terminal writes the tables and ends.");
    mark("done");
    return;
  }
  await showImage(next.image);
}

const path = image => `api/images/${encodeURIComponent(image)}`;

async function showImage(image, partId = null) {
  const since = performance.now();
  mark("loading");
  const photo = state.session.photos ? picture(`${path(image)}/photo`) : null;
  if (photo) photo.catch(() => {}); // which showPhoto reports
  const [described, packed] = await Promise.all([
    get(path(image), { reviewer: state.reviewer }), getBytes(`${path(image)}/masks`),
  ]);
  const annotators = described.annotators.length;
  state.image = described;
  state.patterns = unpacked(packed, annotators, described.width, described.height);
  state.palette = new Palette(state.session.colours);
  viewer.show(state.patterns, state.palette, described.parts);
  if (photo) showPhoto(image, photo, since);
  element("title").textContent = described.image;
  document.title = `Review ${described.image}`;
  listAnnotators();
  listFigures();
  showProgress(described.progress);
  await choosePart(partId || firstOpen());
  timed("view", since);
}

// How long the page took, for programs that drive it; frames are painted before the next task.
function timed(what, since) {
  requestAnimationFrame(() => setTimeout(() => {
    document.body.dataset[`${what}Ms`] = Math.round(performance.now() - since);
  }));
}

async function showPhoto(image, photo, since) {
  try {
    const bitmap = await photo;
    if (state.image.image === image) {
      viewer.photo = bitmap;
      viewer.redraw();
      document.body.dataset.photo = image;
      timed("photo", since);
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    say(error.message, true);
  }
}

// Ask the server again, and stay at the part.
async function reload() {
  const described = await get(path(state.image.image), { reviewer: state.reviewer });
  state.image = described;
  viewer.parts = described.parts;
  showProgress(described.progress);
  showPart();
}

const part = () => state.image && state.image.parts.find(each => each.part === state.partId);
const isOpen = each => !each.settled && !each.decision && !each.claimed;

function firstOpen() {
  const { parts } = state.image;
  const chosen = parts.find(isOpen) || parts.find(each => !each.settled && !each.decision)
    || parts.find(each => !each.settled) || parts[0];
  return chosen ? chosen.part : null;
}

// The next open part behind the present one, by its place, since the list does not shrink.
function nextOpen() {
  const { parts } = state.image;
  const here = parts.findIndex(each => each.part === state.partId);
  const behind = [...parts.slice(here + 1), ...parts.slice(0, here + 1)];
  const next = behind.find(isOpen);
  return next ? next.part : null;
}

async function step(direction) {
  const { parts } = state.image;
  if (!parts.length) return;
  leaveDrawing();
  const here = parts.findIndex(each => each.part === state.partId);
  const there = (here + direction + parts.length) % parts.length;
  await choosePart(parts[there].part);
}

async function choosePart(partId) {
  state.partId = partId;
  showPart();
  if (partId) viewer.frame(part().box);
  await claim();
  mark("ready");
}

async function claim() {
  const here = part();
  if (!here || here.settled) return;
  const about = { reviewer: state.reviewer, image: state.image.image, part: here.part };
  try {
    await post("api/claims", about);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    say(error.message, true);
    if (error.status === 409) await reload(); // which shows who has claimed what
  }
}

setInterval(() => {
  if (state.image && document.visibilityState === "visible") claim();
}, RENEWAL_MS);

function shown() {
  return {
    visible: state.palette.visible, photo: viewer.photo !== null, outline: viewer.outline,
    opacity: viewer.opacity, zoom: viewer.scale,
  };
}

function enter() {
  return state.drawing ? saveDrawing() : decide("majority");
}

async function decide(choice, more = {}) {
  const here = part();
  if (!here) return;
  leaveDrawing();
  mark("saving");
  const since = performance.now();
  const answer = await post("api/decisions", {
    reviewer: state.reviewer, image: state.image.image, part: here.part, basis: here.basis,
    choice, shown: shown(), ...more,
  });
  document.body.dataset.savedMs = Math.round(performance.now() - since);
  put(answer);
  say("saved");
  await goOn();
}

function put(answer) {
  const { parts } = state.image;
  const place = parts.findIndex(each => each.part === answer.part.part);
  parts[place] = answer.part;
  state.image.undo = answer.undo;
  state.image.redo = answer.redo;
  showProgress(answer.progress);
}

async function goOn() {
  for (let next = nextOpen(); next; next = nextOpen()) {
    await choosePart(next);
    if (!part().claimed) return;
  }
  await nextImage();
}

function takeAnnotator(position) {
  if (position < state.image.annotators.length) return decide("annotator", { position });
}

async function undo(action) {
  if (state.drawing) {
    state.drawing[action]();
    viewer.redraw();
    return;
  }
  mark("saving");
  let moved;
  try {
    moved = await post(`api/${action}`, { reviewer: state.reviewer });
  } finally {
    mark("ready");
  }
  say(action === "undo" ? "taken back" : "restored");
  if (moved.image && (!state.image || moved.image !== state.image.image)) {
    await showImage(moved.image, moved.part);
  } else if (state.image) {
    await reload();
    const isHere = state.image.parts.some(each => each.part === moved.part);
    await choosePart(isHere ? moved.part : firstOpen());
  }
}

async function remark() {
  const here = part();
  if (!here) return;
  const dialog = element("remark-dialog");
  const own = here.remarks.find(each => each.reviewer === state.reviewer);
  element("remark").value = own ? own.remark : "";
  dialog.returnValue = "leave";
  dialog.showModal();
  await new Promise(resolve => dialog.addEventListener("close", resolve, { once: true }));
  if (dialog.returnValue !== "save") return;
  mark("saving");
  put(await post("api/remarks", {
    reviewer: state.reviewer, image: state.image.image, part: here.part,
    remark: element("remark").value,
  }));
  say("saved");
  showPart();
  mark("ready");
}

// Drawing begins with what is decided on the part, or with the majority.

function startDrawing() {
  const here = part();
  if (!here || state.drawing) return;
  state.drawing = new Drawing(state.patterns.width, state.patterns.height);
  const { box, pixels } = resultOf(here);
  state.drawing.place(box, pixels);
  viewer.drawing = state.drawing;
  element("drawing").hidden = false;
  document.body.dataset.mode = "drawing";
  setTool(false);
  viewer.redraw();
}

function leaveDrawing() {
  state.drawing = null;
  viewer.drawing = null;
  element("drawing").hidden = true;
  delete document.body.dataset.mode;
  viewer.redraw();
}

function saveDrawing() {
  if (state.drawing) return decide("drawn", { drawn: state.drawing.record() });
}

function setTool(erases) {
  state.erases = erases;
  element("brush").classList.toggle("active", !erases);
  element("eraser").classList.toggle("active", erases);
}

function breadth() {
  return Math.min(99, Math.max(1, Math.round(Number(element("width").value) || 1)));
}

function changeWidth(step) {
  element("width").value = Math.min(99, Math.max(1, breadth() + step));
}

// The box and pixels that hold for a part.
function resultOf(each) {
  const { decision } = each;
  if (decision && decision.choice === "drawn") {
    const { box, runs } = decision.drawn;
    return { box, pixels: pixelsOf(runs, box[2] * box[3]) };
  }
  const choice = decision ? decision.choice : "majority";
  const position = decision ? decision.position : null;
  const annotators = state.image.annotators.length;
  return {
    box: each.box, pixels: chosenPixels(each, state.patterns, annotators, choice, position),
  };
}

function showResult() {
  viewer.result = null;
  if (element("result").checked && state.image) {
    const whole = new Drawing(state.patterns.width, state.patterns.height);
    for (const each of state.image.parts) {
      if (each.settled || each.decision) {
        const { box, pixels } = resultOf(each);
        whole.place(box, pixels);
      }
    }
    viewer.result = whole.pixels;
  }
  viewer.redraw();
}

function hide(hidden) {
  viewer.hidden = hidden;
  viewer.redraw();
}

function blink() {
  clearInterval(state.blinking);
  state.blinking = state.blinking ? 0 : setInterval(() => hide(!viewer.hidden), BLINK_MS);
  if (!state.blinking) hide(false);
}

function toggle(name) {
  element(name).checked = !element(name).checked;
  element(name).dispatchEvent(new Event("change"));
}

function changeOpacity(step) {
  const slider = element("opacity");
  slider.value = Number(slider.value) + step;
  slider.dispatchEvent(new Event("input"));
}

function toggleAnnotator(position) {
  if (!state.image || position >= state.image.annotators.length) return;
  state.palette.toggle(position);
  listAnnotators();
  viewer.redraw();
}

// What stands beside the image. Names come from other people: text, never HTML.

function made(tag, text, attributes = {}) {
  const node = document.createElement(tag);
  node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function swatch(position) {
  const node = made("span", "", { class: "swatch" });
  node.style.background = `rgb(${state.palette.colours[position].join(",")})`;
  return node;
}

function listAnnotators() {
  const items = state.image.annotators.map((annotator, position) => {
    const item = made("li", "");
    const button = made("button", `${position + 1}  ${annotator.name}, ${annotator.pixels} px`);
    button.prepend(swatch(position));
    button.classList.toggle("off", !state.palette.visible[position]);
    button.addEventListener("click", () => toggleAnnotator(position));
    item.append(button);
    return item;
  });
  element("annotators").replaceChildren(...items);
}

function listFigures() {
  element("figures").replaceChildren(...state.image.figures.map(figure => {
    const row = made("tr", "");
    const value = figure.value === null ? "undefined" : figure.value.toFixed(4);
    row.append(made("td", figure.name), made("td", value));
    return row;
  }));
}

function listKeys() {
  element("keys").replaceChildren(
    ...KEYS.flatMap(([key, meaning]) => [made("dt", key), made("dd", meaning)]));
}

function showProgress(progress) {
  const open = state.image
    ? state.image.parts.filter(each => !each.settled && !each.decision).length : 0;
  const disputed = state.image ? state.image.parts.filter(each => !each.settled).length : 0;
  const people = Object.entries(progress.reviewers).map(([name, count]) => `${name} ${count}`);
  element("progress").textContent =
    `parts of this image: ${disputed - open} of ${disputed}; ` +
    `images: ${progress.images_done} of ${progress.images}` +
    (people.length ? `; decided: ${people.join(", ")}` : "");
}

function described(decision) {
  const annotator = decision.position === null ? ""
    : ` ${state.image.annotators[decision.position].name}`;
  return `${decision.reviewer}: ${decision.choice}${annotator}`;
}

function showPart() {
  const here = part();
  for (const each of state.image.parts) each.current = each === here;
  document.body.dataset.image = state.image.image;
  document.body.dataset.part = here ? here.part : "";
  element("undo").disabled = !state.image.undo;
  element("redo").disabled = !state.image.redo;
  element("choices").replaceChildren();
  element("remarks").replaceChildren();
  element("decision").textContent = "";
  showResult();
  if (!here) {
    element("part-title").textContent = "Nobody drew anything.";
    return;
  }
  const place = state.image.parts.indexOf(here) + 1;
  element("part-title").textContent = `Part ${place} of ${state.image.parts.length}`;
  element("decision").textContent = here.decision ? described(here.decision)
    : here.claimed ? `${here.claimed} is looking at this part`
      : here.settled ? "settled by the majority" : "open";
  const choices = [
    ["majority (Enter)", "majority"], ["what anybody drew (U)", "union"],
    ["nothing (X)", "nothing"],
  ].map(([text, choice]) => choiceButton(text, choice, null));
  const own = state.image.annotators.map((annotator, position) => {
    const button = choiceButton(`${annotator.name} (Shift+${position + 1})`, "annotator", position);
    button.prepend(swatch(position));
    return button;
  });
  const draw = choiceButton("draw (D)", "drawn", null);
  element("choices").replaceChildren(choices[0], ...own, choices[1], choices[2], draw);
  element("remarks").replaceChildren(
    ...here.remarks.map(each => made("li", `${each.reviewer}: ${each.remark}`)));
}

function choiceButton(text, choice, position) {
  const button = made("button", text);
  const { decision } = part();
  button.classList.toggle("chosen", decision !== null && decision.choice === choice
    && decision.position === position);
  button.addEventListener("click", () => queued(() => {
    if (choice === "drawn") return startDrawing();
    return choice === "annotator" ? takeAnnotator(position) : decide(choice);
  }));
  return button;
}

// Keys and pointer.

document.addEventListener("keydown", event => {
  const typing = event.target.closest("dialog, textarea, input[type=number], summary");
  if (typing || event.altKey || document.querySelector("dialog[open]")) return;
  const digit = /^(Digit|Numpad)([1-9])$/.exec(event.code);
  let action = null;
  if (event.ctrlKey || event.metaKey) {
    const key = event.key.toLowerCase();
    if (key === "z") action = () => undo(event.shiftKey ? "redo" : "undo");
    if (key === "y") action = () => undo("redo");
  } else if (digit) {
    const position = Number(digit[2]) - 1;
    action = event.shiftKey ? () => takeAnnotator(position) : () => toggleAnnotator(position);
  } else {
    action = ACTIONS.get(event.key.toLowerCase());
  }
  if (!action || !(state.image || NEED_NO_IMAGE.has(event.key.toLowerCase()))) return;
  event.preventDefault();
  queued(action);
});

let pointer = null;
const canvas = viewer.canvas;

canvas.addEventListener("wheel", event => {
  event.preventDefault();
  const { x, y } = viewer.place(event);
  viewer.zoom(event.deltaY < 0 ? 1 : -1, x, y);
}, { passive: false });

canvas.addEventListener("pointerdown", event => {
  canvas.setPointerCapture(event.pointerId);
  const draws = state.drawing && event.button === 0 && !event.shiftKey;
  pointer = { draws, x: event.clientX, y: event.clientY, moved: 0 };
  if (draws) {
    const { row, column } = viewer.place(event);
    state.drawing.begin(row, column, breadth(), state.erases ? 0 : 1);
    viewer.redraw();
  }
});

canvas.addEventListener("pointermove", event => {
  if (!pointer) return;
  if (pointer.draws && state.drawing) {
    for (const each of event.getCoalescedEvents?.() ?? [event]) {
      const { row, column } = viewer.place(each);
      state.drawing.go(row, column, breadth(), state.erases ? 0 : 1);
    }
    viewer.redraw();
    return;
  }
  const ratio = canvas.width / canvas.clientWidth;
  const across = event.clientX - pointer.x, down = event.clientY - pointer.y;
  pointer.moved += Math.abs(across) + Math.abs(down);
  pointer.x = event.clientX;
  pointer.y = event.clientY;
  viewer.pan(across * ratio, down * ratio);
});

canvas.addEventListener("pointerup", event => {
  if (pointer && pointer.draws && state.drawing) state.drawing.end();
  else if (pointer && pointer.moved < 4 && state.image && !state.drawing) choosePointed(event);
  pointer = null;
});

// A click chooses the part whose box it is in; of several, the smallest.
function choosePointed(event) {
  const { row, column } = viewer.place(event);
  const hit = state.image.parts.filter(({ box: [top, left, height, width] }) =>
    row >= top - 2 && row < top + height + 2 && column >= left - 2 && column < left + width + 2);
  hit.sort((one, other) => one.box[2] * one.box[3] - other.box[2] * other.box[3]);
  if (hit.length) queued(() => choosePart(hit[0].part));
}

for (const [id, action] of [
  ["undo", () => undo("undo")], ["redo", () => undo("redo")], ["previous", () => step(-1)],
  ["next", () => step(1)], ["next-image", nextImage], ["remark-button", remark],
  ["brush", () => setTool(false)], ["eraser", () => setTool(true)],
  ["save-drawing", saveDrawing], ["leave-drawing", leaveDrawing],
]) {
  element(id).addEventListener("click", () => {
    element(id).blur();
    queued(action);
  });
}
element("outline").addEventListener("change", event => {
  viewer.outline = event.target.checked;
  viewer.redraw();
});
element("result").addEventListener("change", showResult);
element("opacity").addEventListener("input", event => {
  viewer.opacity = Number(event.target.value) / 100;
  viewer.redraw();
});

queued(begin);
