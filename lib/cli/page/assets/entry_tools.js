/**
 * The buttons of a group's entries: one stop of Tab for all of them, as they may be hundreds; arrows lead from one to the
 * next.
 */

/** The stop is where one is, or else at the last entry that is seen. */
export function keepOneStop(list) {
  const all = [...list.querySelectorAll(".said-tools button")];
  if (all.length === 0) return;
  const { bottom } = list.getBoundingClientRect();
  const stop = all.find((button) => button === document.activeElement) ??
    all.findLast((button) => isFirst(button) && button.getBoundingClientRect().top < bottom);
  for (const button of all) {
    const tabIndex = button === stop ? 0 : -1;
    if (button.tabIndex !== tabIndex) button.tabIndex = tabIndex;
  }
}

const isFirst = (button) => button.previousElementSibling === null;

/** By key: how many buttons, and how many entries further. */
const STEPS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** A key was pressed at one of them. */
export function goOn(event, list) {
  const { key, target, altKey } = event;
  const here = target.closest?.(".said-tools");
  if (altKey || !here || !Object.hasOwn(STEPS, key)) return;
  event.preventDefault();
  const [buttons, entries] = STEPS[key];
  const all = [...list.querySelectorAll(".said-tools")];
  const there = all[all.indexOf(here) + entries]?.children;
  const at = [...here.children].indexOf(target) + buttons;
  there?.[Math.min(at, there.length - 1)]?.focus();
  keepOneStop(list);
}
