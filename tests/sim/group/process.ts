/** One process of a member or of the coordinator: its machine, its links, and its part of the disk. */

import { type Environment, SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { LinkId, PeerKey } from "../../../lib/base/ids.ts";
import type { Machine } from "../../../lib/base/machine/machine.ts";
import type { ModeOutcome } from "../../../lib/base/machine/mode_machine.ts";
import type {
  CoordinatorEffect,
  CoordinatorInput,
} from "../../../lib/protocols/group/schema/coordinator_io.ts";
import type { MemberEffect, MemberInput } from "../../../lib/protocols/group/schema/member_io.ts";
import type { GroupMessage } from "../../../lib/protocols/group/schema/messages.ts";
import type {
  CoordinatorRecord,
  MemberRecord,
} from "../../../lib/protocols/group/schema/records.ts";
import { DelayedFault } from "../delayed_fault.ts";
import { fakeCrypto } from "../fake_crypto.ts";
import type { LinkEnd } from "../link.ts";
import type { Call, Station } from "../network.ts";
import { freshProcess, type Persist, type ProcessPort, SimProcess } from "../process.ts";
import type { CoordinatorProcess } from "./coordinator_process.ts";
import type { GroupDisk } from "./group_disk.ts";
import type { MemberProcess } from "./member_process.ts";
import { messageBytes } from "./message_bytes.ts";
import { Violation } from "./violation.ts";
import type { Party, World } from "./world.ts";

const WALL_EPOCH_MS = Date.UTC(2026, 0, 1);
/** The longest time that a read of the log takes. */
const READ_MS_MAX = 3;

export type AnyInput = MemberInput | CoordinatorInput;
export type AnyProcess = MemberProcess | CoordinatorProcess;
export type AnyEffect = MemberEffect | CoordinatorEffect;

/** A machine that can list all records that its disk must hold. */
export interface Snapshotting<Input, Effect, Stored> extends Machine<Input, Effect> {
  snapshot(): Iterable<Stored> | null;
}

export abstract class GroupProcess<
  Input extends AnyInput,
  Effect extends AnyEffect,
  Stored extends MemberRecord | CoordinatorRecord,
> implements Station<GroupMessage>, ProcessPort<Input, Effect, Stored> {
  /** As its handshakes prove it: no two have the same. */
  readonly process: string = freshProcess();
  readonly tick = { type: "tick" } as Input;
  readonly links = new Map<LinkId, LinkEnd<GroupMessage>>();
  abstract readonly sim: SimProcess<Input, Effect, Stored>;
  gone = false;
  powerLost = false;
  readIntervalMs = 0;
  readableAtMs = 0;
  outcome: ModeOutcome | null = null;
  /**
   * Whether records are written before earlier effects are performed. Only such a process compacts: no write may be
   * waiting.
   */
  readonly isEager: boolean;
  #nextLink = 1;
  /** The fault that happens after a number of further effects. */
  readonly fault = new DelayedFault();
  /** What happens right after the first effect of some kind. */
  #trap: { readonly isIt: (effect: AnyEffect) => boolean; readonly springs: () => void } | null =
    null;
  /** The effect being performed. */
  protected carrying: AnyEffect | null = null;

  constructor(
    readonly world: World,
    readonly party: Party,
    readonly disk: GroupDisk<Stored>,
  ) {
    this.isEager = world.random.chance(0.5);
  }

  protected environment(): Environment {
    const { world, party } = this;
    const random = world.random.fork();
    return {
      random: random.next,
      randomBytes: (length) => random.bytes(length),
      wallMs: () => Math.floor(WALL_EPOCH_MS + world.time.nowMs + party.wallOffsetMs),
      crypto: fakeCrypto,
      log: { ...SILENT_LOGGER, warn: (message, fields) => this.#warned(message, fields) },
    };
  }

  #warned(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.world.note(this.name, { warning: message, ...fields });
    if (!message.includes("broke the rules") || this.world.hasAdversary) return;
    throw new Violation(`${this.name} blames an honest program: ${JSON.stringify(fields)}`);
  }

  protected run(
    machine: Snapshotting<Input, Effect, Stored>,
    driven: Machine<Input, Effect>,
  ): SimProcess<Input, Effect, Stored> {
    const clock = { offsetMs: this.world.random.between(0, 1e6), rate: 1 };
    this.snapshot = () => {
      const records = machine.snapshot();
      return records === null ? null : [...records];
    };
    return new SimProcess(driven, this.world.time, clock, this.disk, this.isEager, this);
  }

  snapshot: () => readonly Stored[] | null = () => null;

  get name(): string {
    return this.party.name;
  }

  get key(): PeerKey {
    return this.party.signer.key;
  }

  get host(): number {
    return this.party.host;
  }

  get seenHost(): string {
    return this.party.endpoint.host;
  }

  get frozen(): boolean {
    return this.sim.stalled || this.powerLost;
  }

  get silent(): boolean {
    return this.frozen;
  }

  get stalledUntilMs(): number {
    return this.sim.stalledUntilMs;
  }

  refusal(call: Call<GroupMessage>): string | null {
    return call.expect !== null && call.expect !== fingerprintOf(this.key) ? "wrong-key" : null;
  }

  told(input: Input): void {
    this.sim.deliver(input);
  }

  linkUp(end: LinkEnd<GroupMessage>): void {
    end.id = this.#nextLink++ as LinkId;
    this.links.set(end.id, end);
    const other = end.other.owner as GroupProcess<AnyInput, AnyEffect, Stored>;
    this.told(this.linkUpInput(end.id, other));
  }

  protected abstract linkUpInput(
    link: LinkId,
    other: Pick<AnyProcess, "key" | "process" | "seenHost">,
  ): Input;

  linkDown(end: LinkEnd<GroupMessage>, closed: boolean, reason: string): void {
    if (!this.links.delete(end.id)) return;
    this.told({ type: "link-down", link: end.id, closed, reason } as Input);
  }

  message(end: LinkEnd<GroupMessage>, message: GroupMessage): void {
    this.told({ type: "message", link: end.id, message: this.world.carried(message) } as Input);
  }

  congested(): void {}

  drained(end: LinkEnd<GroupMessage>): void {
    this.told({ type: "drained", link: end.id } as Input);
  }

  persistOf(effect: Effect): Persist<Stored> | null {
    if (effect.type !== "persist" || this.gone) return null;
    const persist = effect as unknown as Persist<Stored>;
    if (persist.sync) this.disk.asked.add(persist.records);
    return persist;
  }

  persisted(effect: Effect, stored: boolean): Input | null {
    if (effect.type !== "persist") return null;
    this.carrying = effect;
    const { token } = effect;
    const text = "Cannot write: the disk is full";
    if (!stored) return { type: "persist-failed", token, text } as Input;
    return token === null ? null : { type: "persisted", token } as Input;
  }

  stepped(input: Input, effects: readonly Effect[]): void {
    this.world.note(this.name, input);
    this.world.took(this as unknown as AnyProcess, input, effects);
  }

  carriedOut(): void {
    const { carrying } = this;
    const trap = this.#trap;
    this.carrying = null;
    if (trap !== null && carrying !== null && trap.isIt(carrying)) {
      this.#trap = null;
      trap.springs();
    }
    this.fault.carriedOut();
  }

  /**
   * Calls `springs` right after the first effect for which `isIt` returns true, unless the process has ended by
   * then.
   */
  trap(isIt: (effect: AnyEffect) => boolean, springs: () => void): void {
    this.#trap = { isIt, springs };
  }

  /** The log answers, after a while. */
  protected answered(answer: () => Input): void {
    const input = answer();
    this.world.time.after(this.world.random.between(0, READ_MS_MAX), () => {
      if (!this.gone) this.told(input);
    });
  }

  /** Performs effects that members and the coordinator have in common. */
  protected performCommon(
    effect: Extract<
      AnyEffect,
      { readonly type: "send" | "close" | "ban" | "read" | "stop" | "pin" }
    >,
  ): void {
    switch (effect.type) {
      case "send": {
        const end = this.links.get(effect.link);
        for (const checker of this.world.checkers) checker.sent?.(this.party, effect.message);
        end?.send(effect.message, "data", messageBytes(effect.message));
        return;
      }
      case "close":
        return this.links.get(effect.link)?.close(effect.reason);
      case "ban":
        if (this.world.hasAdversary) return this.links.get(effect.link)?.close(effect.reason);
        throw new Violation(`${this.name} bans an honest program: ${effect.reason}`);
      case "read": {
        const { token, after, bytesMax } = effect;
        const read = this.disk.log?.read(after, bytesMax) ??
          { batches: [], digest: null, seq: 0 };
        return this.answered(() => ({ type: "read", token, read }) as Input);
      }
      case "pin":
        return this.party.pin(effect.name, effect.key);
      case "stop":
        this.outcome = effect.outcome;
        return this.stopped();
    }
  }

  abstract perform(effect: Effect): void;

  /** The machine has requested the end of its process. */
  protected abstract stopped(): void;

  /** Ends the machine and the links, for `World.end`. */
  end(powerLost: boolean): void {
    this.sim.end();
    this.gone = true;
    this.powerLost = powerLost;
    for (const end of [...this.links.values()]) end.abandon(powerLost, 0.5);
  }
}
