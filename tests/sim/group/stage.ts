/** A simulated group for one scene: a calm network, and a kill right after one effect, given by its name. */

import type { LinkId } from "../../../lib/base/ids.ts";
import { ballotText, NO_BALLOT } from "../../../lib/protocols/group/schema/epoch.ts";
import type { CoordinatorInput } from "../../../lib/protocols/group/schema/coordinator_io.ts";
import { INCARNATION_BYTES } from "../../../lib/protocols/group/schema/limits.ts";
import type { GroupMessage } from "../../../lib/protocols/group/schema/messages.ts";
import type {
  CoordinatorRecord,
  MemberRecord,
} from "../../../lib/protocols/group/schema/records.ts";
import { fakeSigner } from "../fake_crypto.ts";
import { allCheckers } from "./checkers/all.ts";
import type { Checker } from "./checker.ts";
import type { CoordinatorProcess } from "./coordinator_process.ts";
import type { AskedEdit } from "./edit_ledger.ts";
import type { AnyEffect } from "./process.ts";
import { checkSettled, unite } from "./settling.ts";
import { Violation } from "./violation.ts";
import { type MemberParty, type Party, World } from "./world.ts";

/** The one-way delay. */
const DELAY_MS = 5;
const SYNC_MS = 0.5;
export const FAIL_AFTER_MS = 3_000;
/** After this time a sent message has arrived, but no answer to it. */
export const HEARD_MS = 1.5 * DELAY_MS;
/** The most time for something to happen in a scene. */
const SCENE_MS_MAX = 30_000;
const QUIET_MS = 1_000;

/** For example `send flush`, `tell begin`, `disk promised`: the kind of effect, and its message or records. */
export function nameOf(effect: AnyEffect): string {
  switch (effect.type) {
    case "send":
    case "tell":
      return `${effect.type} ${effect.message.type}`;
    case "persist":
      return `disk ${effect.records.map(({ kind }) => kind).join(" ")}`;
    default:
      return effect.type;
  }
}

export interface Kill {
  /** Kills this long after the effect was performed. */
  readonly afterMs?: number;
  /** Cuts the host's power: sent messages arrive, links fall silent, and unsynced records may be lost. */
  readonly power?: boolean;
  /** A substring of the effect's JSON, to choose one effect of the kind. */
  readonly having?: string;
}

/** Reports records that were written and aren't synced yet. */
class Writes implements Checker {
  watch: ((party: Party, records: readonly (MemberRecord | CoordinatorRecord)[]) => void) | null =
    null;

  wrote(party: Party, records: readonly (MemberRecord | CoordinatorRecord)[]): void {
    this.watch?.(party, records);
  }
}

export class Stage {
  readonly world: World;
  readonly #writes = new Writes();

