/** What is typed: what it becomes for the program, and what may follow it. */

import { beginsCommand, MESSAGE_BYTES_MAX, utf8Length } from "../../../base/text/text.ts";
import { nearest } from "../../../base/text/nearest.ts";
import { numberText } from "../../../base/text/words.ts";
import { isAnswer } from "../../commands/open_questions.ts";
import { itemsOf } from "./chunks.js";
import { folded } from "./harmless.js";
import { homeOf, mainPlace, openRooms, peopleOf } from "./places.js";

/** Lines that leave in every mode. */
const LEAVING_LINE = /^:(?:q|quit|wq)\s*$/;
const LEAVING = new Set(["quit", "exit", "logout", "forget-me"]);
/** The command of that name or alias, or of another program's word for it, without its slash. */
export function commandNamed(state, word) {
  const known = ({ name, aliases }) => name === word || aliases.includes(word);
  return state.commands.find(known) ??
    state.commands.find(({ words }) => words?.includes(word.toLowerCase()));
}

/** Whether the program ends with it, for everybody who looks at it. */
export function leaves(state, place, text) {
  const line = text.trim();
  if (LEAVING_LINE.test(text)) return true;
  if (beginsCommand(text)) {
    const name = commandNamed(state, /^\/(\S*)/.exec(line)[1])?.name;
    return LEAVING.has(name) || name === "part" && openRooms(state).length <= 1;
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

/** The field that names the room of a place, so that nothing goes to whichever room the console is in. */
export function roomOf(state, place) {
  const room = place.room ?? state.places.get(place.parent)?.room ?? null;
  return state.mode === "mesh" && room !== null ? { room } : {};
}

/** Whether a place belongs to a room in which the user isn't. */
export function isClosed(state, place) {
  return state.mode === "mesh" && homeOf(state, place).isOver;
}

/** Whether the user hasn't logged in yet at the directory. */
export function isToLogIn({ isOut, wasUp }) {
  return isOut === true && wasUp === false;
}

/** Whether that place is of the call that is connected now. */
export function isCallWith({ call }, { type, person }) {
  return type === "call" && call?.state === "connected" && folded(call.peer) === folded(person);
}

/**
 * What a text is for the program: `{line}` or `{command}`, with `isChat` where it is something said, and `to` where it
 * names another than the place does, whose conversation is to be opened first; `{error}` where nothing can come of it;
 * null for nothing. Whatever the console may be talking to: what is said goes to whom the place is of, or to nobody.
 * @param begun The question that was shown when its first character was typed; null: none was.
 */
export function meant(state, place, text, begun = null) {
  if (text.trim() === "") return null;
  const error = tooLong(text);
  if (error !== null) return { error };
  if (LEAVING_LINE.test(text)) return { line: text, ...roomOf(state, place) };
  if (beginsCommand(text)) return commanded(state, place, text, begun);
  return saidIn(state, place, text.startsWith("//") ? text.slice(1) : text, begun);
}

/** Commands that are about no room, and can be given where none is open. */
const OF_PROGRAM = new Set(["help", "join", "quit", "room", "rooms", "search"]);

function commanded(state, place, text, begun) {
  const [, word, rest] = /^\/(\S*)\s*([^]*)$/.exec(text);
  const as = { line: text, ...roomOf(state, place) };
  const name = commandNamed(state, word)?.name;
  if (isClosed(state, place)) return OF_PROGRAM.has(name) ? { line: text } : { error: NOT_IN };
  if (rest.trim() === "") return as;
  switch (name) {
    case "me":
      return place.type === "room" || place.type === "group"
        ? { ...as, isChat: true }
        : saidIn(state, place, text, begun);
    case "msg":
      return written(state, place, rest, begun) ?? { ...as, isChat: true };
    case "broadcast":
      return { ...as, isChat: true };
    case "send":
      return sent(state, place, rest) ?? as;
    case "search":
      return { line: text }; // in all rooms
    default:
      return as;
  }
}

/** `/msg`: null where the line says by itself whom it is for. */
function written(state, place, rest, begun) {
  if (state.mode === "directory") {
    if (place.type !== "call") return { error: CALL_FIRST };
    const [, name] = /^(\S+)\s+\S/.exec(rest) ?? [];
    if (name === undefined || knownName(state, place, name) === undefined) {
      return saidIn(state, place, rest, begun);
    }
    return {
      error: `Not sent: what you type here goes to ${place.person} alone, so leave the name out.`,
    };
  }
  if (state.mode !== "friends") return null;
  const [, name, said] = /^(\S+)\s+([^]*\S[^]*)$/.exec(rest) ?? [];
  const friend = name === undefined ? undefined : knownName(state, mainPlace(state), name);
  return friend === undefined
    ? null
    : { ...chat({ command: "msg", name: friend, text: said }), to: friend };
}

/** `/send`: null where the line says by itself whom it is for, or goes to whom the place is of. */
function sent(state, place, rest) {
  const [, first] = /^([^\s/]+)\s+\S/.exec(rest) ?? [];
  const isNamed = first !== undefined && knownName(state, place, first) !== undefined;
  switch (place.type) {
    case "direct":
      return isNamed ? null : { line: `/send ${place.person} ${rest}`, ...roomOf(state, place) };
    case "call":
      if (!isCallWith(state, place)) return { error: noCall(place) };
      return isNamed ? null : { line: `/send ${place.person} ${rest}` };
    case "friends":
      return isNamed ? null : { error: CHOOSE_FRIEND };
    case "lobby":
      return { error: "Not sent: a file is offered in a call. Call somebody first." };
    default:
      return null;
  }
}

/** As it is shown of somebody here, or known otherwise. */
function knownName(state, place, word) {
  const is = (name) => folded(name) === folded(word);
  return [...peopleOf(state, place).keys()].find(is) ?? [...state.names, ...state.away].find(is);
}

/** What was said there: in that place, or nowhere. */
function saidIn(state, place, text, begun) {
  if (isClosed(state, place)) return { error: NOT_IN };
  const room = roomOf(state, place);
  // The program decides whether it is one; nothing else comes of it.
  const isAsked = begun !== null || questionsIn(state, place).length > 0;
  if (isAsked && isAnswer(text)) return { line: text, ...room };
  switch (place.type) {
    case "direct":
      return (state.mode === "friends" ? toNamed(state, text) : null) ??
        chat({ command: "msg", name: place.person, text, ...room });
    case "call":
      return inCall(state, place, text);
    case "friends":
      return toFriend(place, text);
    case "lobby":
      return inLobby(state, text);
    case "group":
      return chat({ command: "msg", text });
    default:
      return chat({ command: "msg", text, ...room });
  }
}

/** As long as at the console: who comes later presses the button. */
const FILE_ASKED_MS = 120_000;

/** The questions that are asked in that place, by the ids that the program has for them, the oldest first. */
export function questionsIn(state, { type, person, chunks }, nowMs = Date.now()) {
  const { call, votes } = state;
  if (type === "group") return [...votes.keys()].map((edit) => `vote ${edit}`);
  const isOfCall = type === "lobby" ||
    type === "call" && folded(call?.peer ?? "") === folded(person);
  const isAsked = ({ kind, data, at, askedMs }) =>
    kind === "offer" && askedMs !== null && data.state === "offered" &&
    nowMs - Date.parse(at) < FILE_ASKED_MS;
  return [
    ...(isOfCall && call?.state === "incoming" ? [`call ${call.id}`] : []),
    ...[...itemsOf(chunks)].filter(isAsked).map(({ id }) => id),
  ];
}

const NOT_IN =
  "Not sent: you aren't in this room now. Open it again, or choose another conversation.";

function chat(command) {
  return { command, isChat: true };
}

function noCall({ person }) {
  return `Not sent: there is no call with ${person} now. Call again to say it.`;
}

function inCall(state, place, text) {
  const { call } = state;
  const { person } = place;
  if (call === null || folded(call.peer) !== folded(person)) return { error: noCall(place) };
  if (text.trimEnd() === "q") return { command: { command: endOf(call) } };
  // With the name the program says it to nobody else, should another call have begun meanwhile.
  if (call.state === "connected") {
    return chat({ command: "msg", text: text === " q" ? "q" : text, name: call.peer });
  }
  return call.state === "incoming"
    ? { error: `Not sent: ${person} is calling: y accepts, n declines.` }
    : { error: `Not sent: ${person} hasn't answered yet.` };
}

/** The command that ends a call. */
function endOf({ state }) {
  return state === "ringing" ? "cancel" : "hangup";
}

/** As at the console, what was meant for one friend goes to no other; null: it begins with no name. */
function toNamed(state, text) {
  const [, name] = NAMED.exec(text) ?? [];
  if (name === undefined) return null;
  const main = mainPlace(state);
  const names = [...main.people.keys()];
  const isFriend = names.some((each) => folded(each) === folded(name));
  if (isFriend || isLastWriter(name) || nearest(name, names) !== null) return toFriend(main, text);
  return null;
}

/**
 * `r/TEXT`, to whoever wrote last: while it is typed somebody else may write, and only a terminal shows whom it is for.
 * Where a friend is called so, it is a name like any other.
 */
const LAST_WRITER = "r";

/** The form of a line that the page refuses, as the console's `/help` has it. */
export const REFUSED_FORM = `${LAST_WRITER}/TEXT`;

function isLastWriter(name) {
  return folded(name) === LAST_WRITER;
}

/** `NAME/TEXT`. */
const NAMED = /^([^\s/]+)\/([^]*)$/;
const HOW_TO_CHOOSE = "Choose a friend in the list, or begin with their name, as in bob/hello.";
const CHOOSE_FRIEND = `Not sent: this goes to nobody yet. ${HOW_TO_CHOOSE}`;
const NO_LAST_WRITER =
  `Not sent: the page doesn't take r/, as somebody else may write meanwhile. ${HOW_TO_CHOOSE}`;

function toFriend(place, text) {
  if (text.trim() === "exit") return { command: { command: "exit" } };
  const [, name, said] = NAMED.exec(text) ?? [];
  if (name === undefined || said.trim() === "") return { error: CHOOSE_FRIEND };
  const friend = [...place.people.keys()].find((each) => folded(each) === folded(name));
  if (friend !== undefined) {
    return { ...chat({ command: "msg", name: friend, text: said }), to: friend };
  }
  return {
    error: isLastWriter(name)
      ? NO_LAST_WRITER
      : `Not sent: no friend of yours is called ${name}. Choose one in the list.`,
  };
}

const LOG_IN = "Nothing was done: you aren't logged in yet. Log in at the console first.";
const CALL_FIRST =
  "Not sent: 2 TEXT tells everybody who is online; to talk to one person, call them.";

/** Each is a command of its own: as a line it would be said to the other side of a call that has begun meanwhile. */
function inLobby(state, text) {
  const { call } = state;
  const word = text.trim();
  if (isToLogIn(state) && word !== "q") return { error: LOG_IN };
  const told = /^2\s+([^]*\S[^]*)$/.exec(text)?.[1];
  if (told !== undefined) return chat({ command: "broadcast", text: told });
  const listed = /^1(?:\s+(\S+))?$/.exec(word);
  if (listed !== null) {
    return { command: { command: "list", ...(listed[1] ? { part: listed[1] } : {}) } };
  }
  if (word === "q") {
    if (call === null) return { command: { command: "logout" } };
    return { command: { command: endOf(call) } };
  }
  if (call?.state === "connected") {
    return {
      error:
        `Not sent: this is the lobby. What you say to ${call.peer} belongs in the conversation with them; ` +
        "to tell everybody who is online, begin with 2, as in 2 hello.",
    };
  }
  if (/^[^\s/]+$/.test(word)) return { command: { command: "call", name: word } };
  return { error: CALL_FIRST };
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
  if (before.includes("\n") && beginsCommand(text)) return null;
  const start = cursor - /\S*$/.exec(before)[0].length;
  const word = before.slice(start);
  if (start === 0 && beginsCommand(word)) return commandsFor(state, word);
  if (word.startsWith("@") && word.length > 1) {
    return offered(start, namesFor(state, place, word.slice(1)).map((name) => `@${name} `));
  }
  const argument = beginsCommand(text) ? argumentAt(state, before.slice(0, start)) : null;
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
