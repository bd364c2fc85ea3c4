/** Lines as the program draws them: each part with its role. All of it is text, and was made harmless there. */

import { Component, h } from "preact";
import { numberText } from "../../../base/text/words.ts";
import { button, dom } from "./html.js";

const CLOCK = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat([], { weekday: "long", day: "numeric", month: "long" });
const DAY_OF_YEAR = new Intl.DateTimeFormat([], { dateStyle: "long" });
const RELATIVE = new Intl.RelativeTimeFormat([], { numeric: "auto" });
const DAY_MS = 86_400_000;
export const clock = (ms) => CLOCK.format(ms);

/** A number for each day of the reader's time zone. */
export const dayNumber = (ms) =>
  Math.floor((ms - new Date(ms).getTimezoneOffset() * 60_000) / DAY_MS);

/** `Today`, `Yesterday`, `Friday 27 November`, or with the year where that is another. */
export function day(ms) {
  const days = dayNumber(ms) - dayNumber(Date.now());
  const isSameYear = new Date(ms).getFullYear() === new Date().getFullYear();
  const text = days === 0 || days === -1
    ? RELATIVE.format(days, "day")
    : (isSameYear ? DAY : DAY_OF_YEAR).format(ms);
  return text[0].toLocaleUpperCase() + text.slice(1);
}

