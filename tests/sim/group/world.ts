/**
 * A simulated group: a coordinator and members, each with a disk; TCP between the coordinator and each member,
 * datagrams among members. Its user cuts and heals the network, and kills and starts programs. The checkers are told
 * what is typed and what becomes of it.
 */

import type { Signer } from "../../../lib/base/crypto/crypto.ts";
import { type Fingerprint, fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { Endpoint, Hash, PeerKey } from "../../../lib/base/ids.ts";
import { foldName } from "../../../lib/base/text/names.ts";
import type { CoordinatorEvent, MemberEvent } from "../../../lib/protocols/group/schema/events.ts";
import { COORDINATOR_NAME } from "../../../lib/protocols/group/schema/history.ts";
import { type EditPolicy } from "../../../lib/protocols/group/schema/edit.ts";
import { GROUP_MESSAGES, type GroupMessage } from "../../../lib/protocols/group/schema/messages.ts";
import { restoreMember } from "../../../lib/protocols/group/log/member_log.ts";
import type { GroupSecret } from "../../../lib/protocols/group/schema/group_secrets.ts";
import type {
  CoordinatorRecord,
  MemberRecord,
} from "../../../lib/protocols/group/schema/records.ts";
import type { Cut } from "../../../lib/protocols/group/schema/cut.ts";
import { createCodec } from "../../../lib/wire/codec.ts";
import type { DiskConfig } from "../disk.ts";
import { fakeCrypto, fakeSigner } from "../fake_crypto.ts";
import { Network, type Path } from "../network.ts";
import { Random } from "../random.ts";
import { VirtualTime } from "../virtual_time.ts";
import { CanonicalHistory } from "./canonical_history.ts";
import { type ChannelPort, Channels } from "./channels.ts";
import type { Checker } from "./checker.ts";
import { CoordinatorProcess } from "./coordinator_process.ts";
import { describe } from "./describe.ts";
import { type AskedEdit, EditLedger } from "./edit_ledger.ts";
import { GroupDisk } from "./group_disk.ts";
import { LossyChannels } from "./lossy_channels.ts";
import type { Lie } from "./liar.ts";
import { MemberProcess } from "./member_process.ts";
import { Router, type RouterKind } from "./routers.ts";
import type { Mutation } from "./mutations.ts";
import type { AnyEffect, AnyInput, AnyProcess } from "./process.ts";
import { Violation } from "./violation.ts";

/** A party of the group: it has a program, a key and a disk. */
export abstract class Party {
  signer: Signer;
  readonly pins = new Map<string, Fingerprint>();
  endpoint: Endpoint;
  wallOffsetMs = 0;

  constructor(readonly world: World, readonly name: string, readonly host: number) {
    this.signer = fakeSigner(`${world.options.seed}/${name}`);
    this.endpoint = { host: `10.0.0.${host}`, port: 6_000 };
  }

  abstract readonly disk: GroupDisk<MemberRecord> | GroupDisk<CoordinatorRecord>;
  abstract readonly process: MemberProcess | CoordinatorProcess | null;

  pin(name: string, key: PeerKey): void {
    this.pins.set(name === COORDINATOR_NAME ? name : foldName(name), fingerprintOf(key));
  }
}

export class CoordinatorParty extends Party {
  /** Whether it decides what no honest coordinator does. */
  isAdversary = false;
  disk: GroupDisk<CoordinatorRecord>;
  process: CoordinatorProcess | null = null;
  /** Who is to be asked before an edit, as its operator says. */
  edits: EditPolicy;
  /** Whether its disk was ever lost. */
  hasLostDisk = false;
  /**
   * The last view on its restored disk; null if the disk isn't an old one, or the coordinator knows of later views
   * again.
   */
  outdatedView: number | null = null;
  /** Whether its disk was ever restored to an earlier state. */
  wasPutBack = false;
  /**
   * Whether numbers may be used twice: it, or everybody who knew them, had an old disk; or another group was
   * founded.
   */
  hasForked = false;
  image: readonly CoordinatorRecord[] | null = null;

  constructor(world: World) {
    super(world, "C", 0);
    this.edits = world.options.edits;
    this.disk = world.newDisk(this);
  }
}

export class MemberParty extends Party {
  readonly disk: GroupDisk<MemberRecord>;
  process: MemberProcess | null = null;
  /** Whether its user wants it to run. */
  isWanted = false;
  wasStarted = false;
  /** Whether the operator has removed it, and not allowed it in since. */
  isKicked = false;
  /** Whether its log has items that nobody else may accept. */
  isAdversary = false;
  /** Whether it was ever removed: it may be told so only after it was allowed in again. */
  wasRemoved = false;
  /** Whether its disk was ever restored to an earlier state. */
  isDamaged = false;
  /** The invites that its user was given, and that its profile keeps; of private groups. */
  invite: GroupSecret | null = null;
  /** As its coordinator told them, the last one first. */
  secrets: readonly GroupSecret[] = [];
  /** Whether somebody else has used its key meanwhile. */
  hasDouble = false;
  /** Whether it was in a view, as the coordinator has decided. */
  get wasIn(): boolean {
    return [...this.world.coordinator.pins.values()].includes(fingerprintOf(this.signer.key));
  }

  /** Whether its log was lost or damaged, or set aside by the operator. */
  hasLostLog = false;
  /** The last view that had begun for it when the coordinator's disk was last restored. */
  begunAtOutdated = 0;
  diskRefused = false;
  /** The kind of its lies, and their probability. */
  lie: { readonly kind: Lie; chance: number } | null = null;
  hasLied = false;
  /** The number of texts typed so far. */
  typed = 0;
  image: readonly MemberRecord[] | null = null;
  readonly saysHost: boolean;

  constructor(world: World, host: number) {
    super(world, `m${host}`, host);
    this.disk = world.newDisk(this);
    this.saysHost = world.random.chance(0.7);
  }
}

export interface WorldOptions {
  readonly seed: number;
  readonly members: number;
  readonly failAfterMs: number;
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly bytesPerMs: number;
  /** Whose users are asked about an edit; `voteTimeoutMs` is the time to answer. */
  readonly edits: EditPolicy;
  readonly voteTimeoutMs: number;
  /** The interval of the coordinator's snapshots; null: it takes none. */
  readonly snapshotEveryMs: number | null;
  /** The probability that a message between members is late. */
  readonly lateChance: number;
  readonly disk: DiskConfig;
  /** Whether every message is encoded and decoded in transit. */
  readonly codec: boolean;
  /** The share of lost datagrams with the real datagram layer; null: ideal channels instead. */
  readonly datagramLoss: number | null;
  /** Whether newcomers need an invite; by default they don't. */
  readonly private?: boolean;
  /** How many programs may lead the group; by default one. */
  readonly instances?: number;
  /** What stands before each member; absent: nothing, and the coordinator takes no datagrams. */
  readonly routers?: readonly RouterKind[] | undefined;
  readonly print: ((line: string) => void) | null;
  readonly mutation: Mutation | null;
}

export type VoteWanted = Extract<MemberEvent, { readonly event: "vote-wanted" }>;

/** Error codes that are violations unless something else, such as a liar, explains them. */
const FATAL_AT_FAULT = new Set<string>(["internal", "store-corrupt", "protocol"]);

const codec = createCodec(GROUP_MESSAGES);
const KIB = 1_024;

export class World {
  readonly time = new VirtualTime();
  readonly random: Random;
  readonly network: Network<GroupMessage>;
  readonly channels: Channels;
  readonly history = new CanonicalHistory();
  readonly edits = new EditLedger();
  readonly coordinator: CoordinatorParty;
  readonly members: readonly MemberParty[];
  /** The real datagram layer, or null. With it, `channels` only determines the cuts. */
  readonly lossy: LossyChannels | null;
  /** By the numbers of their hosts. */
  readonly #routers: readonly (Router | null)[] | null;
  readonly #byKey = new Map<PeerKey, MemberParty>();
  steps = 0;

  constructor(readonly options: WorldOptions, readonly checkers: readonly Checker[]) {
    const { seed, members, delayMs, jitterMs, bytesPerMs, lateChance } = options;
    this.random = new Random(seed);
    const path: Path = { delayMs, jitterMs, bytesPerMs };
    const limits = { controlBytes: 64 * KIB, dataBytes: KIB * KIB, windowBytes: 256 * KIB };
    const hosts = members + (options.instances ?? 1);
    this.network = new Network(this.time, this.random.fork(), limits, hosts, () => path);
    this.#routers = options.routers === undefined ? null : this.#routersOf(options.routers, seed);
    const config = { lateChance, path: () => path };
    this.channels = new Channels(this.time, this.random.fork(), hosts, config);
    this.lossy = options.datagramLoss === null ? null : new LossyChannels(
      this.time,
      this.random.fork(),
      {
        loss: options.datagramLoss,
        delayMs,
        isCut: (from, to) => this.channels.isCut(from, to),
        routers: this.#routers,
      },
    );
    this.coordinator = new CoordinatorParty(this);
    this.members = Array.from({ length: members }, (_, at) => new MemberParty(this, at + 1));
    for (const member of this.members) this.#byKey.set(member.signer.key, member);
  }

  newDisk<Stored extends MemberRecord | CoordinatorRecord>(party: Party): GroupDisk<Stored> {
    const disk = new GroupDisk<Stored>(this.time, this.random.fork(), this.options.disk);
    this.watch(party, disk);
    return disk;
  }

  /** Tells the checkers what is written to it. */
  watch<Stored extends MemberRecord | CoordinatorRecord>(
    party: Party,
    disk: GroupDisk<Stored>,
  ): void {
    disk.wrote = (records) => {
      // The operator gives up what only some members had.
      if (records.some(({ kind }) => kind === "given-up")) this.#givenUp();
      for (const checker of this.checkers) checker.wrote?.(party, records);
    };
    disk.replaced = () => {
      for (const checker of this.checkers) checker.replaced?.(party);
    };
    disk.lost = (records) => {
      for (const checker of this.checkers) checker.lost?.(party, records);
    };
    disk.logged = (placed, before) => {
      if (party instanceof MemberParty && party.isAdversary) return;
      const { entries, edits } = this.history.take(party.name, before, placed);
      for (const { entry, said } of entries) {
        for (const checker of this.checkers) checker.placed?.(entry, said);
        said.seq = entry.seq;
      }
      for (const edit of edits) {
        for (const checker of this.checkers) checker.edited?.(this, edit);
      }
      for (const checker of this.checkers) checker.logged?.(party, placed);
    };
  }

  /** Who is asked about an edit at this position of the history. */
  policyAt(position: number): EditPolicy {
    return this.history.policyAt(position) ?? this.options.edits;
  }

  memberOf(key: PeerKey): MemberParty {
    const member = this.#byKey.get(key);
    if (member === undefined) throw new Violation("Somebody is in the group whom nobody knows");
    return member;
  }

  #routersOf(kinds: readonly RouterKind[], seed: number): readonly (Router | null)[] {
    const random = new Random(seed * 2 + 7);
    const coordinator = { host: "10.0.0.0", port: 6_000 };
    const made = kinds.map((kind, at) => {
      const translates = kind === "cone" || kind === "symmetric";
      const outside = `${translates ? "100.64.0" : "10.0.0"}.${at + 1}`;
      return new Router(kind, outside, coordinator, random.fork());
    });
    return [null, ...made];
  }

  get hasRouters(): boolean {
    return this.#routers !== null;
  }

  routerOf({ host }: Party): Router | null {
    return this.#routers?.[host] ?? null;
  }

  /** The coordinator's port for datagrams; null where it takes none. */
  openBare(process: CoordinatorProcess, endpoint: Endpoint) {
    return this.hasRouters ? this.lossy!.openBare(process, endpoint) : null;
  }

  openPort(process: MemberProcess, endpoint: Endpoint): ChannelPort {
    return (this.lossy ?? this.channels).open(process, endpoint);
  }

  /** The members' running processes. */
  running(): MemberProcess[] {
    return this.members.flatMap(({ process }) => process === null ? [] : [process]);
  }

  /** Where members find the coordinator. */
  get servers(): readonly Endpoint[] {
    return [this.coordinator.endpoint];
  }

  // Starting and ending programs.

  start(party: MemberParty): void {
    if (party.process !== null) return;
    party.isWanted = party.wasStarted = true;
    // The operator sends the present invite to whoever asks, except to those that were removed.
    if (!party.isKicked) party.invite = this.secrets.at(-1) ?? null;
    party.disk.opened();
    this.note(party.name, "start");
    const process = new MemberProcess(this, party);
    party.process = process;
    for (const checker of this.checkers) checker.started?.(process);
    process.told({ type: "start" });
  }

  /** All secrets that a private group ever had, as the coordinator's disk has them. */
  get secrets(): readonly GroupSecret[] {
    return this.coordinator.disk.stateRecords.flatMap((record) =>
      record.kind === "secret" ? [record.secret] : []
    );
  }

  /** The group; null before it is founded. */
  get group(): Hash | null {
    const found = this.coordinator.disk.stateRecords.find(({ kind }) => kind === "group");
    return found?.kind === "group" ? found.group : null;
  }

  startCoordinator(): void {
    const party = this.coordinator;
    if (party.process !== null) return;
    party.disk.opened();
    this.note(party.name, "start");
    const process = new CoordinatorProcess(this, party);
    party.process = process;
    this.network.listen(party.endpoint, process);
    process.told({ type: "start" });
  }

  /** Ends the process: it was killed, or its host has lost power. */
  end(process: MemberProcess | CoordinatorProcess, powerLost: boolean): void {
    const { party, disk } = process;
    if (party.process !== process) return;
    this.note(party.name, powerLost ? "power lost" : "end");
    process.end(powerLost);
    if (powerLost) disk.powerLost();
    else disk.processEnds();
    party.process = null;
    if (process instanceof MemberProcess) this.excuseLost(process.party);
    else if (this.network.listener(party.endpoint) === process) {
      this.network.unlisten(party.endpoint);
    }
    this.network.refresh();
  }

  /** Texts of members with a damaged log may be lost with it: they were on the disk, but in no other log yet. */
  #givenUp(): void {
    this.history.forksMax++;
    for (const party of this.members) {
      if (!party.hasLostLog) continue;
      const { process, signer, disk: { stateRecords, log } } = party;
      const end = log?.end.copy() ?? null;
      const unsaid = restoreMember(stateRecords, end, signer.key, fakeCrypto).said;
      const kept = new Set(unsaid.flatMap(({ batch }) => batch.value.texts));
      for (const said of this.history.said) {
        const isEarlier = said.by === party && said.process !== process;
        if (isEarlier && said.seq === null && !kept.has(said.text)) said.excused = true;
      }
    }
  }

  /** Texts that aren't on their author's disk may or may not become entries. */
  excuseLost(party: MemberParty): void {
    const kept = new Set<string>();
    for (const record of party.disk.records) {
      if (record.kind === "said") {
        for (const text of record.batch.batch.value.texts) kept.add(text);
      }
    }
    for (const said of this.history.said) {
      if (said.by === party && said.seq === null && !kept.has(said.text)) {
        said.excused = true;
      }
    }
  }

  /** A machine has requested the end of its process. */
  stopped(process: MemberProcess | CoordinatorProcess): void {
    const outcome = process.outcome!;
    const { party, disk } = process;
    if (outcome.kind === "fatal") this.#checkFatal(party, outcome.code, outcome.text);
    if (!disk.refuses) disk.closed();
    this.end(process, false);
  }

  #checkFatal(party: Party, code: string, text: string): void {
    this.note(party.name, `fatal ${code}: ${text}`);
    const isRefused = party instanceof MemberParty ? party.diskRefused : party.disk.refuses;
    if (code === "disk" && isRefused) return;
    if (code === "kicked" && party instanceof MemberParty && (party.wasRemoved || party.hasLied)) {
      party.isWanted = false;
      return;
    }
    const isParty = party instanceof MemberParty;
    if (isParty && this.options.private === true && this.#isUninvited(party, code)) return;
    // A member that quits before it was ever in the group is told which texts weren't sent, and doesn't keep them.
    const wasNeverIn = party instanceof MemberParty && party.disk.log === null;
    if (code === "coordinator-down" && wasNeverIn) {
      party.isWanted = false;
      for (const said of this.history.said) if (said.by === party) said.excused = true;
      return;
    }
    throw new Violation(`${party.name} ends with ${code}: ${text}`);
  }

  /** Whether a program ends because its user's invite was void, or because somebody else had its key. */
  #isUninvited(party: MemberParty, code: string): boolean {
    if (code === "replaced") return party.hasDouble;
    if (code !== "bad-credentials") return false;
    // With its disk the coordinator loses the invites, too, and members need the new one from its operator.
    const { hasLostDisk, wasPutBack } = this.coordinator;
    if (party.wasIn && !party.isKicked && !hasLostDisk && !wasPutBack) return false;
    if (party.disk.log === null) {
      for (const said of this.history.said) if (said.by === party) said.excused = true;
    }
    return true;
  }

  freeze(process: MemberProcess | CoordinatorProcess, ms: number): void {
    this.note(process.name, `stands still for ${ms.toFixed()} ms`);
    process.sim.stall(ms);
    this.refresh();
    this.time.after(ms + 0.01, () => this.refresh());
  }

  refresh(): void {
    this.network.refresh();
    for (const { port } of this.running()) port.refresh();
    this.coordinator.process?.refresh();
  }

  /** Whether there is a member that may be blamed for errors. */
  get hasAdversary(): boolean {
    return this.coordinator.isAdversary || this.members.some(({ isAdversary }) => isAdversary);
  }

  // What users do and see.

  say(process: MemberProcess, words: string): void {
    const { party } = process;
    const number = ++party.typed;
    const text = `${party.name}.${number} ${words}`;
    const { time: { nowMs: atMs }, history } = this;
    const ref = String(history.said.length);
    history.say({
      number,
      text,
      by: party,
      process,
      after: process.shownThrough,
      atMs,
      seq: null,
      excused: false,
    });
    process.command({ command: "msg", text }, ref);
  }

  /** A user requests an edit of an entry. */
  edit(process: MemberProcess, seq: number): AskedEdit {
    const asked = this.edits.ask(process.party, process, seq);
    process.command({ command: "edit", seq, text: asked.text }, this.edits.refOf(asked));
    return asked;
  }

  /** A user answers the question about an edit. */
  vote(process: MemberProcess, edit: number | null, text: string, agrees: boolean): void {
    if (agrees) this.edits.find(text)?.agreed.add(process.party);
    process.command({ command: agrees ? "go" : "abort", edit });
  }

  #shownOfEdits(process: MemberProcess, event: MemberEvent, ref: string | undefined): void {
    const asked = this.edits.byRef(ref);
    if (asked !== null && event.event === "error") asked.outcome = "refused";
    if (asked !== null && event.event === "edit-started") asked.edit = event.edit;
    if (event.event === "vote-wanted") this.voteWanted(process, event);
    if (event.event !== "edit") return;
    for (const checker of this.checkers) checker.editTold?.(process, event);
  }

  /** What a user who is asked does: nothing, unless this is replaced. */
  voteWanted: (process: MemberProcess, event: VoteWanted) => void = () => {};

  shown(process: MemberProcess, event: MemberEvent, ref: string | undefined): void {
    for (const checker of this.checkers) checker.told?.(process, event, ref);
    this.#shownOfEdits(process, event, ref);
    // The author was told that the text wasn't sent.
    if (event.event === "error" && ref !== undefined && this.edits.byRef(ref) === null) {
      this.history.said[Number(ref)]!.excused = true;
    }
    // Texts sent since the image of a restored disk was taken are unknown to that disk, and those that wait when the
    // operator founds another group aren't sent there: the user is told, and they are dropped.
    const isDropped = event.event === "notice" &&
      (event.text.startsWith("Another copy of this profile") ||
        event.text.includes("that you wrote in the former group"));
    if (isDropped) {
      for (const said of this.history.said) {
        if (said.by === process.party && said.seq === null) said.excused = true;
      }
    }
    const isChecked = !this.hasAdversary;
    if (event.event === "error" && isChecked && this.#isAtFault(process.party, event)) {
      throw new Violation(`${process.name} shows ${event.code}: ${event.text}`);
    }
    if (event.event !== "message") return;
    for (const checker of this.checkers) checker.shown?.(process, event);
    process.shownThrough = event.seq;
    process.shown.add(event.text);
  }

  /**
   * Whether an error violates a promise: a liar may be blamed, and others where it is one member's word against
   * another's; so may a coordinator that gives a number of an edit twice, as nobody has noticed yet that its disk was
   * restored to an earlier state.
   */
  #isAtFault(
    { lie }: MemberParty,
    { code, text, detail }: Pick<
      Extract<MemberEvent, { readonly event: "error" }>,
      "code" | "text" | "detail"
    >,
  ): boolean {
    if (lie !== null || !FATAL_AT_FAULT.has(code)) return false;
    const isTwice = detail?.endsWith("is another one, too") === true;
    if (isTwice && this.coordinator.outdatedView !== null) return false;
    // Whose disk was put back may have been the one to ask for what only it had.
    const isOfOld = this.members.some(({ name, isDamaged }) =>
      isDamaged && text.startsWith(`The history of ${name} differs `)
    );
    if (isOfOld) return false;
    const liar = this.members.find((one) => one.lie !== null);
    if (liar === undefined || code !== "protocol") return true;
    const isOfLiar = text.startsWith(`${liar.name} `) || text.startsWith(`What ${liar.name} `);
    return liar.lie!.kind === "texts" && !isOfLiar;
  }

  shownAtCoordinator(event: CoordinatorEvent): void {
    for (const checker of this.checkers) checker.operatorTold?.(this, event);
    if (event.event === "error" && FATAL_AT_FAULT.has(event.code) && !this.#blamesLiar(event)) {
      throw new Violation(`The coordinator shows ${event.code}: ${event.text}`);
    }
    if (event.event === "snapshot" || event.event === "error") this.answers.push(event);
    if (event.event === "left" && event.joining !== true) {
      this.left.push({ name: event.name, reason: event.reason });
    }
  }

  #blamesLiar({ code, text }: { readonly code: string; readonly text: string }): boolean {
    return code === "protocol" &&
      this.members.some(({ name, lie, isAdversary }) =>
        (isAdversary || lie !== null) && text.startsWith(`${name} `)
      );
  }

  /** Snapshots and errors that the operator was shown. */
  readonly answers: Extract<CoordinatorEvent, { readonly event: "snapshot" | "error" }>[] = [];

  /** Members that left the group, as the operator was told. */
  readonly left: { readonly name: string; readonly reason: string }[] = [];

  /** A snapshot was taken. */
  cutTaken(cut: Cut): void {
    for (const checker of this.checkers) checker.cut?.(cut);
  }

  took(process: AnyProcess, input: AnyInput, effects: readonly AnyEffect[]): void {
    for (const checker of this.checkers) checker.took?.(process, input, effects);
  }

  stepped(process: MemberProcess): void {
    this.steps++;
    for (const checker of this.checkers) checker.stepped?.(process);
  }

  /** A message as it arrives. */
  carried(message: GroupMessage): GroupMessage {
    if (!this.options.codec) return message;
    const decoded = codec.decode(codec.encode(message).slice());
    if (decoded.type === "unknown-message") throw new Error("Our own message is unknown");
    return decoded;
  }

  note(who: string, what: unknown): void {
    const { print } = this.options;
    if (print === null) return;
    print(`${this.time.nowMs.toFixed(3).padStart(12)} ${who.padEnd(5)} ${describe(this, what)}`);
  }
}
