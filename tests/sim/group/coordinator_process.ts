/** One process of the coordinator's program. */

import type { Machine } from "../../../lib/base/machine/machine.ts";
import { sameBytes } from "../../../lib/base/collections/bytes.ts";
import type { LinkId, PeerKey } from "../../../lib/base/ids.ts";
import type { ChannelSecret } from "../../../lib/protocols/noise/channel_handshake.ts";
import type { GroupMessage } from "../../../lib/protocols/group/schema/messages.ts";
import { GroupSecrets } from "../../../lib/protocols/group/schema/group_secrets.ts";
import { RebuildingCoordinator } from "../../../lib/protocols/group/recovery/rebuilding_coordinator.ts";
import type {
  CoordinatorEffect,
  CoordinatorInput,
} from "../../../lib/protocols/group/schema/coordinator_io.ts";
import type { CoordinatorCommand } from "../../../lib/protocols/group/schema/events.ts";
import { MEMBERS_MAX } from "../../../lib/protocols/group/schema/limits.ts";
import type { CoordinatorRecord } from "../../../lib/protocols/group/schema/records.ts";
import type { LinkEnd } from "../link.ts";
import type { Call } from "../network.ts";
import type { SimProcess } from "../process.ts";
import { type AnyProcess, GroupProcess } from "./process.ts";
import type { CoordinatorParty, World } from "./world.ts";

const KEEP_MS_MAX = 5;

export class CoordinatorProcess
  extends GroupProcess<CoordinatorInput, CoordinatorEffect, CoordinatorRecord> {
  readonly coordinator: RebuildingCoordinator;
  readonly #datagrams: ReturnType<World["openBare"]>;
  readonly sim: SimProcess<CoordinatorInput, CoordinatorEffect, CoordinatorRecord>;

  constructor(world: World, override readonly party: CoordinatorParty) {
    super(world, party, party.disk);
    const { mutation } = world.options;
    const secrets = world.options.private === true ? this.#secrets() : null;
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
        secrets,
        takesDatagrams: world.hasRouters,
      },
      party.signer,
      this.environment(),
    );
    this.sim = this.run(this.coordinator, this.driven());
    this.#datagrams = world.openBare(this, party.endpoint);
    this.#datagrams?.handle({
      datagram: (from, bytes) => this.told({ type: "datagram", from, bytes: bytes.slice() }),
      turn() {},
    });
  }

  /** Sends past what waits for the disk. */
  override stepped(input: CoordinatorInput, effects: readonly CoordinatorEffect[]): void {
    super.stepped(input, effects);
    if (this.gone) return;
    for (const effect of effects) {
      if (effect.type === "datagram") this.#datagrams?.send(effect.to, effect.bytes);
    }
  }

  refresh(): void {
    if (!this.frozen) this.#datagrams?.wake();
  }

  override end(powerLost: boolean): void {
    super.end(powerLost);
    this.#datagrams?.close();
  }

  /** The machine as its inputs reach it. */
  protected driven(): Machine<CoordinatorInput, CoordinatorEffect> {
    return this.world.options.mutation?.wrapCoordinator?.(this.coordinator) ?? this.coordinator;
  }

  /** As `serve` does: the first secret is on the disk before there is a group. */
  #secrets(): GroupSecrets {
    const { disk, world } = this;
    const secrets = new GroupSecrets(disk.stateRecords);
    if (secrets.current === null) {
      disk.write([secrets.rotate((length) => world.random.bytes(length))]);
      disk.opened();
    }
    return secrets;
  }

  /** The channel asks again at the dialler's proof, right before the link is up: the invite may be void by then. */
  override linkUp(end: LinkEnd<GroupMessage>): void {
    const { key } = end.other.owner as unknown as { readonly key: PeerKey };
    if (!this.coordinator.admits(key, end.secret)) return end.close("bad-credentials");
    super.linkUp(end);
  }

  override refusal(call: Call<GroupMessage>): string | null {
    const { private: isPrivate = false } = this.world.options;
    const secret = call.secret ?? null;
    if (isPrivate && !this.#opens(secret)) return "bad-credentials";
    const from = call.from as unknown as { readonly key: PeerKey };
    return this.coordinator.admits(from.key, secret) ? super.refusal(call) : "bad-credentials";
  }

  /** As the channel does: both ends know the secret. */
  #opens(secret: ChannelSecret | null): boolean {
    const { secrets } = this.coordinator.config;
    if (secret === null || !secrets) return false;
    return secrets.opening(secret.epoch).some((key) => sameBytes(key, secret.key));
  }

  command(command: CoordinatorCommand): void {
    this.told({ type: "command", command, ref: undefined });
  }

  protected linkUpInput(
    link: LinkId,
    { key, process, seenHost }: Pick<AnyProcess, "key" | "process" | "seenHost">,
  ): CoordinatorInput {
    return { type: "link-up", link, peer: key, process, host: seenHost };
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
      case "datagram":
      case "input":
      case "persist":
      case "shown":
        return;
      default:
        return this.performCommon(effect);
    }
  }
}
