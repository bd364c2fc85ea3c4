/**
 * The coordinator's latest snapshots in an engine, so that whoever leads next has them: the text of each in pieces,
 * `snapshots/ID/N`, and a file of each at the instance that took it, and at one that lists it.
 */

import type { Crypto } from "../../base/crypto/crypto.ts";
import type { FencedLog } from "../../engine/fenced_log.ts";
import type { SharedStore } from "../../engine/shared_store.ts";
import type { Cut } from "../../protocols/group/schema/cut.ts";
import type { SnapshotView } from "../../protocols/group/schema/events.ts";
import { verdictOf } from "../../protocols/group/snapshot/cut_check.ts";
import type { KeptSnapshot, Snapshots } from "../../runtime/hosts/coordinator_host.ts";
import { snapshotText } from "../../runtime/records/snapshot_file.ts";
import type { SnapshotStore } from "../tools/snapshot_store.ts";

/** In the engine; the files at each instance are as many as without one. */
const SNAPSHOTS_SHARED_MAX = 20;
/** A longer one stays with the instance that took it. */
const UNITS_MAX = 4 * 1024 * 1024;
/** Of one key, in UTF-16 units: within a change of 1 MiB also where each takes three bytes. */
const PIECE_UNITS_MAX = 256 * 1024;

interface EngineSnapshotsPorts {
  readonly store: SharedStore;
  /** Ends in `/`. */
  readonly prefix: string;
  readonly fenced: FencedLog;
  readonly crypto: Crypto;
  readonly files: SnapshotStore;
}

export class EngineSnapshots implements Snapshots {
  readonly #below: string;

  constructor(readonly ports: EngineSnapshotsPorts) {
    this.#below = `${ports.prefix}snapshots/`;
  }

  async keep(cut: Cut): Promise<KeptSnapshot> {
    const { crypto, fenced, files } = this.ports;
    const kept = await files.keep(cut);
    const text = snapshotText(crypto, cut, verdictOf(cut));
    if (text.length > UNITS_MAX) return kept;
    for (const [at, value] of piecesOf(text).entries()) {
      const key = `${this.#below}${cut.id}/${String(at).padStart(4, "0")}`;
      await fenced.change({ puts: [{ key, value }], when: [{ key, is: "absent" }] });
    }
    const ids = [...(await this.#shared()).entries()];
    for (const [, { keys }] of ids.slice(0, Math.max(0, ids.length - SNAPSHOTS_SHARED_MAX))) {
      await fenced.change({ puts: [], deletes: keys });
    }
    return kept;
  }

  async list(): Promise<readonly SnapshotView[]> {
    const { files } = this.ports;
    for (const [id, { text }] of await this.#shared()) await files.adopt(id, text);
    return await files.list();
  }

  /** The snapshots in the engine, the oldest first. */
  async #shared(): Promise<
    ReadonlyMap<string, { readonly keys: readonly string[]; readonly text: string }>
  > {
    const { entries } = await this.ports.store.read(this.#below);
    const byId = Map.groupBy(entries, ({ key }) => key.slice(this.#below.length).split("/")[0]!);
    return new Map([...byId].map(([id, pieces]) => [id, {
      keys: pieces.map(({ key }) => key),
      text: pieces.map(({ value }) => value).join(""),
    }]));
  }
}

/** No character stands in two pieces: half of one can't be stored. */
function piecesOf(text: string): readonly string[] {
  const pieces: string[] = [];
  for (let from = 0; from < text.length;) {
    let to = Math.min(text.length, from + PIECE_UNITS_MAX);
    if (!text.slice(from, to).isWellFormed()) to--;
    pieces.push(text.slice(from, to));
    from = to;
  }
  return pieces;
}
