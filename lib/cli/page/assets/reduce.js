/**
 * `state + action -> state`: all that the page knows, and how each message of the program, and each thing that the user
 * does, changes that. Nothing here touches the page.
 */

import { withoutWords } from "./answers.js";
import { itemsOf, NO_CHUNKS } from "./chunks.js";
import { happened } from "./events.js";
import { withOffersOver } from "./file_events.js";
import { hasEnded } from "./headings.js";
import {
  directPlace,
  goneTo,
  mainPlace,
  read,
  roomPlace,
  seen,
  withItem,
  withPlace,
} from "./places.js";

/** So many of the page's own commands wait for an answer; the oldest are forgotten. */
const PENDING_MAX = 200;

/** As many as the program knows. */
const MARKED_MAX = 10_000;

const ACTIONS = {
  welcome,
  events: (state, { events, nowMs }) =>
    doubted(events.reduce((before, each) => taken(before, each, nowMs), state)),
  prompt: (state, { text, self }) => ({ ...state, prompt: text, self: self ?? state.self }),
  paused: (state, { reason }) => ({ ...state, paused: reason }),
  progress: (state, { text }) => ({ ...state, progress: text }),
  names: (state, { names, away = [] }) => ({ ...state, names, away }),
  /** More names imitate others, as the program has found. */
  marked: (state, { names }) => ({
    ...state,
    marked: new Set([...state.marked, ...names].slice(-MARKED_MAX)),
  }),
  link: (state, { link }) => {
    const isAfterEnd = link.state === "lost" && hasEnded(state);
    const text = link.text ?? (isAfterEnd ? state.link.text : null);
    return { ...state, link: { ...link, text, ...(isAfterEnd ? { hasEnded: true } : {}) } };
  },
  /** An answer is closed; all of the place, where none is named. */
  closed: (state, { place: id, answer }) => {
    const place = state.places.get(id);
    const answers = place.answers.filter((each) => answer !== undefined && each !== answer);
    return withPlace(state, { ...place, answers });
  },
  asked: (state) => ({ ...state, asks: [] }),
  focus: focused,
  select: selected,
  open: opened,
  sent: (state, { ref, place, text, said = text, isChat, at = null }) => {
    const pending = new Map(state.pending).set(ref, { place, text, said, isChat, at });
    if (pending.size > PENDING_MAX) pending.delete(pending.keys().next().value);
    const where = state.places.get(place);
    return where === undefined || where.divider === null
      ? { ...state, pending }
      : withPlace({ ...state, pending }, { ...where, divider: null });
  },
  /** What was sent wasn't done. */
  refused: (state, { ref, text }) => answered(withUnsaid(state, ref, text), ref),
  settled: (state, { id }) => withoutUnsaid(state, id),
  said: (state, { place, tone = "error", text, at }) => {
    const where = state.places.get(place) ?? mainPlace(state);
    return withItem(state, where, { kind: "line", at, tone, parts: [text] });
  },
};

export function reduce(state, action) {
  return ACTIONS[action.type](state, action);
}

/** The program has let this window in: what it knew of an earlier run is history. */
function welcome(state, { welcome, seenAt = state.seenAt }) {
  const { run, mode, resumed, missed, last, prompt, names, commands, forms, paused, version } =
    welcome;
  const { comesBack = true, progress = null } = welcome;
  const isOther = state.run !== null && state.run !== run;
  let next = {
    ...state,
    run,
    mode,
    seenAt,
    version,
    comesBack,
    commands,
    forms,
    names,
    paused,
    progress,
    prompt: prompt.text,
    self: prompt.self ?? state.self,
    marked: isOther ? new Set() : state.marked,
    ...(state.run === run ? {} : { isOut: mode === "directory", wasUp: false }),
    fileBytes: welcome.fileBytes ?? 0,
    upTo: last,
    link: { state: "open", text: null },
  };
  if (!resumed) next = { ...next, last: 0, known: knownIn(state), opened: [] };
  if (isOther) next = begunAnew(next);
  else next = doubted({ ...next, doubted: [...next.pending.keys()] });
  if (!next.places.has("main")) next = withPlace(next, mainPlace(next));
  if (missed) {
    if (resumed) next = withoutSaid(next);
    next = noted(
      next,
      "Some of what happened before isn't kept any more; what was said is, among the earlier messages",
    );
  }
  return next;
}

