// The panel beside the image. Names come from other people: text, never HTML.

import { Drawing } from "./drawing.js";
import { element, part, resultOf, state, viewer } from "./state.js";

let choose = () => {}; // what a click on a choice does

export function onChoice(action) {
  choose = action;
}

export function say(text, isError = false) {
  element("message").textContent = text;
  element("message").className = isError ? "error" : "";
}

export function mark(name) {
  document.body.dataset.state = name;
}

// How long the page took, for programs that drive it; frames are painted before the next task.
export function timed(what, since) {
  requestAnimationFrame(() => setTimeout(() => {
    document.body.dataset[`${what}Ms`] = Math.round(performance.now() - since);
  }));
}

function made(tag, text, attributes = {}) {
  const node = document.createElement(tag);
  node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function swatch(colour) {
  const node = made("span", "", { class: "swatch" });
  node.style.background = `rgb(${colour.join(",")})`;
  return node;
}

export function toggleAnnotator(position) {
  if (!state.image || position >= state.image.annotators.length) return;
  state.palette.toggle(position);
  listAnnotators();
  viewer.redraw();
}

// The colours of what several drew, for which the annotators' own buttons have no room.
function listMixtures() {
  const names = state.image.annotators.map(annotator => annotator.name);
  element("mixtures").replaceChildren(...state.palette.legend(names).map(({ text, colour }) => {
    const item = made("li", text);
    item.prepend(swatch(colour));
    return item;
  }));
}

export function listAnnotators() {
  const items = state.image.annotators.map((annotator, position) => {
    const item = made("li", "");
    const number = String(position + 1); // which is also the name that --blind shows
    const name = annotator.name === number ? number : `${number}  ${annotator.name}`;
    const button = made("button", `${name}, ${annotator.pixels} px`);
    button.prepend(swatch(state.palette.colours[position]));
    button.classList.toggle("off", !state.palette.visible[position]);
    button.addEventListener("click", () => toggleAnnotator(position));
    item.append(button);
    return item;
  });
  element("annotators").replaceChildren(...items);
  listMixtures();
}

export function listFigures() {
  element("figures").replaceChildren(...state.image.figures.map(figure => {
    const row = made("tr", "");
    const value = figure.value === null ? "undefined" : figure.value.toFixed(4);
    row.append(made("td", figure.name), made("td", value));
    return row;
  }));
}

export function listKeys(keys) {
  element("keys").replaceChildren(
    ...keys.flatMap(([key, meaning]) => [made("dt", key), made("dd", meaning)]));
}

export function showProgress(progress) {
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

export function showPart() {
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
    const key = position < 9 ? ` (Shift+${position + 1})` : "";
    const button = choiceButton(`${annotator.name}${key}`, "annotator", position);
    button.prepend(swatch(state.palette.colours[position]));
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
  button.addEventListener("click", () => choose(choice, position));
  return button;
}

export function showResult() {
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
