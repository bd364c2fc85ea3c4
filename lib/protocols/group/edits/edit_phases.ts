/** Each phase of an edit, at whoever has a part in it: what it means, and which ones may follow. */

/** At the coordinator. */
export const EDIT_PHASES = {
  accepted: {
    about: "it has its number, and locks its entry here; the present view hasn't begun everywhere",
    next: ["voting", "aborted"],
  },
  voting: {
    about:
      "the members of the view were asked; no vote is on disk. When the view changes, the next one votes anew",
    next: ["accepted", "deciding", "aborted"],
  },
  deciding: {
    about: "all have agreed; `committed` is on its way to the disk",
    next: ["committed", "aborted"],
  },
  committed: {
    about:
      "it is on disk and announced, again in each view; the entry may be edited again. Aborted only if the operator " +
      "gives up the history to which it belonged, or the logs of all members rule it out",
    next: ["forgotten", "aborted"],
  },
  aborted: {
    about:
      "any edit that the disk doesn't have as committed counts as aborted; of the latest, the reason is kept",
    next: [],
  },
  forgotten: { about: "all members of a view have it in their logs: `applied`", next: [] },
} as const;
export type EditPhase = keyof typeof EDIT_PHASES;

/** At a member that is asked for its vote. */
export const VOTE_PHASES = {
  waiting: {
    about: "another edit of the entry is still open here, or the entry isn't in the log yet",
    next: ["looking", "refused", "over"],
  },
  looking: {
    about: "the entry is locked, and looked up",
    next: ["asked", "agreeing", "refused", "over"],
  },
  asked: { about: "its user is asked", next: ["agreeing", "refused", "over"] },
  agreeing: { about: "`prepared` is on its way to the disk", next: ["agreed", "refused", "over"] },
  agreed: {
    about:
      "its vote is sent, and said again in each view: only the coordinator, or the requester, can decide now",
    next: ["refused", "over"],
  },
  refused: {
    about:
      "it said no, or the requester has given the edit up; the entry is free. Said again in each view until the " +
      "coordinator says how the edit ended",
    next: ["over"],
  },
  over: { about: "the entry is free: aborted, or in the log", next: [] },
} as const;
export type VotePhase = keyof typeof VOTE_PHASES;

/** At the member whose user asked for it. */
export const REQUEST_PHASES = {
  wanted: {
    about: "it waits for the coordinator, or for a view that its requester is in",
    next: ["asked", "over"],
  },
  asked: { about: "it was sent, and is sent again on each link", next: ["accepted", "over"] },
  accepted: {
    about: "`asked`, with its number, is on its way to the disk, or its entry is looked up",
    next: ["running", "over"],
  },
  running: {
    about: "its user was told the number; after a restart, too, until it is known how it ended",
    next: ["over"],
  },
  over: { about: "refused, aborted, or in the log: its user was told", next: [] },
} as const;
export type RequestPhase = keyof typeof REQUEST_PHASES;
