/** What is typed: what it becomes for the program, and what may follow it. */

import { MESSAGE_BYTES_MAX, utf8Length } from "../../../base/text/text.ts";
import { numberText } from "../../../base/text/words.ts";
import { folded } from "./harmless.js";
import { peopleOf } from "./places.js";

/** Lines that leave in every mode. */
const LEAVING_LINE = /^:(?:q|quit|wq)\s*$/;
const LEAVING = new Set(["quit", "exit", "logout", "forget-me"]);
const VOTES = /^(?:y|yes|n|no|go|abort)$/i;

/** The command of that name or alias, without its slash. */
export function commandNamed(state, word) {
  return state.commands.find(({ name, aliases }) => name === word || aliases.includes(word));
}

function isCommand(text) {
  return text.startsWith("/") && !text.startsWith("//");
}

/** Whether the program ends with it, for everybody who looks at it. */
export function leaves(state, place, text) {
  const line = text.trim();
  if (LEAVING_LINE.test(text)) return true;
  if (isCommand(text)) {
    const name = commandNamed(state, /^\/(\S*)/.exec(line)[1])?.name;
    return LEAVING.has(name) || name === "part" && state.rooms.size <= 1;
  }
  if (place.type === "lobby") return line === "q" && state.call === null;
  return place.type === "friends" && line === "exit";
}

/** Why a text is too long to be given to the program; null: it isn't. */
export function tooLong(text) {
  if (3 * text.length <= MESSAGE_BYTES_MAX) return null;
  const length = utf8Length(text);
  if (length <= MESSAGE_BYTES_MAX) return null;
  const [has, most] = [length, MESSAGE_BYTES_MAX].map(numberText);
  return `Nothing was sent: the message has ${has} bytes, at most ${most} are possible. Send it in parts.`;
}

/**
 * What a text is for the program: `{line}` or `{command}`, with `isChat` where it is something said; `{error}` where
 * nothing can come of it; null for nothing.
 */
export function meant(state, place, text) {
  if (text.trim() === "") return null;
  const error = tooLong(text);
  if (error !== null) return { error };
  const room = state.mode === "mesh" && state.rooms.size > 1 && place.room !== null
    ? { room: place.room }
    : {};
  const action = place.person !== null && /^\/me\s+\S/.test(text);
  if (LEAVING_LINE.test(text) || isCommand(text) && !action) return { line: text, ...room };
  const body = text.startsWith("//") ? text.slice(1) : text;
  switch (place.type) {
    case "direct":
      return chat({ command: "msg", name: place.person, text: body, ...room });
    case "call":
      return inCall(state, place, body);
    case "friends":
      return toFriend(place, text);
    case "lobby":
      return inLobby(text);
    case "group":
      return state.votes.size > 0 && VOTES.test(text.trimEnd())
        ? { line: text.trimEnd() }
        : chat({ command: "msg", text: body });
    default:
      return chat({ command: "msg", text: body, ...room });
  }
}

function chat(command) {
  return { command, isChat: true };
}

function inCall({ call }, { person }, text) {
  const isThis = call !== null && folded(call.peer) === folded(person);
  if (isThis && text.trimEnd() === "q") {
    return { command: { command: call.state === "connected" ? "hangup" : "cancel" } };
  }
  if (isThis && call.state === "connected") {
    return chat({ command: "msg", text: text === " q" ? "q" : text });
  }
  if (isThis) return { error: `Not sent: ${person} hasn\u2019t answered yet.` };
  return { error: `Not sent: there is no call with ${person} now. Call again to say it.` };
}

function toFriend(place, text) {
  const [, name, said] = /^([^\s/]+)\/([^]*)$/.exec(text) ?? [];
  const isFriend = name !== undefined &&
    [...place.people.keys()].some((each) => folded(each) === folded(name));
  if (isFriend && said.trim() !== "") return chat({ command: "msg", name, text: said });
  if (text.includes("\n")) {
    return { error: "Not sent: choose a friend first, or begin with NAME/." };
  }
  return { line: text };
}

