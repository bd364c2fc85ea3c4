/**
 * Links for files, of which this machine knows no more than that a link is needed: while a file is fetched from a friend,
 * however long that one is away, and until a friend has been told of an offer. Whose key isn't known is waited for by
 * name, as an offer names its receiver's key.
 */

import type { LinkId, PeerKey } from "../../base/ids.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import type { Friend } from "./friend.ts";
import type { FriendLink } from "./friend_links.ts";
import type { FriendTable } from "./friend_table.ts";
import type { FileNeed } from "./friends_io.ts";
import type { FriendsOutput } from "./friends_output.ts";
import type { FriendsFact } from "./friends_words.ts";
import type { Inbox } from "./inbox.ts";

/** What is asked of the owner. */
interface FileLinksPort {
  /** The link in use with this friend; null where there is none. */
  linkOf(friend: Friend): FriendLink | null;
  /** Makes a link, unless that is under way. */
  reach(friend: Friend, isUrgent: boolean): void;
}

/** A friend that a file may be for. */
export interface FileReceiver {
  readonly name: string;
  /** Null while it isn't known: until the friend answers. */
  readonly key: PeerKey | null;
  readonly isConnected: boolean;
}

export class FileLinks {
  constructor(
    readonly table: FriendTable,
    readonly inbox: Inbox,
    readonly out: FriendsOutput,
    readonly port: FileLinksPort,
  ) {}

  /** Friends that may be sent files at this moment, each with the link in use. */
  recipients(): ReadonlyMap<PeerKey, LinkId> {
    const found = new Map<PeerKey, LinkId>();
    for (const friend of this.table.busy()) {
      const link = friend.isHeld ? null : this.port.linkOf(friend);
      if (link !== null) found.set(link.peer, link.link);
    }
    return found;
  }

  /** The friend in the table who has this key; null for none. */
  ownerOf(key: PeerKey): string | null {
    const fingerprint = fingerprintOf(key);
    return this.table.listed.values().find((friend) =>
      friend.key === key || friend.expected === fingerprint
    )?.name ?? null;
  }

  /** Whom a file is for, or why it can't be. */
  receiver(friend: Friend): FileReceiver | FriendsFact {
    const { name, expected, isDisputed } = friend;
    if (isDisputed) return { fact: "file-unsettled", friend: name };
    const key = friend.key ?? (expected === null ? null : this.inbox.keyOf(expected));
    return { name, key, isConnected: this.port.linkOf(friend) !== null };
  }

  /** A link is needed for files, or no longer. */
  need(name: string, need: FileNeed): void {
    const friend = this.table.get(name);
    if (friend === null) return; // not in the table any more
    if (need === "free") return void (friend.files.isHeld = false);
    if (need === "held") friend.files.isHeld = true;
    else friend.files.tell(need === "met", need !== "restored", this.#openSinceMs(friend));
    this.table.markBusy(friend);
    if (friend.link === null && friend.hurry(this.out.nowMs)) this.port.reach(friend, true);
    else if (friend.isAway && friend.attempt === null) tellOfFiles(friend, this.out);
  }

  #openSinceMs(friend: Friend): number | null {
    return this.port.linkOf(friend) === null ? null : this.out.nowMs;
  }
}

/** The friend, for whom files wait, can't be reached. */
export function tellOfFiles(friend: Friend, out: FriendsOutput): void {
  const { files, name, sentWhen: when } = friend;
  if (!files.isToSay) return;
  files.isToSay = false;
  out.tell({ fact: files.isMetFirst ? "file-unmet" : "file-waits", friend: name, when });
}
