/**
 * The line being typed, as a pure state machine: a key and a state give the next state.
 *
 * Nothing here depends on a terminal. The cursor is an index into the text, always between two grapheme clusters:
 * characters as people count them.
 */

import { graphemeAfter, graphemeBefore } from "../rendering/graphemes.ts";
import type { Key, KeyName } from "./key_parser.ts";

export interface EditorState {
  readonly text: string;
  /** 0 to `text.length`, never within a grapheme cluster. */
  readonly cursor: number;
  /** The text deleted last by a kill command; Ctrl+Y inserts it. */
  readonly killed: string;
  /** Submitted lines, the oldest first. */
  readonly history: readonly string[];
  /** Index of the history line that is shown; `history.length` where none is. */
  readonly historyIndex: number;
  /**
   * What the user typed and hasn't sent, by the index of the history line at which it is shown again. What was typed at
   * an earlier line is the draft, at the end, unless there is one already: it is looked for there.
   */
  readonly drafts: ReadonlyMap<number, string>;
  /** The search in the history that is under way; null where there is none. */
  readonly search: HistorySearch | null;
}

/** A search backwards, letter by letter. Until a line is taken, the one being typed stays as it is. */
interface HistorySearch {
  readonly wanted: string;
  /** Where the line that is shown stands; null where none was found yet. */
  readonly found: number | null;
  /** Whether no line, or no earlier one, has what is wanted. */
  readonly isLast: boolean;
}

/** A key's request to the owner of the editor. */
export type EditorRequest =
  | { readonly type: "submit"; readonly text: string }
  | { readonly type: "complete" }
  | { readonly type: "interrupt" }
  | { readonly type: "end-of-input" }
  | { readonly type: "redraw" }
  | { readonly type: "suspend" }
  | { readonly type: "log-out" }
  | { readonly type: "tell-malformed" }
  | { readonly type: "refuse-paste"; readonly units: number };

interface EditorStep {
  readonly state: EditorState;
  readonly request: EditorRequest | null;
}

/** The most lines in the history: enough for a long evening. */
export const HISTORY_LINES_MAX = 1_000;

/** The most UTF-16 units in the line, twice the longest paste; more is refused like an overlong paste. */
const TEXT_UNITS_MAX = 2_097_152;

export const EMPTY_EDITOR: EditorState = {
  text: "",
  cursor: 0,
  killed: "",
  history: [],
  historyIndex: 0,
  drafts: new Map(),
  search: null,
};

/** The state after `key`, and the request it makes, if any. */
export function onKey(state: EditorState, key: Key): EditorStep {
  return state.search === null ? onLineKey(state, key) : onSearchKey(state, state.search, key);
}

function onLineKey(state: EditorState, key: Key): EditorStep {
  switch (key.type) {
    case "text":
      return inserted(state, key.text);
    case "paste":
      // A copied whole line ends with a line break that isn't part of the message.
      return inserted(state, key.text.replace(/\n$/, ""));
    case "overlong-paste":
      return { state, request: { type: "refuse-paste", units: key.units } };
    case "malformed":
      return { state, request: { type: "tell-malformed" } };
    case "focus":
    case "number":
    case "unseen":
      return only(state);
    case "press":
      return PRESSES[key.name](state);
  }
}

/** How a line in `state` is shown behind `prompt`. */
export function shownLine(
  { text, cursor, history, search }: EditorState,
  prompt: string,
): { readonly prompt: string; readonly text: string; readonly cursor: number } {
  if (search === null) return { prompt, text, cursor };
  const shown = search.found === null ? "" : history[search.found]!;
  const what = search.isLast ? "no earlier line with" : "earlier line with";
  return { prompt: `(${what} "${search.wanted}") `, text: shown, cursor: shown.length };
}

/** The state with these lines as the history. */
export function recalling(state: EditorState, history: readonly string[]): EditorState {
  const lines = history.slice(-HISTORY_LINES_MAX);
  return { ...state, history: lines, historyIndex: lines.length, drafts: new Map(), search: null };
}

/** The state with `text` inserted at the cursor. */
export function insert(state: EditorState, text: string): EditorState {
  return replaced(state, state.cursor, state.cursor, text);
}

/** The state with `text` in place of the text from `start` to `end`, and the cursor after it. */
export function replaced(
  state: EditorState,
  start: number,
  end: number,
  text: string,
): EditorState {
  const whole = state.text.slice(0, start) + text + state.text.slice(end);
  const cursor = start + text.length;
  // The texts may combine to one character where they meet: a letter and an accent, or two halves of a flag.
  return {
    ...state,
    text: whole,
    cursor: endOfCharacter(whole, cursor),
  };
}

