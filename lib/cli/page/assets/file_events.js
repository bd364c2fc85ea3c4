/** Files that are offered, and how far they are: each is one item, where it was offered. */

import { itemsOf, replaced } from "./chunks.js";
import { directPlace, mainPlace, roomPlace, withItem, withPlace } from "./places.js";

/** So many offers are followed; what becomes of older ones isn't shown any more. */
const FILES_MAX = 2_000;

/** Files have numbers of their own in each room, which events don't name before there are several. */
function keyOf(state, { room, file }) {
  const [, { id }] = roomPlace(state, room);
  return `${id} ${file}`;
}

/** Where an offer stands: with the one whom it is for, or in the room. */
function placeOfOffer(state, event) {
  const other = event.self ? event.to : event.shown ?? event.from;
  switch (state.mode) {
    case "mesh": {
      const [next, room] = roomPlace(state, event.room);
      return event.to === undefined ? [next, room] : directPlace(next, room, other);
    }
    case "directory":
      return directPlace(state, mainPlace(state), state.call?.peer ?? other, "call");
    default:
      return directPlace(state, mainPlace(state), other ?? state.self);
  }
}

function offer(state, event, { isNew, nowMs }) {
  const [next, place] = placeOfOffer(state, event);
  const id = `offer ${event.id}`;
  const { file, from, self, to, name, size, room, key, shown = from, history = false, path } =
    event;
  const { taken, unfetchable } = event;
  // With a path it was received by an earlier process.
  const how = path === undefined
    ? { state: "offered", bytes: 0 }
    : { state: "done", bytes: size, path };
  const data = { file, from, self, to, name, size, room, unfetchable, ...how };
  const files = new Map(next.files).set(keyOf(next, event), { id, place: place.id });
  if (files.size > FILES_MAX) files.delete(files.keys().next().value);
  const withFile = { ...next, files };
  for (const item of itemsOf(place.chunks)) {
    // Told again by another run of the program, under another number.
    if (item.id === id) return changed(withFile, place, id, data);
  }
  const said = { at: event.at, from: shown, author: key ?? from, self, history };
  const askedMs = self || history || taken || unfetchable ? null : nowMs;
  const item = { kind: "offer", id, ...said, data, askedMs };
  const isNews = isNew && !self && !history;
  return withItem(withFile, place, item, isNews, event.to !== undefined);
}

function changed(state, place, id, more) {
  const by = (item) => ({ ...item, data: { ...item.data, ...more } });
  const chunks = replaced(place.chunks, (item) => item.id === id, by);
  return withPlace(state, { ...place, chunks });
}

function transfer(state, event) {
  const found = state.files.get(keyOf(state, event));
  const place = found === undefined ? undefined : state.places.get(found.place);
  if (place === undefined) return state;
  if (event.self === true && event.to !== undefined) {
    const parts = [{ name: event.to }, ` has fetched ${event.name}`];
    return withItem(state, place, { kind: "line", at: event.at, tone: "faint", parts });
  }
  const { state: how, bytes, path, reason, text } = event;
  return changed(state, place, found.id, { state: how, bytes, path, reason, text });
}

/**
 * Offers as another run of the program finds them: their numbers are no longer any, and those that still stand are told
 * again.
 */
export function withOffersOver(place) {
  const isOpen = ({ kind, data }) => kind === "offer" && data.state !== "done";
  const chunks = place.chunks.map((chunk) =>
    chunk.items.some(isOpen)
      ? {
        ...chunk,
        items: chunk.items.map((item) => isOpen(item) ? over(item) : item),
      }
      : chunk
  );
  return { ...place, chunks };
}

function over(item) {
  return { ...item, data: { ...item.data, state: "over" } };
}

/** The program lists what was declined as offered: it can still be had. */
function isDeclined(place, id) {
  const isThat = (item) => item.id === id && item.data.reason === "declined";
  return [...itemsOf(place.chunks)].some(isThat);
}

/** The answer to `/files` says of each how far it is. */
function files(state, event, when) {
  let next = state;
  for (const view of event.files) {
    const found = next.files.get(keyOf(next, { ...view, room: event.room }));
    const place = found === undefined ? undefined : next.places.get(found.place);
    if (place === undefined) continue;
    if (view.state === "offered" && isDeclined(place, found.id)) continue;
    const how = { offered: "offered", fetching: "progress", here: "done" }[view.state];
    const is = view.waits ? { state: "failed", reason: "waits" } : { state: how };
    next = changed(next, place, found.id, { ...is, bytes: view.bytes, path: view.path });
  }
  return when.told(next, event, when);
}

export const fileHappenings = { offer, transfer, files };
