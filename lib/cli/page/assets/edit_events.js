/**
 * Edits of a group's entries. The entry shows how it reads now; one line says how an edit stands, the last thing known of
 * it, where that came; and who has to decide is asked above the message box.
 */

import { replaced, without } from "./chunks.js";
import { linesOf } from "./lines.js";
import { mainPlace, withItem, withPlace } from "./places.js";

/** So many questions are open at once; the oldest are out of time by then. */
const VOTES_MAX = 100;

/** The line of an edit, in place of the one that says that it isn't decided. */
function withLine(state, event, more = {}, isNews = false) {
  const undecided = withoutUndecided(state, event);
  return linesOf(event, state).reduce((before, line) => {
    const item = { kind: "line", id: idOf(event), at: event.at, ...line, ...more };
    return withItem(before, mainPlace(before), item, isNews, true);
  }, undecided);
}

function withoutUndecided(state, event) {
  const place = mainPlace(state);
  const chunks = without(place.chunks, ({ id, isUndecided }) => isUndecided && id === idOf(event));
  return chunks === place.chunks ? state : withPlace(state, { ...place, chunks });
}

function idOf({ edit }) {
  return `edit ${edit}`;
}

const UNDECIDED = { isUndecided: true };

function voteWanted(state, event, { isNew, nowMs }) {
  const vote = { ...event, deadlineMs: Date.parse(event.deadline), askedMs: nowMs };
  const votes = new Map(state.votes).set(event.edit, vote);
  if (votes.size > VOTES_MAX) votes.delete(votes.keys().next().value);
  return withLine({ ...state, votes }, event, UNDECIDED, isNew);
}

function withoutVote(state, { edit }) {
  const votes = new Map(state.votes);
  votes.delete(edit);
  return { ...state, votes };
}

/** The user has voted on it, here or elsewhere, as the notice says: what comes of it is told later. */
export function withVoted(state, notice) {
  return withLine(withoutVote(state, notice), notice, UNDECIDED);
}

function edit(state, event) {
  const place = mainPlace(state);
  let next = withoutVote(state, event);
  if (event.outcome === "committed") {
    const isOfIt = (item) => item.kind === "said" && item.seq === event.seq;
    const chunks = replaced(place.chunks, isOfIt, (item) => editedItem(item, event));
    next = withPlace(next, { ...place, chunks });
  }
  return event.history === true ? withoutUndecided(next, event) : withLine(next, event);
}

/** The entry as it reads after an edit, once for each edit. */
function editedItem(item, { edit, by, text }) {
  if (item.edits?.includes(edit)) return item;
  return {
    ...item,
    text,
    edits: [...(item.edits ?? []), edit],
    edited: { by, times: (item.edited?.times ?? 0) + 1 },
  };
}

export const editHappenings = {
  "edit-started": (state, event) => withLine(state, event, UNDECIDED),
  "vote-wanted": voteWanted,
  edit,
};