const LINK =
  /https?:\/\/[^\s<>"\u2400-\u2426]*[^\s<>"\u2400-\u2426.,;:!?'\u2019\u201d\u00bb*_)\]}]/gi;

/** The entries of a group that a sentence names. */
const ENTRY = /\bentry \d+/gi;

/** A text with what is found in it drawn otherwise; null: as it stands. */
function within(text, pattern, drawn) {
  const parts = [];
  let at = 0;
  for (const { 0: found, index } of text.matchAll(pattern)) {
    parts.push(text.slice(at, index), drawn(found) ?? found);
    at = index + found.length;
  }
  return [...parts, text.slice(at)];
}

const OF_LINKS = { rel: "noopener noreferrer nofollow", target: "_blank" };
const link = (text) =>
  URL.canParse(text) ? h("a", { href: new URL(text).href, ...OF_LINKS }, text) : null;
const entry = (text) => button(text, undefined, "command is-entry");

const OF_TIME = new Set(["time", "then"]);
/** A line as text, without its time. */
export const textOf = (line) =>
  line.map((part) => typeof part === "string" ? part : OF_TIME.has(part[0]) ? "" : part[1]).join(
    "",
  );
export const plain = (line) => textOf(line).trim();

/** What each character of a code's row has dark: two modules, one above the other; light ones are drawn in consoles. */
const DARK = { " ": [0, 2], "\u2584": [0, 1], "\u2580": [1, 1] };

/** An invite as a QR code, which phones read dark on white. */
function Qr({ rows }) {
  const path = rows.flatMap((row, y) =>
    [...row].map((character, x) => {
      const [from, height] = DARK[character] ?? [0, 0];
      return `M${x} ${2 * y + from}h1v${height}h-1z`;
    })
  ).join("");
  const { length } = rows[0];
  return dom`<svg class="qr" role="img" aria-label="The invite as a QR code"
    viewBox="0 0 ${length} ${length}" shape-rendering="crispEdges"><path d=${path} /></svg>`;
}

/** A button that puts a text on the clipboard. @param what Whose that is, where the label isn't enough. */
export class Copy extends Component {
  render({ text, what, label = "Copy" }, { word = label }) {
    const copy = async () => {
      // The browser refuses where it wasn't asked by a person, or the user has forbidden it.
      const written = navigator.clipboard.writeText(text);
      this.setState({
        word: await written.then(() => "Copied", () => "Select and copy it yourself"),
      });
      setTimeout(() => this.setState({ word: undefined }), 2_000);
    };
    return button(word, copy, "button", { "aria-label": what && `${word}: ${what}` });
  }
}

const roleOf = ([part]) => part?.[0];

/** Lines of an answer, as `draw` draws one: what is to be typed or told elsewhere can be copied. */
export function answered(lines, draw) {
  const rows = lines.filter((line) => roleOf(line) === "qr").map(([[, row]]) => row);
  const others = lines.filter((line) => roleOf(line) !== "qr").map((line, at) => {
    const exact = line.find(([role]) => role === "exact")?.[1];
    return [draw(line, at), exact && dom`<${Copy} text=${exact} />`];
  });
  return [rows.length > 0 && dom`<${Qr} rows=${rows} />`, others];
}

function partNode(part, model) {
  if (typeof part === "string") return model.mode === "group" ? within(part, ENTRY, entry) : part;
  const [role, text] = part;
  if (role === "time" || role === "then") {
    const ms = Number(text);
    return dom`<time datetime=${new Date(ms).toISOString()}>${clock(ms)}</time>`;
  }
  if (role === "name") {
    const whose = text === model.self ? "own" : "hue";
    return dom`<bdi class="name ${whose}" style=${model.hueOf(text)}>${text}</bdi>`;
  }
  if (role === "body") {
    return dom`<span class="body" dir="auto">${within(text, LINK, link)}</span>`;
  }
  if (role === "exact") return dom`<code class="exact">${text}</code>`;
  // In what one is told alone it is no news.
  if (role === "mention" && model.here.person !== null) return text;
  if (role === "found") return dom`<mark>${text}</mark>`;
  // Pressed, it is put into the message box (`page.js`).
  if (role === "command") return button(text, undefined, "command");
  return dom`<span class=${role}>${text}</span>`;
}

const OF_BODIES = new Set(["body", "mention", "found"]);

/** What parts in a console when it was from what was. */
const UNDRAWN = /^ (?:\* )?/;

/** When it was stands beside it: the star that parts the two in a console isn't drawn. */
export function Line({ line, model }) {
  const parts = line[0]?.[0] === "time" ? line.toSpliced(1, 1, unstarred(line[1])) : line;
  return dom`<p class="line">${parts.map((part) => partNode(part, model))}</p>`;
}

export function unstarred(part = "", mark = UNDRAWN) {
  return typeof part === "string" ? part.replace(mark, "") : [part[0], part[1].replace(mark, "")];
}

const LINES_SHOWN = 40;
const CHARACTERS_SHOWN = 4_000;

/** Of a long text the beginning, and how much more there is; null: nothing. */
function begun(parts) {
  const text = parts.map((part) => part[1] ?? part).join("");
  const lines = text.split("\n");
  const start = lines.slice(0, LINES_SHOWN).join("\n").slice(0, CHARACTERS_SHOWN);
  if (start === text) return [parts, null];
  const isLong = start.length === CHARACTERS_SHOWN;
  const more = isLong ? text.length - CHARACTERS_SHOWN : lines.length - LINES_SHOWN;
  return [[["body", start]], `${numberText(more)} more ${isLong ? "characters" : "lines"}`];
}

/** Of a line of something said: the words alone. */
export const bodyOf = (line) => line.slice(line.findIndex(([role]) => OF_BODIES.has(role)));

/** Of what somebody says: its words alone. Who says it, and when, stands above; who does something is named. */
export class Body extends Component {
  render({ line, model, author }, { isWhole }) {
    const parts = bodyOf(line);
    const [start, more] = begun(parts);
    const drawn = (isWhole ? parts : start).map((part) => partNode(part, model));
    const doer = author && [dom`<bdi class="name">${author}</bdi>`, " "];
    const whole = () => this.setState({ isWhole: true });
    return dom`<div class="said-text" dir="auto">${doer}${drawn}</div>
      ${more && !isWhole && button(`Show ${more}`, whole, "more")}`;
  }
}

/** Whether a line of something said is what its author does: the mark before the name says so. */
export const isAction = (line) =>
  line.some((part) => part === "<* " || part[0] === "private" && part[1] === "[* ");
