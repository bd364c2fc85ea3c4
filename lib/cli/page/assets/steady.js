/** Buttons that others can bring under a pointer: a press on one that has only just come there was meant for another. */

/** Who presses sooner may have aimed at what was there before. */
export const STEADY_MS = 1_000;
/** Less is the same place. */
const SAME_PX = 2;

export class Steady {
  #element;
  #buttons;
  #isFree;
  /** Where each button stands, and since when. */
  #stands = new Map();
  #scrolled;
  #timer;

  /** @param isFree Whether a press by keyboard always counts: one presses what has the focus, wherever it is. */
  constructor(element, buttons, isFree) {
    [this.#element, this.#buttons, this.#isFree] = [element, buttons, isFree];
    element.addEventListener("scroll", () => this.measure(true), { passive: true });
    element.addEventListener("click", (event) => this.#pressed(event), { capture: true });
  }

  /** Notes what has moved: it does nothing for a while. @param isScroll What the user moves is where they want it. */
  measure(isScroll = false) {
    const nowMs = performance.now();
    const before = this.#stands;
    this.#scrolled = this.#element.scrollTop;
    this.#stands = new Map();
    for (const button of this.#element.querySelectorAll(this.#buttons)) {
      const { top } = button.getBoundingClientRect();
      const known = before.get(button);
      const isThere = Math.abs(known?.top - top) < SAME_PX;
      const sinceMs = isThere ? known.sinceMs : isScroll ? known?.sinceMs ?? -Infinity : nowMs;
      this.#stands.set(button, { top: isThere ? known.top : top, sinceMs });
      button.ariaDisabled = String(nowMs - sinceMs < STEADY_MS);
    }
    clearTimeout(this.#timer);
    const isMoving =
      this.#element.querySelector(`:is(${this.#buttons})[aria-disabled="true"]`) !== null;
    if (isMoving) this.#timer = setTimeout(() => this.measure(), STEADY_MS / 4);
  }

  #pressed(event) {
    const button = event.target.closest(this.#buttons);
    if (button === null || this.#isFree && event.detail === 0) return;
    this.measure(this.#element.scrollTop !== this.#scrolled); // the browser tells of it a frame later
    if (button.ariaDisabled === "true") event.stopPropagation();
  }
}