/** What was said begins anew with what follows: earlier messages are asked for from there on. */
function withoutSaid(state) {
  const none = { chunks: NO_CHUNKS, had: new Set(), hasAll: false, divider: null };
  const places = [...state.places].map(([id, place]) => [id, { ...place, ...none }]);
  return { ...state, places: new Map(places) };
}

/** People, calls, votes and offers are those of a run; what was said stays. */
function begunAnew(state) {
  const places = new Map(
    [...state.places].map((
      [id, place],
    ) => [id, {
      ...withOffersOver(place),
      people: new Map(),
      answers: withoutWords(place.answers),
      isOver: false,
      hasReturned: false,
    }]),
  );
  const none = { votes: new Map(), files: new Map(), call: null };
  let next = { ...state, ...none, places, wasIn: false, isInTold: false, wasDown: false };
  for (const { id, type } of places.values()) {
    if (type !== "direct" && type !== "call") {
      next = noted(next, "The program was started again", next.places.get(id));
    }
  }
  for (const ref of state.pending.keys()) next = answered(withUnsaid(next, ref, ENDED), ref);
  return next;
}

/** So many are kept for the user to decide about; more is nothing that anybody typed. */
const UNSAID_MAX = 20;
const ENDED = "The program ended before it answered: this may not have been said.";
const LOST = "The connection was lost before the program answered: this may not have been said.";

/** What was to be said, and wasn't, or may not have been. */
function withUnsaid(state, ref, why) {
  const asked = state.pending.get(ref);
  if (asked === undefined || !asked.isChat) return state;
  const { place, text, said, at } = asked;
  const unsaid = [...withoutUnsaid(state, ref).unsaid, { id: ref, place, text, said, at, why }];
  return { ...state, unsaid: unsaid.slice(-UNSAID_MAX) };
}

function withoutUnsaid(state, id) {
  const unsaid = state.unsaid.filter((one) => one.id !== id);
  return unsaid.length === state.unsaid.length ? state : { ...state, unsaid };
}

/** The connection is back, and all is here that came meanwhile: what wasn't answered by then may never have arrived. */
function doubted(state) {
  if (state.doubted.length === 0 || state.last < state.upTo) return state;
  return state.doubted.reduce((before, ref) => withUnsaid(before, ref, LOST), {
    ...state,
    doubted: [],
  });
}

function noted(state, text, place = mainPlace(state)) {
  return withItem(state, place, {
    kind: "line",
    at: null,
    tone: "faint",
    parts: [text],
  });
}

function knownIn(state) {
  const known = new Set();
  for (const { chunks } of state.places.values()) {
    for (const { id } of itemsOf(chunks)) if (id !== undefined) known.add(id);
  }
  return known;
}

/** An event of the program, once: what was had before is passed over. */
function taken(state, { id, fields }, nowMs) {
  if (id <= state.last) return state;
  const isNew = id > state.upTo;
  const now = state.isNow === isNew ? state : { ...state, isNow: isNew };
  const next = { ...happened(now, fields, isNew, nowMs), last: id };
  const { event, ref } = fields;
  if (ref === undefined) return next;
  const settled = event === "error" ? withUnsaid(next, ref, fields.text) : withoutUnsaid(next, ref);
  return answered(settled, ref);
}

/** What was said before that time, and isn't answered yet. */
export function unansweredIn({ pending }, beforeMs) {
  return [...pending].filter(([, { isChat, at }]) => isChat && Date.parse(at) <= beforeMs);
}

function answered(state, ref) {
  if (!state.pending.has(ref)) return state;
  const pending = new Map(state.pending);
  pending.delete(ref);
  return { ...state, pending };
}

function focused(state, { isFocused }) {
  const next = { ...state, isFocused };
  const place = next.places.get(next.current);
  return isFocused && place !== undefined ? withPlace(next, read(place)) : next;
}

function selected(state, { place: id }) {
  if (!state.places.has(id) || id === state.current) return state;
  const next = goneTo(state, id);
  return withPlace(next, seen(next.places.get(id)));
}

/** To the place of one person, made where there is none. */
function opened(state, { person, room }) {
  const [known, parent] = state.mode === "mesh"
    ? roomPlace(state, room)
    : [state, mainPlace(state)];
  const type = state.mode === "directory" ? "call" : "direct";
  const [next, place] = directPlace(known, parent, person, type);
  return selected(next, { place: place.id });
}
