/**
 * G11: an entry counts under a name only if the log itself proves that this key had that name then. Written apart from
 * the machines: of each log, only the views that the coordinator has signed are believed.
 */

import type { PeerKey } from "../../../../lib/base/ids.ts";
import { isViewSignedBy } from "../../../../lib/protocols/group/schema/epoch.ts";
import type { Placed } from "../../../../lib/protocols/group/schema/history.ts";
import type { Checker } from "../checker.ts";
import { fakeCrypto } from "../../fake_crypto.ts";
import type { SimLog } from "../group_disk.ts";
import { Violation } from "../violation.ts";
import type { Party, World } from "../world.ts";

interface Read {
  batches: number;
  names: ReadonlyMap<PeerKey, string>;
}

export class WhoseWords implements Checker {
  readonly #read = new WeakMap<SimLog, Read>();
  /** Keys that the coordinator had at any time. */
  readonly #coordinators = new Set<PeerKey>();

  logged(party: Party, _placed: Placed): void {
    const { world, disk: { log } } = party;
    this.#coordinators.add(world.coordinator.signer.key);
    if (log === null) return;
    const read = this.#read.get(log) ?? { batches: 0, names: new Map<PeerKey, string>() };
    this.#read.set(log, read);
    for (; read.batches < log.batches.length; read.batches++) {
      const { batch: { value: { kind, author, name } }, view } = log.batches[read.batches]!;
      if (view !== null) {
        const { by, members } = view.recorded.value;
        if (!this.#coordinators.has(by) || !isViewSignedBy(fakeCrypto, by, view)) {
          throw new Violation(`G11: ${party.name} has a view that the coordinator hasn't signed`);
        }
        read.names = new Map(members.map(({ key, name }) => [key, name]));
      }
      if (kind !== "texts" || read.names.get(author) === name) continue;
      throw new Violation(`G11: ${party.name} has words under ${name}, which their author wasn't`);
    }
  }

  /** Nobody is shown words of another's under a name that is somebody's here. */
  settled(world: World): void {
    const names = new Map(world.members.map(({ signer, name }) => [signer.key, name]));
    for (const { name: at, disk: { log } } of world.members) {
      for (const { batch: { value: { kind, author, name } } } of log?.batches ?? []) {
        const own = names.get(author);
        if (kind === "texts" && own !== undefined && own !== name) {
          throw new Violation(`G11: ${at} has words of ${own} under the name ${name}`);
        }
      }
    }
  }
}
