/** What somebody says, or offers: with who it is, and when, where that begins; else beside what they said before. */

import { bodyElement, sentence } from "./body.js";
import { avatar, colour, h, icon, nameOf, verifiedSign } from "./dom.js";
import { offerElement } from "./offers.js";
import { shownName, visible } from "./harmless.js";
import { peopleOf } from "./places.js";
import { fullText, shortTimeText, timeText } from "./times.js";

export function said(item, isUnnamed, context) {
  const classes = ["said"];
  if (item.mention && context.place.person === null) classes.push("is-mention");
  if (item.delivery === "queued") classes.push("is-waiting");
  const body = [bodyElement(item, context, "said-text"), footOf(item, context)];
  const who = item.self ? "You" : shownName(item.from, context.state);
  const label = `${who}, ${timeText(item.at)}`;
  return spoken(item, isUnnamed, context, {
    classes,
    label,
    body,
    beside: besideOf(item, context),
  });
}

export function offer(item, isUnnamed, context) {
  const who = item.self ? "You offer" : `${shownName(item.from, context.state)} offers`;
  return spoken(item, isUnnamed, context, {
    classes: ["said", "is-offer"],
    label: `${who} a file, ${visible(item.data.name)}`,
    body: offerElement(item, context),
    beside: null,
  });
}

function spoken(item, isUnnamed, context, { classes, label, body, beside }) {
  const { state, place } = context;
  const isFirst = !isUnnamed || place.divider === item.key;
  if (isFirst) classes.push("is-first");
  if (item.self) classes.push("is-own");
  return h(
    "article",
    { class: `item ${classes.join(" ")}`, "aria-label": label },
    isFirst ? avatar(item.from, state, item.self, item.author) : gutterOf(item),
    h("div", { class: "said-body" }, isFirst ? headOf(item, context) : null, body),
    beside,
  );
}

function headOf(item, context) {
  const { state } = context;
  const name = h("span", { class: "said-name" }, nameOf(item.from, state));
  if (!item.self) colour(name, item.from, item.author, state);
  const person = personOf(item, context);
  const marks = [
    item.self ? "you" : null,
    item.guest ? "guest" : null,
    item.toAll ? "to everybody" : null,
    item.removed ? "removed from the room" : null,
    item.seq === undefined ? null : `#${item.seq}`,
  ].filter((mark) => mark !== null).map((mark) => h("span", { class: "said-mark" }, mark));
  const sign = person === null ? null : verifiedSign(person);
  return h("div", { class: "said-head" }, name, sign, timeOf(item, "said-time", timeText), marks);
}

/** Of what an earlier run of the program was offered, nobody knows when that was. */
function timeOf(item, kind, textOf, more = {}) {
  if (item.history && item.data !== undefined) return h("span", { class: kind }, "earlier");
  const attributes = { class: kind, datetime: item.at, title: fullText(item.at), ...more };
  return h("time", attributes, textOf(item.at));
}

function gutterOf(item) {
  return item.seq === undefined
    ? timeOf(item, "said-gutter is-time", shortTimeText, { "aria-hidden": "true" })
    : h("span", { class: "said-gutter" }, `#${item.seq}`);
}

/** Who said it, as far as that one is here with that key. */
function personOf(item, { state, place }) {
  const person = peopleOf(state, place).get(item.from);
  return person === undefined || person.self ||
      person.key !== undefined && person.key !== item.author && item.author !== item.from
    ? null
    : person;
}

function footOf(item, context) {
  const { state } = context;
  const notes = [];
  if (item.edited) {
    const { by, times } = item.edited;
    const how = times > 1 ? `edited ${times} times` : "edited";
    const who = by === state.self ? "you" : nameOf(by, state);
    const whose = by === item.from ? null : [times > 1 ? ", last by " : " by ", who];
    notes.push(h("p", { class: "said-mark" }, how, whose));
  }
  const waits = item.waits ?? [KEPT];
  if (item.delivery === "queued" && waits.length > 0) {
    notes.push(h("p", { class: "said-mark is-late" }, sentence(waits, context)));
  }
  if (item.delivery === "failed") {
    notes.push(h("p", { class: "said-mark is-failed" }, "not delivered"));
  }
  return notes;
}

/** Where it isn't known yet whether they are there. */
const KEPT = "not delivered yet: kept, and sent as soon as it can be";

const DELIVERIES = {
  queued: ["clock", "Sent, not delivered yet"],
  delivered: ["tick", "Delivered"],
};

/** At the end of the row: how a message to one person fares, or what can be done with an entry. */
function besideOf(item, { state, act }) {
  if (item.self && Object.hasOwn(DELIVERIES, item.delivery ?? "")) {
    const [sign, text] = DELIVERIES[item.delivery];
    const attributes = { class: "said-delivery", role: "img", "aria-label": text, title: text };
    return h("span", attributes, icon(sign));
  }
  if (state.mode !== "group" || item.seq === undefined) return null;
  const tool = (label, text, onclick) =>
    h("button", { type: "button", "aria-label": label, onclick }, text);
  return h(
    "div",
    { class: "said-tools" },
    tool(`Change entry ${item.seq}`, "Change", () => act.edit(item)),
    item.edited
      ? tool(`Versions of entry ${item.seq}`, "Versions", () => act.line(`/entry ${item.seq}`))
      : null,
  );
}