/** The state with an empty line, and with `lines` removed from the history. */
export function forgetting(state: EditorState, lines: readonly string[]): EditorState {
  const history = state.history.filter((line) => !lines.includes(line));
  return { ...EMPTY_EDITOR, killed: state.killed, history, historyIndex: history.length };
}

/** The state with an empty line; what was typed can be brought back by Ctrl+Y. */
export function cleared(state: EditorState): EditorState {
  const { text, history } = state;
  return { ...EMPTY_EDITOR, killed: text, history, historyIndex: history.length };
}

/** The state with `text` behind what Ctrl+Y brings back, as far as a line may be that long. */
export function continued(state: EditorState, text: string): EditorState {
  return { ...state, killed: (state.killed + text).slice(0, TEXT_UNITS_MAX) };
}

/** `index`, or the end of the character if `index` is within one. */
function endOfCharacter(text: string, index: number): number {
  return index === 0 ? 0 : graphemeAfter(text, graphemeBefore(text, index));
}

function inserted(state: EditorState, text: string): EditorStep {
  const units = state.text.length + text.length;
  if (units > TEXT_UNITS_MAX) return { state, request: { type: "refuse-paste", units } };
  return only(insert(state, text));
}

const PRESSES: Readonly<Record<KeyName, (state: EditorState) => EditorStep>> = {
  "enter": submitted,
  "newline": (state) => inserted(state, "\n"),
  "tab": (state) => ({ state, request: { type: "complete" } }),
  "interrupt": (state) => ({ state, request: { type: "interrupt" } }),
  "redraw": (state) => ({ state, request: { type: "redraw" } }),
  "suspend": (state) => ({ state, request: { type: "suspend" } }),
  "log-out": (state) => ({ state, request: { type: "log-out" } }),
  "escape": only,
  "cancel": only,
  "search": (state) => only({ ...state, search: { wanted: "", found: null, isLast: false } }),
  "end-of-input": (state) =>
    state.text === ""
      ? { state, request: { type: "end-of-input" } }
      : removed(state, state.cursor, graphemeAfter(state.text, state.cursor)),

  "left": (state) => moved(state, graphemeBefore(state.text, state.cursor)),
  "right": (state) => moved(state, graphemeAfter(state.text, state.cursor)),
  "home": (state) => moved(state, 0),
  "end": (state) => moved(state, state.text.length),
  "word-left": (state) => moved(state, wordStart(state)),
  "word-right": (state) => moved(state, wordEnd(state)),

  "backspace": (state) => removed(state, graphemeBefore(state.text, state.cursor), state.cursor),
  "delete": (state) => removed(state, state.cursor, graphemeAfter(state.text, state.cursor)),
  "delete-word-left": (state) => killed(state, wordStart(state), state.cursor),
  "delete-to-blank": (state) => killed(state, startOf(UNBLANKED_BEFORE, state), state.cursor),
  "delete-word-right": (state) => killed(state, state.cursor, wordEnd(state)),
  "kill-right": (state) => killed(state, state.cursor, state.text.length),
  "kill-left": (state) => killed(state, 0, state.cursor),
  "yank": (state) => inserted(state, state.killed),
  "transpose": transposed,

  "up": (state) => recalled(state, state.historyIndex - 1),
  "down": (state) => recalled(state, state.historyIndex + 1),
};

function onSearchKey(state: EditorState, search: HistorySearch, key: Key): EditorStep {
  const { wanted, found } = search;
  const before = found ?? state.history.length;
  switch (key.type === "press" ? key.name : key.type) {
    case "text":
    case "paste": {
      // What is found may have the longer text, too.
      const more = "text" in key ? key.text : "";
      return only(searched(state, search, searchText(wanted + more), before + 1));
    }
    case "backspace": {
      const shorter = wanted.slice(0, graphemeBefore(wanted, wanted.length));
      return only(searched(state, { ...search, found: null }, shorter, state.history.length));
    }
    case "search":
      return only(searched(state, search, wanted, before));
    case "escape":
    case "cancel":
    case "interrupt":
      return only({ ...state, search: null });
  }
  // Any other key takes the line: Enter just that, so that nothing is sent unread.
  const taken = found === null
    ? { ...state, search: null }
    : { ...recalled(state, found).state, search: null };
  return key.type === "press" && key.name === "enter" ? only(taken) : onLineKey(taken, key);
}

