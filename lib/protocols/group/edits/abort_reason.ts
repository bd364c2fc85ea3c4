/** Why an edit was aborted, in words: each reader names those concerned as it knows them. */

import type { PeerKey } from "../../../base/ids.ts";
import { saidText } from "../../../base/trust/name_answers.ts";
import { inWords } from "../../../base/text/words.ts";
import type { AbortReason } from "../schema/edit.ts";

/** Part of a sentence. */
export const ABANDONED = "the coordinator went away before all had agreed";

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
      return code === "asker-left" ? "you left the group" : "you aren't in the group any more";
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
