/** What is typed: what it becomes for the program, and what may follow it. */

import { beginsCommand } from "../../../base/text/text.ts";
import { withoutMark } from "../../../base/text/names.ts";
import { nearest } from "../../../base/text/nearest.ts";
import { isAnswer } from "../../commands/open_questions.ts";
import { folded, LETTER_MS } from "./happenings.js";

/** Lines that leave in every mode. */
const LEAVING_LINE = /^:(?:q|quit|wq)\s*$/;
const LEAVING = new Set(["quit", "exit", "logout", "forget-me"]);

/** Whether files can be sent from a place. */
export const takesFiles = ({ type }) => !["group", "lobby", "friends"].includes(type);

/** The command of that name or alias, or of another program's word for it, without its slash. */
export function commandNamed(model, word) {
  const known = ({ name, aliases }) => name === word || aliases.includes(word);
  return model.commands.find(known) ??
    model.commands.find(({ words }) => words?.includes(word.toLowerCase()));
}

/** Of a line that is a command, the name; and what follows it. */
export function commandIn(model, line) {
  const [, word, rest] = /^\/(\S+)\s*([^]*)$/.exec(line) ?? [];
  return { name: word && commandNamed(model, word)?.name, rest };
}

/** Whether the program ends with what a text has meant, for everybody who looks at it. */
export function leaves(model, { line = "", command }) {
  const name = command?.command ?? commandIn(model, line).name;
  return LEAVING_LINE.test(line) || LEAVING.has(name) ||
    name === "part" && model.openRooms.length <= 1;
}

/** The field that names the room of a place, so that nothing goes to whichever room the console is in. */
export function roomOf(model, place) {
  const { room } = model.home(place);
  return model.mode === "mesh" && room !== null ? { room } : {};
}

/** Whether a place belongs to a room in which the user isn't. */
export function isClosed(model, place) {
  return model.mode === "mesh" && model.home(place).isOver;
}

/** Whether the user hasn't logged in yet at the directory. */
export function isToLogIn({ isOut, wasUp }) {
  return isOut === true && wasUp === false;
}

const isOfCall = ({ call }, { type, person }) =>
  type === "call" && folded(call?.peer ?? "") === folded(person);

/** Whether that place is of the call that is connected now. */
export function isCallWith(model, place) {
  return isOfCall(model, place) && model.call.state === "connected";
}

const chat = (what) => ({ ...what, isChat: true });
const error = (text) => ({ error: text });

/**
 * What a text is for the program: `{line}` or `{command}`, with `isChat` where it is something said; `{error}` where it
 * is for nobody. Whatever the console may be talking to: what is said names whom the place is of, and
 * the program says it to that one, or refuses it.
 * @param begun The question that was shown when its first character was typed; null: none was.
 */
export function meant(model, place, text, begun = null) {
  if (beginsCommand(text)) return commanded(model, place, text);
  // The program decides whether it is one; nothing else comes of it.
  const isAsked = begun !== null || questionsIn(model, place).length > 0 ||
    isAskedBelow(model, place);
  if (LEAVING_LINE.test(text) || isAsked && isAnswer(text)) {
    return { line: text, ...roomOf(model, place) };
  }
  return saidIn(model, place, text.startsWith("//") ? text.slice(1) : text);
}

function commanded(model, place, text) {
  const { name, rest } = commandIn(model, text);
  const { type, person } = place;
  const as = { line: text, ...roomOf(model, place) };
  switch (rest === "" ? null : name) {
    case "me":
      return type === "room" || type === "group" ? chat(as) : saidIn(model, place, text);
    case "msg":
      if (model.mode === "directory") return error(CALL_FIRST);
      return isLastWriter(model, rest.split(/\s/, 1)[0]) ? error(CHOOSE_FRIEND) : chat(as);
    case "broadcast":
      return chat(as);
    case "send": {
      if (type === "room" || type === "group") return as;
      if (model.mode === "directory" && !isCallWith(model, place)) return error(CALL_FIRST);
      const [, first = ""] = /^(\S+)\s+\S/.exec(rest) ?? [];
      const names = person === null ? [...place.people.keys()] : [person];
      if (names.some((each) => folded(each) === folded(first))) return as;
      return person === null ? error(CHOOSE_FRIEND) : { ...as, line: `/send ${person} ${rest}` };
    }
    case "search":
      return { line: text }; // in all rooms
    default:
      return as;
  }
}

const CHOOSE_FRIEND =
  "Not sent: this goes to nobody yet. Choose a friend in the list, or begin with their name, as in " +
  "bob/hello.";
const CALL_FIRST =
  "Not sent: you write to one person in the conversation of your call with them, without /msg; in " +
  "the lobby 2 TEXT tells everybody who is online.";