/** What is searched: no longer than anybody types. */
const WANTED_UNITS_MAX = 256;

function searchText(text: string): string {
  return text.replaceAll("\n", " ").slice(0, WANTED_UNITS_MAX);
}

/** Searches backwards from the line before `end`. */
function searched(
  state: EditorState,
  { found }: HistorySearch,
  wanted: string,
  end: number,
): EditorState {
  const folded = wanted.toLowerCase();
  const shown = found === null ? null : state.history[found];
  for (let at = Math.min(end, state.history.length) - 1; wanted !== "" && at >= 0; at--) {
    const line = state.history[at]!;
    // The same line again would look as if the key did nothing.
    if ((at === found || line !== shown) && line.toLowerCase().includes(folded)) {
      return { ...state, search: { wanted, found: at, isLast: false } };
    }
  }
  return { ...state, search: { wanted, found, isLast: wanted !== "" } };
}

function only(state: EditorState): EditorStep {
  return { state, request: null };
}

function moved(state: EditorState, cursor: number): EditorStep {
  return only({ ...state, cursor });
}

function removed(state: EditorState, start: number, end: number): EditorStep {
  return only(replaced(state, start, end, ""));
}

function killed(state: EditorState, start: number, end: number): EditorStep {
  const text = state.text.slice(start, end);
  return only({ ...replaced(state, start, end, ""), killed: text === "" ? state.killed : text });
}

function submitted(state: EditorState): EditorStep {
  const { text, history } = state;
  const isNew = text !== "" && text !== history.at(-1);
  const lines = isNew ? [...history, text].slice(-HISTORY_LINES_MAX) : history;
  return {
    state: { ...EMPTY_EDITOR, killed: state.killed, history: lines, historyIndex: lines.length },
    request: { type: "submit", text },
  };
}

/** Swaps the characters on both sides of the cursor; at the end of the line, the last two. */
function transposed(state: EditorState): EditorStep {
  const { text } = state;
  const middle = state.cursor === text.length ? graphemeBefore(text, state.cursor) : state.cursor;
  const start = graphemeBefore(text, middle);
  const end = graphemeAfter(text, middle);
  if (start === middle || middle === end) return only(state);
  return only(replaced(state, start, end, text.slice(middle, end) + text.slice(start, middle)));
}

function recalled(state: EditorState, index: number): EditorStep {
  const { history, historyIndex } = state;
  if (index < 0 || index > history.length) return only(state);
  const drafts = new Map(state.drafts);
  const shown = (at: number) => drafts.get(at) ?? history[at] ?? "";
  const isAtEnd = historyIndex === history.length;
  if (state.text !== shown(historyIndex) && (isAtEnd || state.text !== "")) {
    const isFree = shown(history.length) === "" && !drafts.has(historyIndex);
    drafts.set(isFree ? history.length : historyIndex, state.text);
  }
  const text = shown(index);
  return only({ ...state, text, cursor: text.length, historyIndex: index, drafts });
}

/** A word is a run of letters, marks, digits and underscores, as in a shell's command line. */
const WORD_BEFORE = /[\p{L}\p{M}\p{N}_]+[^\p{L}\p{M}\p{N}_]*$|[^\p{L}\p{M}\p{N}_]+$/u;
const WORD_AFTER = /^[^\p{L}\p{M}\p{N}_]*[\p{L}\p{M}\p{N}_]+|^[^\p{L}\p{M}\p{N}_]+/u;

/** Ctrl+W deletes back to a blank, as in a shell: no `/` of a mistyped command is left over. */
const UNBLANKED_BEFORE = /\S+\s*$|\s+$/u;

/** How far a word is searched, in UTF-16 units, since the time of a search may grow with the square of the text. */
const WORD_UNITS_MAX = 1_024;

function wordStart(state: EditorState): number {
  return graphemeBefore(state.text, startOf(WORD_BEFORE, state) + 1);
}

/** Where the match of `before`, a pattern that ends at the cursor, starts. */
function startOf(before: RegExp, { text, cursor }: EditorState): number {
  const near = text.slice(Math.max(0, cursor - WORD_UNITS_MAX), cursor);
  return cursor - (before.exec(near)?.[0].length ?? 0);
}

function wordEnd(state: EditorState): number {
  const after = state.text.slice(state.cursor, state.cursor + WORD_UNITS_MAX);
  return endOfCharacter(state.text, state.cursor + (WORD_AFTER.exec(after)?.[0].length ?? 0));
}
