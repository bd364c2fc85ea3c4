/** With whom links are wanted for files, all in all, and when that has changed. */

import type { PeerKey } from "../../base/ids.ts";
import type { Downloads } from "./downloads.ts";

interface Links {
  readonly holders: readonly PeerKey[];
  readonly others: boolean;
}

export class Sought {
  /** Those for whom alone a file of ours is, until a link to them comes up: at most as many as we may offer. */
  readonly untold = new Set<PeerKey>();
  #last: Links = { holders: [], others: false };

  constructor(readonly downloads: Pick<Downloads, "all">) {}

  /** Files that were offered are gone: of these people some is still there. */
  keep(receivers: ReadonlySet<PeerKey>): void {
    for (const peer of this.untold) if (!receivers.has(peer)) this.untold.delete(peer);
  }

  /** What is wanted now; null where it is what it was. */
  changed(): Links | null {
    const holders = new Set<PeerKey>();
    let others = false;
    for (const download of this.downloads.all()) {
      for (const peer of download.soughtHolders) holders.add(peer);
      others ||= download.seeksOthers;
    }
    for (const peer of this.untold) holders.add(peer);
    const last = this.#last;
    const isSame = others === last.others && holders.size === last.holders.length &&
      last.holders.every((peer) => holders.has(peer));
    if (isSame) return null;
    return this.#last = { holders: [...holders], others };
  }
}
