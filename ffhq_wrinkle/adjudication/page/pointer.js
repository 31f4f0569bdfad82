// The pointer: it draws, moves the image, chooses parts, and its wheel zooms.

import { element, state, viewer } from "./state.js";

const CLICK_PX = 4; // a pointer that moves less clicks

// The width of the brush in pixels.
export function breadth() {
  return Math.min(99, Math.max(1, Math.round(Number(element("width").value) || 1)));
}

// Listen to the pointer; `choose` gets the id of a part that is clicked on.
export function listenToPointer(choose) {
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

  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, event => {
      if (pointer && pointer.draws && state.drawing) state.drawing.end();
      else if (name === "pointerup" && pointer && pointer.moved < CLICK_PX && state.image
        && !state.drawing) choosePointed(event, choose);
      pointer = null;
    });
  }
}

// A click chooses the part whose box it is in; of several, the smallest.
function choosePointed(event, choose) {
  const { row, column } = viewer.place(event);
  const hit = state.image.parts.filter(({ box: [top, left, height, width] }) =>
    row >= top - 2 && row < top + height + 2 && column >= left - 2 && column < left + width + 2);
  hit.sort((one, other) => one.box[2] * one.box[3] - other.box[2] * other.box[3]);
  if (hit.length) choose(hit[0].part);
}