  constructor(seed: number, members: number, print: ((line: string) => void) | null = null) {
    const options = {
      seed,
      members,
      failAfterMs: FAIL_AFTER_MS,
      delayMs: DELAY_MS,
      jitterMs: 0,
      bytesPerMs: Infinity,
      lateChance: 0,
      edits: "own" as const,
      voteTimeoutMs: 10_000,
      snapshotEveryMs: null,
      disk: { syncMs: SYNC_MS, slowChance: 0 },
      codec: false,
      datagramLoss: null,
      print,
      mutation: null,
    };
    this.world = new World(options, [...allCheckers(), this.#writes]);
  }

  /** A stage on which the first `founders` members have joined, one after the other, and talked. */
  static of(seed: number, members: number, founders: number): Stage {
    const stage = new Stage(seed, members);
    if (founders > 0) stage.startCoordinator();
    for (let number = 1; number <= founders; number++) {
      stage.start(number);
      stage.pass(QUIET_MS);
      stage.say(number);
    }
    stage.pass(QUIET_MS);
    if (founders > 0) stage.unite();
    return stage;
  }

  member(number: number): MemberParty {
    return this.world.members[number - 1]!;
  }

  /** Cuts both directions between each pair; 0 is the coordinator, other numbers are members. */
  cut(kind: "tcp" | "udp", ...pairs: readonly (readonly [number, number])[]): void {
    const isCut = (from: number, to: number) =>
      pairs.some(([a, b]) => (from === a && to === b) || (from === b && to === a));
    if (kind === "tcp") this.world.network.setCuts(isCut);
    else this.world.channels.setCuts(isCut);
  }

  start(number: number): void {
    this.world.start(this.member(number));
  }

  startCoordinator(): void {
    this.world.startCoordinator();
  }

  say(number: number): string {
    this.world.say(this.member(number).process!, "");
    return this.world.history.said.at(-1)!.text;
  }

  /** The member's user requests an edit of an entry. */
  edit(number: number, seq: number): AskedEdit {
    return this.world.edit(this.member(number).process!, seq);
  }

  /** The member's user answers the question about this edit. */
  vote(number: number, { edit, text }: AskedEdit, agrees: boolean): void {
    this.world.vote(this.member(number).process!, edit, text, agrees);
  }

  quit(number: number): void {
    const { process } = this.member(number);
    this.member(number).isWanted = false;
    process!.command({ command: "quit" });
  }

  /** A command of the operator. A removed member stays out until it is allowed in. */
  operator(command: "remove" | "allow", number: number): void {
    const party = this.member(number);
    party.isKicked = command === "remove";
    party.wasRemoved ||= party.isKicked;
    this.world.coordinator.process!.command({ command, name: party.name });
  }

  /** A stranger claims in its hello to be of this group and to have promised a number, and disconnects. */
  strangerPromises(number: number): void {
    const { time, coordinator } = this.world;
    const { coordinator: machine } = coordinator.process as CoordinatorProcess;
    const record = coordinator.disk.records.find(({ kind }) => kind === "group");
    if (record?.kind !== "group") throw new Violation("No group was founded");
    const { group } = record;
    const link = number as LinkId;
    const name = `stranger${number}`;
    const incarnation = new Uint8Array(INCARNATION_BYTES);
    const at = { name, incarnation, host: null, port: 9 };
    const promised = { number, round: 0 };
    const account = {
      group: null,
      founding: null,
      epoch: null,
      view: null,
      isLost: false,
      isOut: false,
      edit: 0,
    };
    const messages: readonly GroupMessage[] = [
      { type: "hello", ...at, group, begun: NO_BALLOT, promised },
      { type: "account", ...account, promised: NO_BALLOT, former: null }, // its answer to the coordinator's question
    ];
    const step = (input: CoordinatorInput) => void machine.step(input, time.nowMs);
    step({ type: "link-up", link, peer: fakeSigner(name).key, process: name, host: "10.9.9.9" });
    for (const message of messages) step({ type: "message", link, message });
    step({ type: "link-down", link, closed: true, reason: "" });
  }

  pass(ms: number): void {
    this.world.time.runUntil(this.world.time.nowMs + ms);
  }

  /** Lets time pass until `isSo` returns true. @throws {Violation} If it never does. */
  until(what: string, isSo: () => boolean): void {
    const { time } = this.world;
    const fromMs = time.nowMs;
    while (!isSo()) {
      if (time.nowMs > fromMs + SCENE_MS_MAX) {
        throw new Violation(`It never came to be that ${what}`);
      }
      this.pass(1);
    }
  }

  /** Heals: everybody must be one group with one log. */
  unite(): void {
    unite(this.world);
    checkSettled(this.world);
  }

  #party(who: "C" | number): Party {
    return who === "C" ? this.world.coordinator : this.member(who);
  }

  kill(who: "C" | number, { power = false }: Pick<Kill, "power"> = {}): void {
    this.world.end(this.#party(who).process!, power);
  }

  /**
   * Calls `action`, and ends the process right after the named effect.
   * @throws {Violation} If that effect never happens.
   */
  killAt(who: "C" | number, effect: string, action: () => void, kill: Kill = {}): void {
    const { afterMs = 0, power = false, having = "" } = kill;
    this.at(who, effect, having, action, (process) => {
      const end = () => this.world.end(process, power);
      if (afterMs === 0) end();
      else this.world.time.after(afterMs, end);
    });
    this.until(`${who} ends`, () => this.#party(who).process === null);
  }

  /** As `killAt`, but calls `springs` at the effect. */
  at(
    who: "C" | number,
    name: string,
    having: string,
    action: () => void,
    springs: (process: NonNullable<Party["process"]>) => void,
  ): void {
    let hasSprung = false;
    // A process has to be started before its effects can be watched; it performs none at once.
    if (this.#party(who).process === null) {
      action();
      action = () => {};
    }
    const process = this.#party(who).process!;
    const isIt = (effect: AnyEffect) =>
      nameOf(effect).startsWith(name) && (having === "" || asText(effect).includes(having));
    process.trap(isIt, () => {
      hasSprung = true;
      springs(process);
    });
    action();
    this.until(`${process.name} does ${name}`, () => hasSprung);
  }

  /**
   * Cuts the power while these records are being synced: a prefix of them stays on the disk.
   * @param meanwhile Called right before that.
   */
  losePowerWriting(
    who: "C" | number,
    kind: (MemberRecord | CoordinatorRecord)["kind"],
    action: () => void,
    meanwhile: () => void = () => {},
  ): void {
    const party = this.#party(who);
    this.#writes.watch = (writer, records) => {
      if (writer !== party || records.every((record) => record.kind !== kind)) return;
      this.#writes.watch = null;
      const { process } = party;
      this.world.time.after(0, () => {
        meanwhile();
        this.world.end(process!, true);
      });
    };
    action();
    this.until(`${party.name} writes ${kind}`, () => party.process === null);
  }

  // Results.

  /** The member's epoch, as `4` or `4.1`; null while it is in none. */
  epoch(number: number): string | null {
    const epoch = this.member(number).process?.member.epoch?.epoch.value ?? null;
    return epoch === null ? null : ballotText(epoch.ballot);
  }

  membersSeenBy(number: number): readonly string[] {
    const epoch = this.member(number).process?.member.epoch?.epoch.value;
    return (epoch?.members ?? []).map(({ name }) => name);
  }

  /** The members for which its user is told to wait. */
  awaitedBy(number: number): readonly string[] {
    return this.member(number).process?.member.session.awaited ?? [];
  }

  hasShown(number: number, text: string): boolean {
    return this.member(number).process?.shown.has(text) ?? false;
  }

  hasRecord(who: "C" | number, kind: (MemberRecord | CoordinatorRecord)["kind"]): boolean {
    return this.#party(who).disk.records.some((record) => record.kind === kind);
  }

  /** The entries that each member locks. */
  locks(): readonly (readonly number[])[] {
    return this.world.members.map(({ process }) => process?.member.membership?.voting.locks ?? []);
  }

  promised(number: number): string {
    return ballotText(this.member(number).process!.member.standing.promised);
  }

  /** The numbers of the views that the coordinator has decided, in order. */
  get decided(): readonly number[] {
    return this.world.coordinator.disk.records.flatMap((record) =>
      record.kind === "decided" ? [record.signed.epoch.value.view] : []
    );
  }

  get view(): number {
    return this.decided.at(-1) ?? 0;
  }
}

function asText(effect: AnyEffect): string {
  return JSON.stringify(
    effect,
    (_, value: unknown) => value instanceof Uint8Array ? value.toHex() : value,
  );
}
