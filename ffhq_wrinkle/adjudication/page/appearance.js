// Appearance: how much of the masks is seen.

import { showResult } from "./panel.js";
import { element, state, viewer } from "./state.js";

const BLINK_MS = 400;

export function hide(hidden) {
  viewer.hidden = hidden;
  viewer.redraw();
}

export function blink() {
  clearInterval(state.blinking);
  state.blinking = state.blinking ? 0 : setInterval(() => hide(!viewer.hidden), BLINK_MS);
  if (!state.blinking) hide(false);
}

export function toggle(name) {
  element(name).checked = !element(name).checked;
  element(name).dispatchEvent(new Event("change"));
}

export function changeOpacity(step) {
  const slider = element("opacity");
  slider.value = Number(slider.value) + step;
  slider.dispatchEvent(new Event("input"));
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
