import { h } from "preact";
import htm from "htm";

/** Under this name the formatter leaves the templates as they are. */
export const dom = htm.bind(h);

/** @param kind Its class. @param more Other attributes. */
export const button = (label, onClick, kind = "button", more = {}) =>
  h("button", { type: "button", class: kind, onClick, ...more }, label);

const PATHS = {
  attach:
    "M20 11.5 12 19.5a5 5 0 0 1-7-7l8-8a3.3 3.3 0 0 1 4.7 4.7l-8 8a1.7 1.7 0 0 1-2.4-2.4l7.3-7.3",
  close: "M6 6l12 12M18 6 6 18",
  more: "M5 11v2M12 11v2M19 11v2",
  places: "M4 7h16M4 12h16M4 17h16",
  send: "M12 19V5M5.5 11.5 12 5l6.5 6.5",
};

/** A sign on a button, whose label says what it does. */
export const icon = (name) =>
  dom`<svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor"
    stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round"><path d=${
    PATHS[name]
  } /></svg>`;
