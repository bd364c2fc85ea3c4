/** One process of a member's program. */

import type { LinkId } from "../../../lib/base/ids.ts";
import type { MemberCommand } from "../../../lib/protocols/group/schema/events.ts";
import { Member } from "../../../lib/protocols/group/member/member.ts";
import { COORDINATOR_NAME } from "../../../lib/protocols/group/schema/history.ts";
import type { MemberEffect, MemberInput } from "../../../lib/protocols/group/schema/member_io.ts";
import {
  groupChannelSecret,
  rememberedSecrets,
} from "../../../lib/protocols/group/schema/group_secrets.ts";
import type { MemberRecord } from "../../../lib/protocols/group/schema/records.ts";
import type { SimProcess } from "../process.ts";
import type { ChannelOwner, ChannelPort } from "./channels.ts";
import { Liar } from "./liar.ts";
import { type AnyProcess, GroupProcess } from "./process.ts";
import type { MemberParty, World } from "./world.ts";

type ToPeers = Extract<MemberEffect, { readonly type: "tell" | "meet" | "part" }>;

export class MemberProcess extends GroupProcess<MemberInput, MemberEffect, MemberRecord>
  implements ChannelOwner {
  readonly member: Member;
  readonly sim: SimProcess<MemberInput, MemberEffect, MemberRecord>;
  readonly port: ChannelPort;
  /** The number of the last entry that its user was shown. */
  shownThrough: number;
  /** The texts that this process has shown. */
  readonly shown = new Set<string>();
  /** Effects that were performed before their turn. */
  readonly #done = new WeakSet<MemberEffect>();
  /** Whether input of the user is accepted. */
  takesInput = true;
  readonly startedMs: number;
  /** Whether the coordinator knows none of its invites any more: its user starts it with another one. */
  isUninvited = false;

  constructor(world: World, override readonly party: MemberParty) {
    super(world, party, party.disk);
    const { mutation } = world.options;
    const environment = this.environment();
    const { log, stateRecords } = this.disk;
    const last = log?.batches.at(-1)?.batch.value;
    this.startedMs = world.time.nowMs;
    const [coordinator, ...instances] = world.servers;
    this.shownThrough = log?.end.seq ?? 0;
    this.member = new Member(
      {
        name: party.name,
        coordinator: coordinator!,
        instances,
        server: "the group",
        expect: party.pins.get(COORDINATOR_NAME) ?? null,
        given: null,
        port: party.endpoint.port,
        host: party.saysHost ? party.endpoint.host : null,
        listening: party.endpoint,
        pins: new Map(party.pins),
        records: mutation?.memberRecords?.(stateRecords) ?? stateRecords,
        history: log?.end.copy() ?? null,
        last: last === undefined
          ? null
          : { key: last.author, name: last.name, sentAt: last.sentAt },
        files: { log: "/data/log", knownPeers: "/data/known_peers" },
        wait: true,
        secrets: [party.invite, ...party.secrets].filter((secret) => secret !== null),
      },
      party.signer,
      mutation?.environment?.(environment) ?? environment,
    );
    const driven = mutation?.wrapMember?.(this.member) ?? this.member;
    const isLiar = party.lie !== null;
    this.sim = this.run(
      this.member,
      isLiar ? new Liar(this.member, party, world.random.fork()) : driven,
    );
    this.port = world.openPort(this, party.endpoint);
  }

  override get seenHost(): string {
    return this.world.routerOf(this.party)?.outsideHost ?? super.seenHost;
  }

  command(command: MemberCommand, ref?: string): void {
    this.told({ type: "command", command, ref });
  }

  protected linkUpInput(link: LinkId, { key: peer }: Pick<AnyProcess, "key">): MemberInput {
    return { type: "link-up", link, peer };
  }

  /** Performs effects for other members at once, as they needn't wait for the disk. */
  override stepped(input: MemberInput, effects: readonly MemberEffect[]): void {
    super.stepped(input, effects);
    for (const effect of effects) {
      if (this.gone || !this.#toPeers(effect)) continue;
      this.#done.add(effect);
      this.carriedOut();
    }
    if (!this.gone) this.world.stepped(this);
  }

  protected stopped(): void {
    this.world.stopped(this);
  }

  /** @returns Whether the effect is one for the datagram layer, and was performed now. */
  #toPeers(effect: MemberEffect): boolean {
    if (effect.type !== "tell" && effect.type !== "meet" && effect.type !== "part") return false;
    this.#performToPeers(effect);
    return true;
  }

  #performToPeers(effect: ToPeers): void {
    this.carrying = effect;
    this.world.note(`${this.name} >`, effect);
    switch (effect.type) {
      case "tell":
        for (const checker of this.world.checkers) checker.toldMembers?.(this, effect.message);
        for (const peer of effect.peers) this.port.tell(peer, effect.message);
        return;
      case "meet":
        return this.port.meet(effect.peer, effect);
      case "part":
        return this.port.part(effect.peer, effect.reason);
    }
  }

  perform(effect: MemberEffect): void {
    if (this.#done.has(effect)) return;
    this.carrying = effect;
    switch (effect.type) {
      case "tell":
      case "meet":
      case "part":
        return this.#performToPeers(effect);
    }
    this.world.note(`${this.name} >`, effect);
    switch (effect.type) {
      case "datagram-keys":
        return this.port.keyed(effect, this.world.coordinator.endpoint);
      case "dial":
        return this.#dial(effect);
      case "show":
        return this.world.shown(this, effect.event, effect.ref);
      case "look": {
        const { token, seq, id } = effect;
        return this.answered(() => ({
          type: "looked",
          token,
          entry: this.disk.log?.look(seq, id) ?? null,
        }));
      }
      case "input":
        this.takesInput = effect.pausedBecause === null;
        return;
      case "keep-addresses":
        return;
      case "keep-secret":
        this.party.secrets = rememberedSecrets(this.party.secrets, effect.secret);
        return;
      case "persist":
      case "shown":
      case "show-log":
      case "show-entry":
        return;
      default:
        return this.performCommon(effect);
    }
  }

  override end(powerLost: boolean): void {
    super.end(powerLost);
    this.port.end();
  }

  #dial(
    { attempt, endpoint, expect, secret }: Extract<MemberEffect, { readonly type: "dial" }>,
  ): void {
    const { world } = this;
    const failed = (reason: string) => {
      this.isUninvited = reason === "bad-credentials";
      const key = reason === "wrong-key" ? world.coordinator.signer.key : null;
      this.told({
        type: "dial-failed",
        attempt,
        reason,
        text: `cannot be reached: ${reason}`,
        key,
      });
    };
    const opens = secret === null ? null : groupChannelSecret(secret);
    world.network.dial({
      from: this,
      attempt,
      endpoint,
      expect,
      room: null,
      secret: opens,
      failed,
    });
  }
}