/** What was said there: in that place, or nowhere. */
function saidIn(model, place, text) {
  const { type, person } = place;
  const [, first, more] = /^([^\s/]+)\/([^]*)$/.exec(text) ?? [];
  if (model.mode === "friends" && (person === null || isMeant(model, first))) {
    if (first === undefined || isLastWriter(model, first)) return error(CHOOSE_FRIEND);
    return chat({ command: { command: "msg", name: first, text: more } });
  }
  if (type === "lobby") return inLobby(model, text);
  if (text.trimEnd() === "q" && isOfCall(model, place)) return { command: { command: "hangup" } };
  const said = type === "call" && text === " q" ? "q" : text;
  const to = person === null ? {} : { name: person };
  return chat({ command: { command: "msg", text: said, ...to, ...roomOf(model, place) } });
}

/** To whoever wrote last, unless a friend is called so: while it is typed somebody else may write. */
function isLastWriter({ mode, main }, name) {
  const is = (each) => folded(withoutMark(each)) === "r";
  return mode === "friends" && is(name) && ![...main.people.keys()].some(is);
}

/** As at the console, what was meant for one friend goes to no other: whether a word is a name, or nearly. */
const isMeant = (model, word = "") =>
  isLastWriter(model, word) || nearest(word, model.main.people.keys()) !== null;

/** Each is a command of its own: as a line it would be said to the other side of a call that has begun meanwhile. */
function inLobby({ call }, text) {
  const word = text.trim();
  if (word === "q") return { command: { command: call === null ? "logout" : "hangup" } };
  const [, told] = /^2\s+([^]*\S[^]*)$/.exec(text) ?? [];
  if (told !== undefined) return chat({ command: { command: "broadcast", text: told } });
  const [listed, part] = /^1(?:\s+(\S+))?$/.exec(word) ?? [];
  if (listed !== undefined) return { command: { command: "list", part } };
  if (/^[^\s/]+$/.test(word)) return { command: { command: "call", name: word } };
  return error(CALL_FIRST);
}

/**
 * The questions above the message box, by the ids that the program has for them, the oldest first: letters answer these
 * alone, as a prompt shows one.
 */
export function questionsIn(model, place) {
  const { call, questions } = model;
  const isCalled = call?.state === "incoming" && (place.type === "lobby" || isOfCall(model, place));
  return [
    ...(isCalled ? [`call ${call.id}`] : []),
    ...[...questions.keys()].filter((key) => /^(?:vote|code) /.test(key)),
  ];
}

/** Whether something is asked among the messages: the program tells whoever answers it by a letter what does. */
function isAskedBelow({ files }, { chunks }) {
  const isOpen = ({ asks, at, file = null }) =>
    asks !== undefined && Date.now() - Date.parse(at) < LETTER_MS &&
    (file === null || files.get(file)?.state === "offered");
  return chunks.slice(-2).some(({ items }) => items.some(isOpen));
}

/** So many suggestions are shown. */
const SUGGESTIONS_MAX = 8;

/**
 * What may stand in place of the last word: `{start, options}`, each option `[value, label, hint]`; null: nothing may.
 * @param isAsked Whether the user has asked for it (Tab): otherwise only commands, their names and `@names` are offered.
 */
export function suggestions(model, place, text, isAsked) {
  const [word] = /\S*$/.exec(text);
  const start = text.length - word.length;
  if (start === 0 && beginsCommand(text)) return offered(start, commandsFor(model, word));
  const argument = beginsCommand(text) ? argumentAt(model, text.slice(1, start)) : "TEXT";
  const isName = argument === "NAME" || argument === "PART";
  const at = !isName && word.startsWith("@") ? "@" : "";
  if (!isName && (argument !== "TEXT" || word === at || !isAsked && at === "")) return null;
  const after = start === 0 && at === "" && place.type === "friends" ? "/" : " ";
  const names = namesFor(model, place, word.slice(at.length));
  return offered(start, names.map((name) => [at + name + after, at + name, ""]));
}

const offered = (start, options) =>
  options.length === 0 ? null : { start, options: options.slice(0, SUGGESTIONS_MAX) };

function commandsFor({ commands }, word) {
  const typed = word.slice(1).toLowerCase();
  const fits = ({ name, aliases }) => [name, ...aliases].some((each) => each.startsWith(typed));
  return commands.filter(fits).map((entry) => [`/${entry.name} `, formOf(entry), entry.help]);
}

/** `/msg NAME TEXT`. */
export const formOf = ({ name, form }) => `/${name} ${form}`.trimEnd();

/** The argument that is being typed, as the form names it; undefined where there is none. */
function argumentAt(model, before) {
  const [called, ...given] = before.trim().split(/\s+/);
  const forms = commandNamed(model, called)?.form.split(" ") ?? [];
  return forms[Math.min(given.length, forms.length - 1)]?.replace(/[[\]]/g, "");
}

/** The names that begin so: who is here first, then who else is known. */
function namesFor(model, place, word) {
  const here = [...model.home(place).people.values()].filter(({ self }) => !self)
    .map(({ name }) => name).sort();
  return [...new Set([...here, ...model.names])]
    .filter((name) => folded(name).startsWith(folded(word)));
}
