/** Where what can be pressed stands, and since when: a press on what has only just come there was meant for another. */

/** Who presses sooner may have aimed at what was there before. */
export const STEADY_MS = 1_000;
/** Less is the same place. */
const SAME_PX = 2;

/**
 * Where each stands and since when, by its key.
 * @param before What this returned the last time; a Map that is empty at first.
 * @param tops Where each is now, by its key, px.
 * @param isScroll Whether the user has scrolled: what moves by that, or comes into view, is where they want it.
 */
export function standing(before, tops, nowMs, isScroll = false) {
  return new Map([...tops].map(([key, top]) => {
    const known = before.get(key);
    const isThere = known !== undefined && Math.abs(known.top - top) < SAME_PX;
    if (isThere) return [key, known];
    return [key, { top, sinceMs: isScroll ? known?.sinceMs ?? -Infinity : nowMs }];
  }));
}

/** Whether a press on it counts. */
export function isSteady(stands, key, nowMs) {
  const known = stands.get(key);
  return known !== undefined && nowMs - known.sinceMs >= STEADY_MS;
}

/** Questions as they stand below one another: the last one's place is fixed, so that new ones come above the others. */
export function inPlace(shown, keys) {
  const open = new Set(keys);
  const before = new Set(shown);
  return [...keys.filter((key) => !before.has(key)), ...shown.filter((key) => open.has(key))];
}

/** What others can bring under a pointer by what they say or ask. */
const BUTTONS = ".card .actions :is(.is-main, .is-grave)";

/** The buttons of cards in a part of the page that scrolls. By keyboard one presses what has the focus, wherever it is. */
export class SteadyButtons {
  #element;
  /** See `standing`. */
  #stands = new Map();

  /** Made after whatever else draws the element when it has another size, or was scrolled. */
  constructor(element) {
    this.#element = element;
    element.addEventListener("scroll", () => this.measure(true), { passive: true });
    element.addEventListener("click", (event) => this.#pressed(event), { capture: true });
    new ResizeObserver(() => this.measure()).observe(element);
  }

  /** Notes what has moved: it does nothing for a while. */
  measure(isScroll = false) {
    const nowMs = performance.now();
    const buttons = [...this.#element.querySelectorAll(BUTTONS)];
    const tops = buttons.map((button) => [button, button.getBoundingClientRect().top]);
    this.#stands = standing(this.#stands, tops, nowMs, isScroll);
    for (const button of buttons) {
      const isInert = String(!isSteady(this.#stands, button, nowMs));
      if (button.ariaDisabled !== isInert) button.ariaDisabled = isInert;
    }
  }

  #pressed(event) {
    const button = event.target.closest(BUTTONS);
    if (button === null || event.detail === 0) return;
    this.measure();
    if (!isSteady(this.#stands, button, performance.now())) event.stopPropagation();
  }
}
