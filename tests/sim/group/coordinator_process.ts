/** One process of the coordinator's program. */

import type { LinkId, PeerKey } from "../../../lib/base/ids.ts";
import { RebuildingCoordinator } from "../../../lib/protocols/group/rebuilding.ts";
import type {
  CoordinatorEffect,
  CoordinatorInput,
} from "../../../lib/protocols/group/coordinator_io.ts";
import type { CoordinatorCommand } from "../../../lib/protocols/group/events.ts";
import { MEMBERS_MAX } from "../../../lib/protocols/group/limits.ts";
import type { CoordinatorRecord } from "../../../lib/protocols/group/records.ts";
import type { SimProcess } from "../process.ts";
import { GroupProcess } from "./process.ts";
import type { CoordinatorParty, World } from "./world.ts";

const KEEP_MS_MAX = 5;

export class CoordinatorProcess
  extends GroupProcess<CoordinatorInput, CoordinatorEffect, CoordinatorRecord> {
  readonly coordinator: RebuildingCoordinator;
  readonly sim: SimProcess<CoordinatorInput, CoordinatorEffect, CoordinatorRecord>;

  constructor(world: World, override readonly party: CoordinatorParty) {
    super(world, party, party.disk);
    const { mutation } = world.options;
    this.coordinator = new RebuildingCoordinator(
      {
        // The operator knows whether a group exists.
        mayFound: !party.hasLostDisk,
        listening: party.endpoint,
        failAfterMs: world.options.failAfterMs,
        membersMax: MEMBERS_MAX,
        edits: party.edits,
        voteTimeoutMs: world.options.voteTimeoutMs,
        snapshotEveryMs: world.options.snapshotEveryMs,
        pins: new Map(party.pins),
        records: mutation?.coordinatorRecords?.(this.disk.stateRecords) ?? this.disk.stateRecords,
        history: this.disk.log?.end.copy() ?? null,
      },
      party.signer,
      this.environment(),
    );
    this.sim = this.run(
      this.coordinator,
      mutation?.wrapCoordinator?.(this.coordinator) ?? this.coordinator,
    );
  }

  command(command: CoordinatorCommand): void {
    this.told({ type: "command", command, ref: undefined });
  }

  protected linkUpInput(link: LinkId, peer: PeerKey, host: string): CoordinatorInput {
    return { type: "link-up", link, peer, host };
  }

  protected stopped(): void {
    this.world.stopped(this);
  }

  #keep({ token, cut }: Extract<CoordinatorEffect, { readonly type: "keep-snapshot" }>): void {
    const { world, disk } = this;
    world.cutTaken(cut);
    const kept = disk.refuses
      ? { file: null, text: "Cannot write: the disk is full" }
      : { file: `/data/snapshots/${cut.id}.txt`, text: "" };
    world.time.after(world.random.between(0, KEEP_MS_MAX), () => {
      if (!this.gone) this.told({ type: "snapshot-kept", token, ...kept, removed: [] });
    });
  }

  perform(effect: CoordinatorEffect): void {
    this.carrying = effect;
    this.world.note(`${this.name} >`, effect);
    switch (effect.type) {
      case "show":
        return this.world.shownAtCoordinator(effect.event);
      case "keep-snapshot":
        return this.#keep(effect);
      case "show-snapshots":
      case "input":
      case "persist":
      case "shown":
        return;
      default:
        return this.performCommon(effect);
    }
  }
}
