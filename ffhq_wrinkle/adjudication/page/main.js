// The page of a review: one image at a time, part by part. The server keeps all state; the page
// shows what it answers, and says "saved" only after the server has.

import { blink, changeOpacity, hide, toggle } from "./appearance.js";
import { Drawing } from "./drawing.js";
import { Palette, unpacked } from "./masks.js";
import {
  listAnnotators, listFigures, listKeys, mark, onChoice, say, showPart, showProgress, timed,
  toggleAnnotator,
} from "./panel.js";
import { breadth, listenToPointer } from "./pointer.js";
import { get, getBytes, picture, post, Refusal } from "./requests.js";
import { element, part, resultOf, state, viewer } from "./state.js";

const RENEWAL_MS = 20000;
const UNREADABLE = 422; // the status of an image that cannot be read any more

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

async function begin() {
  state.session = await get("api/session");
  listKeys(KEYS);
  const named = new URLSearchParams(location.search).get("reviewer");
  state.reviewer = named || state.session.reviewer || (await askName());
  while (!(await isAccepted(state.reviewer))) state.reviewer = await askName();
  await nextImage();
}

async function isAccepted(reviewer) {
  try {
    await get("api/progress", { reviewer });
    say("");
    return true;
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 400) throw error;
    say(error.message, true);
    return false;
  }
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
  const unreadable = new Set();
  for (;;) {
    const next = await get("api/next", query);
    if (next.image === null || unreadable.has(next.image)) {
      await finish(next.progress, [...unreadable]);
      return;
    }
    try {
      await showImage(next.image);
      return;
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== UNREADABLE) throw error;
      say(error.message, true);
      unreadable.add(next.image);
      query.after = next.image;
    }
  }
}

async function finish(progress, unreadable) {
  showProgress(progress);
  if (state.image && !unreadable.includes(state.image.image)) await reload();
  const parts = unreadable.length ? `Cannot be read: ${unreadable.join(", ")}. Every other part`
    : "Every part";
  say(`${parts} is decided. Ctrl-C in the terminal writes the tables and ends.`);
  mark("done");
}

async function showImage(image, partId = null) {
  const since = performance.now();
  mark("loading");
  const photo = state.session.photos ? picture("api/photo", { image }) : null;
  if (photo) photo.catch(() => {}); // which showPhoto reports
  const [described, packed] = await Promise.all([
    get("api/image", { image, reviewer: state.reviewer }), getBytes("api/masks", { image }),
  ]);
  const annotators = described.annotators.length;
  state.image = described;
  state.patterns = unpacked(packed, annotators, described.width, described.height);
  state.palette = new Palette(state.session, annotators);
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
  const query = { image: state.image.image, reviewer: state.reviewer };
  const described = await get("api/image", query);
  state.image = described;
  viewer.parts = described.parts;
  showProgress(described.progress);
  showPart();
}

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
  mark("saving");
  const since = performance.now();
  const answer = await post("api/decisions", {
    reviewer: state.reviewer, image: state.image.image, part: here.part, basis: here.basis,
    choice, shown: shown(), ...more,
  });
  document.body.dataset.savedMs = Math.round(performance.now() - since);
  leaveDrawing(); // not before: a drawing that was not saved stays
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

function changeWidth(step) {
  element("width").value = Math.min(99, Math.max(1, breadth() + step));
}

// Keys, pointer and buttons.

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

listenToPointer(partId => queued(() => choosePart(partId)));
onChoice((choice, position) => queued(() => {
  if (choice === "drawn") return startDrawing();
  return choice === "annotator" ? takeAnnotator(position) : decide(choice);
}));
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
queued(begin);
