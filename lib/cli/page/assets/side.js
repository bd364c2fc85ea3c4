/** On a narrow screen: the list of conversations and people, above the page. */

const $ = (id) => document.getElementById(id);

export function isSideOpen() {
  return $("app").classList.contains("is-open");
}

export function openSide() {
  $("app").classList.add("is-open");
  $("main").inert = true;
  $("shade").hidden = false;
  $("open-side").setAttribute("aria-expanded", "true");
  $("close-side").focus();
}

/** As in `page.css`: up to this width the list is above the page. */
const NARROW = "(max-width: 699px)";

/** Where the window has become wide, as when a phone is turned, the list is beside the page, and hides nothing. */
export function followWidth() {
  matchMedia(NARROW).addEventListener("change", ({ matches }) => {
    if (!matches) closeSide();
  });
}

export function closeSide() {
  if (!isSideOpen()) return;
  $("app").classList.remove("is-open");
  $("main").inert = false;
  $("shade").hidden = true;
  $("open-side").setAttribute("aria-expanded", "false");
  $("open-side").focus();
}
