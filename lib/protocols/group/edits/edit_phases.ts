/**
 * Each phase of an edit, at whoever has a part in it: what it means, and which ones may follow; and why an edit was aborted, in words.
 */

import type { PeerKey } from "../../../base/ids.ts";
import { saidText } from "../../../base/text/text.ts";
import { inWords } from "../../../base/text/words.ts";
import type { AbortReason } from "../schema/edit.ts";

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

/** Part of a sentence. */
export const ABANDONED = "the coordinator went away";

export interface AbortReader {
  /** Null: the coordinator. */
  readonly self: PeerKey | null;
  /** Who asked for the edit. */
  readonly asker: PeerKey;
  /** The name of this key's owner in a sentence. */
  written(key: PeerKey): string;
}

/** Part of a sentence. */
export function abortText({ code, who, said }: AbortReason, reader: AbortReader): string {
  const isAsker = reader.self === reader.asker;
  const names = who.map((key) => reader.written(key));
  const whom = inWords(names);
  switch (code) {
    case "no":
      if (said === "") return `${whom} said no`;
      return `${reader.self === null ? "" : "the coordinator says that "}${whom} said ${
        saidText(said)
      }`;
    case "no-entry":
      return `${whom} has no such entry`;
    case "other-entry":
      return `${whom} has another entry there than the others`;
    case "unsigned":
      return `${whom} agrees, and hasn't signed that`;
    case "late": {
      // The requester reads its own name, not "you": its program didn't answer, its user wasn't asked.
      const at = isAsker ? -1 : who.findIndex((key) => key === reader.self);
      return `${
        at === -1 ? whom : inWords(["you", ...names.toSpliced(at, 1)])
      } didn't answer in time`;
    }
    case "author-absent":
      return `its author, ${whom}, isn't in the group and can't be asked`;
    case "author-gone":
      return `its author, ${whom}, was asked, and is no longer in the group`;
    case "asker-gone":
    case "asker-left":
      if (!isAsker) return "the member that asked for it isn't in the group any more";
      // Who was killed may read it when back in the group.
      return code === "asker-left" ? "you left the group" : "you weren't in the group any more";
    case "asker-restarted":
      return "the program that asked for it was started again";
    case "members-changed":
      return `members kept joining and leaving${names.length === 0 ? "" : `: ${whom}`}`;
    case "rules-pending":
      return "the new rules of the group aren't in all logs yet";
    case "given-up":
      if (names.length > 0) {
        return `it, or an edit decided before it, can't be in the log of ${whom}`;
      }
      return "the operator gave up the part of the log that it belonged to";
    case "forgotten":
      return "the coordinator was restarted before it was decided, or has forgotten why";
    case "abandoned":
      return ABANDONED;
  }
}