function inLobby(text) {
  const told = /^2\s+([^]*)$/.exec(text)?.[1];
  if (told?.includes("\n")) return chat({ command: "broadcast", text: told });
  if (text.includes("\n")) {
    return {
      error: "Not sent: 2 TEXT tells everybody who is online; to talk to one person, call them.",
    };
  }
  return { line: text, isChat: told !== undefined };
}

/** What only a terminal has a use for. */
const OF_TERMINALS = new Set(["clear", "show"]);
/** So many suggestions are shown. */
const SUGGESTIONS_MAX = 8;

/**
 * What may stand in place of the word before the cursor: `{start, options: [{value, label, hint}]}`, or null.
 * @param isAsked Whether the user has asked for it (Tab): otherwise only commands and `@names` are offered.
 */
export function suggestions(state, place, text, cursor, isAsked) {
  const before = text.slice(0, cursor);
  if (before.includes("\n") && isCommand(text)) return null;
  const start = cursor - /\S*$/.exec(before)[0].length;
  const word = before.slice(start);
  if (start === 0 && isCommand(word)) return commandsFor(state, word);
  if (word.startsWith("@") && word.length > 1) {
    return offered(start, namesFor(state, place, word.slice(1)).map((name) => `@${name} `));
  }
  const argument = isCommand(text) ? argumentAt(state, before.slice(0, start)) : null;
  if (argument === "COMMAND" || argument === "TOPIC") return commandsFor(state, word, start);
  if (argument === "NAME" || argument === "PART") {
    return offered(start, namesFor(state, place, word).map((name) => `${name} `));
  }
  if (!isAsked || word === "" || argument !== null && argument !== "TEXT") return null;
  const after = start > 0
    ? " "
    : place.type === "friends"
    ? "/"
    : place.type === "lobby"
    ? ""
    : " ";
  return offered(start, namesFor(state, place, word).map((name) => name + after));
}

function commandsFor(state, word, start = 0) {
  const slash = word.startsWith("/") ? "/" : "";
  const typed = word.slice(slash.length).toLowerCase();
  const fits = ({ name, aliases }) => [name, ...aliases].find((each) => each.startsWith(typed));
  const options = state.commands.filter((entry) => !OF_TERMINALS.has(entry.name) && fits(entry))
    .map((entry) => ({
      value: `${slash}${entry.name} `,
      label: formOf(entry),
      hint: entry.help,
    }));
  const isDone = options.length === 1 && `${slash}${typed} ` === options[0].value;
  return options.length === 0 || isDone && options[0].label.trim() === word
    ? null
    : { start, options: options.slice(0, SUGGESTIONS_MAX) };
}

/** `/msg NAME TEXT`. */
export function formOf({ name, form }) {
  return form.startsWith("/") ? form : `/${name} ${form}`.trimEnd();
}

/** The argument that is being typed, as the form names it; null where there is none. */
function argumentAt(state, before) {
  const [called, ...words] = before.slice(1).trim().split(/\s+/);
  const entry = commandNamed(state, called);
  if (entry === undefined) return null;
  const forms = formOf(entry).split(" ").slice(1).map((token) => token.replace(/[[\]]/g, ""));
  return forms[Math.min(words.length, forms.length - 1)] ?? null;
}

function offered(start, values) {
  return values.length === 0
    ? null
    : { start, options: values.map((value) => ({ value, label: value.trimEnd(), hint: "" })) };
}

/** The names that begin so: who is here first, then who else is known. */
function namesFor(state, place, word) {
  const here = [...peopleOf(state, place).values()].filter(({ self }) => !self).map(({ name }) =>
    name
  );
  const found = new Map();
  for (const name of [...here.sort(), ...state.names, ...state.away]) {
    if (!folded(name).startsWith(folded(word)) || found.size >= SUGGESTIONS_MAX) continue;
    if (!found.has(folded(name))) found.set(folded(name), name);
  }
  return [...found.values()];
}
