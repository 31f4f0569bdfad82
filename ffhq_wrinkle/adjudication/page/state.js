// State: what the page shows, for the modules that change it and those that show it.

import { chosenPixels, pixelsOf } from "./masks.js";
import { Viewer } from "./viewer.js";

export const element = id => document.getElementById(id);
export const viewer = new Viewer(element("view"));
export const state = {
  session: null, reviewer: "", image: null, patterns: null, palette: null, partId: null,
  drawing: null, erases: false, blinking: 0,
};

// The part in question.
export const part = () =>
  state.image && state.image.parts.find(each => each.part === state.partId);

// The box and pixels that hold for a part.
export function resultOf(each) {
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
