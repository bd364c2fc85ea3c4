/** A file that somebody offers: what it is, how far it is, and what can be done with it. */

import { copyButton, h, icon } from "./dom.js";
import { shownName, visible } from "./harmless.js";
import { sizeText } from "./phrases.js";
import { peopleOf } from "./places.js";
import { isCallWith } from "./typed.js";

export function offerElement(item, context) {
  const { act } = context;
  const { name, size, state: how, bytes } = item.data;
  const isFetching = how === "started" || how === "progress";
  const actions = actionsOf(item, act, isFetching);
  return h(
    "div",
    { class: "card is-file" },
    h(
      "div",
      { class: "file" },
      h("span", { class: "file-sign" }, icon("file")),
      h(
        "div",
        { class: "file-text" },
        h("h2", { class: "file-name" }, h("bdi", {}, visible(name))),
        h("p", { class: "file-state" }, sizeText(size), stateOf(item, context)),
      ),
      actions.length === 0 ? null : h("div", { class: "actions" }, actions),
    ),
    isFetching
      ? h("progress", {
        max: Math.max(size, 1),
        value: bytes,
        "aria-label": `Downloading ${visible(name)}`,
      })
      : null,
  );
}

function actionsOf(item, act, isFetching) {
  const { file, name, self, state: how, reason, path, unfetchable } = item.data;
  const shown = visible(name);
  const get = () => act.file(item, { command: "get", n: file });
  const cancel = () => act.file(item, { command: "cancel", n: file });
  if (isFetching) return [button("Stop", `Stop: ${shown}`, cancel)];
  if (self) return how === "offered" ? [button("Take back", `Take back ${shown}`, cancel)] : [];
  switch (how) {
    case "offered":
      return [
        ...(unfetchable ? [] : [button("Download", `Download ${shown}`, get, " is-main")]),
        button("No, thanks", `No, thanks: ${shown}`, cancel),
      ];
    case "failed":
      if (reason === "withdrawn" || reason === "changed") return []; // nobody has it any more
      if (reason === "waits") return [button("Stop", `Stop: ${shown}`, cancel)]; // it goes on by itself
      // falls through
    case "cancelled":
      if (reason === "declined") return [button("Download", `Download ${shown}`, get)];
      return [button("Try again", `Download ${shown} again`, get, " is-main")];
    case "done":
      return path === undefined ? [] : [copyButton(path, shown, "Copy path")];
    default:
      return [];
  }
}

/** A path, which on a phone is wider than its place: it is broken where a folder ends. */
function pathElement(path) {
  const parts = visible(path).split(/(?<=[/\\])/);
  return h("code", {}, parts.map((part, at) => at === 0 ? part : [h("wbr"), part]));
}

function button(text, label, onclick, more = "") {
  const attributes = { type: "button", class: `button is-slim${more}`, "aria-label": label };
  return h("button", { ...attributes, onclick }, text);
}

const REASONS = {
  changed: "it is no longer what was offered",
  withdrawn: "the offer was taken back",
  "no-holder": "nobody who has it could be reached",
  waits: "waits for other files, then goes on by itself",
  disk: "the disk refused",
};

/**
 * What a file that was begun waits for, which one person alone has; empty: for nothing that is known here. Others of a room
 * may have what was offered to all.
 */
export function goesOnText({ from, data }, { state, place }) {
  if (data.state !== "started" && data.state !== "progress") return "";
  if (place.type === "call") return isCallWith(state, place) ? "" : ", goes on in your next call";
  const person = peopleOf(state, place).get(from);
  const isThere = person !== undefined && person.connected !== false;
  return place.person === null || isThere ? "" : `, goes on when ${shownName(from, state)} is back`;
}

function stateOf(item, context) {
  const { data } = item;
  const { state: how, self, to, bytes, size, path, reason, text, unfetchable } = data;
  switch (how) {
    case "started":
    case "progress":
      return ` \u00b7 ${size === 0 ? 100 : Math.floor(100 * bytes / size)} %` +
        goesOnText(item, context);
    case "done":
      return self ? "" : [" \u00b7 saved as ", pathElement(path ?? "")];
    case "cancelled":
      if (reason === "declined") return " \u00b7 declined";
      return self ? " \u00b7 taken back" : " \u00b7 stopped";
    case "failed":
      return ` \u00b7 ${visible(text ?? REASONS[reason] ?? "it can't be had")}`;
    case "over":
      return " \u00b7 not offered now";
    default:
      return (to === undefined || self ? "" : " \u00b7 for you alone") +
        (unfetchable ? " \u00b7 --save DIR would fetch it" : "");
  }
}
