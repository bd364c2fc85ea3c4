/**
 * `state + action -> state`: all that the page knows, and how each message of the program, and each thing that the user
 * does, changes that. Nothing here touches the page.
 */

import { itemsOf, replaced } from "./chunks.js";
import { happened } from "./events.js";
import { directPlace, mainPlace, read, roomPlace, seen, withItem, withPlace } from "./places.js";

/** So many of the page's own commands wait for an answer; the oldest are forgotten. */
const PENDING_MAX = 200;

const ACTIONS = {
  welcome,
  events: (state, { events, nowMs }) =>
    events.reduce((before, each) => taken(before, each, nowMs), state),
  prompt: (state, { text, self }) => ({ ...state, prompt: text, self: self ?? state.self }),
  paused: (state, { reason }) => ({ ...state, paused: reason }),
  progress: (state, { text }) => ({ ...state, progress: text }),
  names: (state, { names, away = [] }) => ({ ...state, names, away }),
  marked: (state, { names }) => ({ ...state, marked: new Set(names) }),
  link: (state, { link }) => {
    const hasEnded = link.state === "lost" &&
      (state.link.state === "ended" || state.link.hasEnded === true);
    const text = link.text ?? (hasEnded ? state.link.text : null);
    return { ...state, link: { ...link, text, ...(hasEnded ? { hasEnded } : {}) } };
  },
  dismissed: (state, { place, id }) => {
    const where = state.places.get(place);
    const chunks = replaced(
      where.chunks,
      (item) => item.id === id,
      (item) => ({ ...item, isDismissed: true }),
    );
    return withPlace(state, { ...where, chunks });
  },
  asked: (state) => ({ ...state, asks: [] }),
  focus: focused,
  select: selected,
  open: opened,
  sent: (state, { ref, place, text, isChat }) => {
    const pending = new Map(state.pending).set(ref, { place, text, isChat });
    if (pending.size > PENDING_MAX) pending.delete(pending.keys().next().value);
    const where = state.places.get(place);
    return where === undefined || where.divider === null
      ? { ...state, pending }
      : withPlace({ ...state, pending }, { ...where, divider: null });
  },
  forgotten: (state, { ref }) => answered(state, ref),
  said: (state, { place, tone = "error", text, at }) => {
    const where = state.places.get(place) ?? mainPlace(state);
    return withItem(state, where, { kind: "line", at, tone, parts: [text] });
  },
};

export function reduce(state, action) {
  return ACTIONS[action.type](state, action);
}

/** The program has let this window in: what it knew of an earlier run is history. */
function welcome(state, { welcome }) {
  const { run, mode, resumed, missed, last, prompt, names, commands, forms, paused, version } =
    welcome;
  const isOther = state.run !== null && state.run !== run;
  let next = {
    ...state,
    run,
    mode,
    version,
    commands,
    forms,
    names,
    paused,
    prompt: prompt.text,
    self: prompt.self ?? state.self,
    marked: new Set(welcome.marked ?? state.marked),
    fileBytes: welcome.fileBytes ?? 0,
    upTo: last,
    link: { state: "open", text: null },
  };
  if (!resumed) next = { ...next, last: 0, known: knownIn(state) };
  if (isOther) next = begunAnew(next);
  if (!next.places.has("main")) next = withPlace(next, mainPlace(next));
  if (missed) {
    next = noted(
      next,
      "Some of what happened before isn\u2019t kept any more: /history shows what was said",
    );
  }
  return next;
}

/** People, calls, votes and offers are those of a run; what was said stays. */
function begunAnew(state) {
  const places = new Map(
    [...state.places].map(([id, place]) => [id, { ...place, people: new Map(), isOver: false }]),
  );
  let next = { ...state, places, votes: new Map(), files: new Map(), call: null };
  next = noted(next, "The program was started again");
  for (const [ref, { place, text, isChat }] of state.pending) {
    const where = next.places.get(place);
    if (isChat && where !== undefined) {
      next = withItem(next, where, { kind: "unsaid", at: null, text });
    }
    next = answered(next, ref);
  }
  return next;
}

function noted(state, text) {
  return withItem(state, mainPlace(state), {
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
  const next = { ...happened(state, fields, isNew, nowMs), last: id };
  return fields.ref === undefined ? next : answered(next, fields.ref);
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

/** Goes to another place: there the line above what is new stays until one leaves it. */
function selected(state, { place: id }) {
  const place = state.places.get(id);
  if (place === undefined || id === state.current) return state;
  const left = state.places.get(state.current);
  let next = { ...state, current: id };
  if (left !== undefined) next = withPlace(next, { ...left, divider: null });
  return withPlace(next, seen(place));
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
