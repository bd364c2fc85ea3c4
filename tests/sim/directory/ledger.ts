/** The broadcasts, and who was shown them. */

import type { FoldedName } from "../../../lib/base/ids.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { foldName } from "../../../lib/base/text/names.ts";
import {
  type ClientEvent,
  DIRECTORY_NAME,
} from "../../../lib/protocols/directory/schema/events.ts";
import {
  BROADCASTS_MAX,
  BROADCASTS_MS,
  DATED_AHEAD_MS_MAX,
  GUEST_HELD_MS,
  REACHED_MS_MAX,
} from "../../../lib/protocols/directory/schema/limits.ts";
import type { BroadcastRecord } from "../../../lib/protocols/directory/schema/records.ts";
import type { ClientProcess } from "./client_process.ts";
import type { Stay } from "./roster.ts";
import { Violation } from "./violation.ts";
import type { Person, World } from "./world.ts";

interface Showing {
  readonly process: ClientProcess;
  /** Whether the account was removed since; a new one may have its name. */
  isVoid: boolean;
}

/** The directory's decisions take effect within this time: its disk may be slow. */
const CARRIED_OUT_MS = 1_000;
/** The directory knows within this time that an account was removed, even if it is frozen for a while. */
const GONE_MS_MAX = 20_000;
/** After this time the sender has been told how many a broadcast has reached. */
const REPORTED_MS = REACHED_MS_MAX + 5_000;

/** When a broadcast was stored, and its record. */
interface Taken {
  readonly atMs: number;
  readonly record: BroadcastRecord;
}

interface Told {
  readonly text: string;
  readonly index: number;
  /** The sender; null: the directory's operator. */
  readonly by: ClientProcess | null;
  readonly atMs: number;
  /** The name of the sender when it was sent. */
  readonly from: string;
  readonly isGuest: boolean;
  failed: boolean;
  /** Its record; null before anybody could be shown it. */
  taken: Taken | null;
  /** How many have received it, as its sender was told; null before that. */
  reached: number | null;
  /** Whether the directory's disk was restored: a user who hasn't seen the broadcast may never see it. */
  isForgotten: boolean;
  /** Whether it may be sent twice: neither its sender nor the directory knows any more that it was stored. */
  mayComeAgain: boolean;
  /**
   * When its lifetime is over: by the directory's own clock, whatever the wall clock does; at a restart of the directory
   * that is reckoned anew, by the wall clock. The earliest and the latest of these times.
   */
  over: { firstMs: number; lastMs: number };
  /** By account: where it was shown. */
  readonly seen: Map<string, Showing[]>;
  /** The people who were shown it by a later process than the one that had stored it. */
  readonly seenLater: Set<Person>;
}

export class Ledger {
  readonly told: Told[] = [];
  readonly #byText = new Map<string, Told>();
  readonly #written = new Map<string, Taken>();
  /** The same by their texts: a directory that was killed as it wrote one hasn't told anybody yet. */
  readonly #writtenTexts = new Map<string, Taken>();
  /** The last broadcast of each sender that an account was shown. */
  readonly #last = new Map<string, number>();
  /** By sender: when broadcasts were stored since the directory was started. */
  readonly #takenAtMs = new Map<string, number[]>();
  #restartedAtMs = 0;
  /** The keys of all who have told something. */
  readonly #tellers = new Set<string>();
  /** When an account of a name was last removed or replaced. */
  readonly #goneAtMs = new Map<FoldedName, number>();

  constructor(readonly world: World) {
    world.disk.wrote = (records) => {
      for (const record of records) {
        if (record.kind !== "broadcast") continue;
        const taken = { atMs: world.time.nowMs, record };
        this.#written.set(String(record.number), taken);
        this.#writtenTexts.set(record.text, taken);
      }
    };
  }

  /** The directory's disk was restored or lost. */
  forgetsAll(): void {
    for (const told of this.told) told.isForgotten = true;
    this.compacted();
  }

  /**
   * Compaction drops the numbers of broadcasts whose lifetime is over: a client that hasn't got the answer sends
   * again.
   */
  compacted(): void {
    for (const told of this.told) {
      const { by } = told;
      told.mayComeAgain ||= by !== null && !by.gone && by.machine.asking.size > 0;
    }
  }

  /** An account was removed; if there is one of this name later, it is another account. */
  accountGone(name: string): void {
    this.#goneAtMs.set(foldName(name), this.world.time.nowMs);
    for (const { seen } of this.told) {
      for (const showing of seen.get(name) ?? []) showing.isVoid = true;
    }
  }

  directoryRestarted(): void {
    this.#takenAtMs.clear();
    this.#restartedAtMs = this.world.time.nowMs;
    const { ttlMs } = this.world.options;
    const wallMs = this.world.directoryWallMs();
    for (const { text, taken, over } of this.told) {
      const { record } = taken ?? this.#writtenTexts.get(text) ?? {};
      const takenAt = record?.takenAt ?? wallMs;
      const leftMs = Math.min(Math.max(takenAt + ttlMs - wallMs, 0), ttlMs);
      over.firstMs = Math.min(over.firstMs, this.#restartedAtMs + leftMs);
      over.lastMs = Math.max(over.lastMs, this.#restartedAtMs + leftMs);
    }
  }

  tell(by: ClientProcess, words: string): void {
    this.#tellers.add(fingerprintOf(by.key));
    const { name: from, isGuest } = by.sight;
    const told = this.#add(by, from, isGuest, words);
    by.command({ command: "broadcast", text: told.text }, `broadcast ${told.index}`);
  }

  /** The operator sends a broadcast. */
  operatorTells(words: string): void {
    const { directory } = this.world;
    if (directory === null) return;
    const { text, index } = this.#add(null, DIRECTORY_NAME, false, words);
    directory.command({ command: "broadcast", text }, `broadcast ${index}`);
  }

  #add(by: ClientProcess | null, from: string, isGuest: boolean, words: string): Told {
    const index = this.told.length;
    const text = `b${index} ${words}`;
    const told: Told = {
      text,
      index,
      by,
      atMs: this.world.time.nowMs,
      from,
      isGuest,
      failed: false,
      taken: null,
      reached: null,
      isForgotten: false,
      mayComeAgain: false,
      over: { firstMs: Infinity, lastMs: -Infinity },
      seen: new Map(),
      seenLater: new Set<Person>(),
    };
    this.told.push(told);
    this.#byText.set(text, told);
    return told;
  }

  failed(ref: string): void {
    const told = this.#referred(ref);
    if (told !== null) told.failed = true;
  }

  #referred(ref: string): Told | null {
    const [what, index] = ref.split(" ");
    return what === "broadcast" ? this.told[Number(index)] ?? null : null;
  }

  /** The directory has stored the broadcast, and sends it to others. */
  taken(number: string): void {
    if (this.world.options.lies) return;
    const written = this.#written.get(number);
    if (written === undefined) throw new Violation("a broadcast is told that isn't on disk");
    const { atMs, record } = written;
    const told = this.#byText.get(record.text);
    // One that came again is a new one: whoever has come since may be shown it.
    if (told === undefined || told.taken === written) return;
    if (told.taken !== null && !told.mayComeAgain) return;
    told.taken = written;
    const overMs = atMs + this.world.options.ttlMs;
    told.over = {
      firstMs: Math.min(told.over.firstMs, overMs),
      lastMs: Math.max(told.over.lastMs, overMs),
    };
    this.#checkMayTell(record);
    if (atMs > this.#restartedAtMs) this.#counts(record, atMs);
  }

  #counts(record: BroadcastRecord, nowMs: number): void {
    const sender = record.fromAccount ? record.from : record.fromKey ?? DIRECTORY_NAME;
    const before = this.#takenAtMs.get(sender) ?? [];
    const recent = before.filter((atMs) => atMs > nowMs - BROADCASTS_MS * 0.98 + CARRIED_OUT_MS);
    if (recent.length >= BROADCASTS_MAX) throw new Violation(`${sender} tells too much`);
    this.#takenAtMs.set(sender, [...recent, nowMs]);
  }

  #checkMayTell({ from, fromKey, fromAccount }: BroadcastRecord): void {
    const { broadcast } = this.world.options;
    const isAllowed = fromKey === null || broadcast === "all" ||
      (broadcast === "accounts" && fromAccount);
    if (!isAllowed) throw new Violation(`${from} tells all, and may not`);
  }

  /** The sender is told how many have received it. */
  reached(ref: string | undefined, reached: number): void {
    const told = ref === undefined ? null : this.#referred(ref);
    if (told === null || this.world.options.lies) return;
    const showings = [...told.seen.values()].reduce((sum, seen) => sum + seen.length, 0);
    const without = this.world.people.filter((person) => this.#isLeftOut(person, told)).length;
    // A client killed before showing it has stored it, shows it at the next start, and reports it then.
    if (reached > showings + without + told.seenLater.size + this.world.hostiles.length) {
      throw new Violation(`${told.from} is told that ${reached} have b${told.index}`);
    }
    told.reached = reached;
  }

  heard(
    process: ClientProcess,
    event: Extract<ClientEvent, { readonly event: "broadcast" }>,
  ): void {
    const { person, sight } = process;
    const what = `"${event.text.slice(0, 12)}"`;
    this.#checkSaid(process, event);
    if (this.world.options.lies) {
      const shown = `${event.key} ${event.text} ${sight.name}`;
      if (event.history || person.isExcused) return;
      if (person.shown.has(shown)) throw new Violation(`${person.name} sees ${what} again`);
      person.shown.add(shown);
      return;
    }
    // A broadcast stored by earlier processes was sent to the name that each had then.
    const [who, timesMax] = event.history ? ["earlier", person.names.size] : [sight.name, 1];
    const showing = `${event.text} ${who}`;
    const times = (sight.heard.get(showing) ?? 0) + 1;
    const told = this.#byText.get(event.text);
    if (times > timesMax && !told?.mayComeAgain) {
      throw new Violation(`${person.name} sees ${what} twice`);
    }
    sight.heard.set(showing, times);
    if (told === undefined) {
      if (this.world.hostiles.some(({ label }) => event.text.startsWith(label))) return;
      throw new Violation(`${person.name} sees what nobody told`);
    }
    if (told.from !== plainName(event.from)) {
      throw new Violation(`${person.name} sees ${what} of another`);
    }
    if (event.history) {
      told.seenLater.add(person);
      return;
    }
    const account = sight.name;
    if (this.#isOwn(process, told)) throw new Violation(`${person.name} sees its own ${what}`);
    const seen = told.seen.get(account) ?? [];
    told.seen.set(account, seen);
    if (!sight.isGuest && this.#isTwice(seen, process, told, Number(event.id))) {
      throw new Violation(`${account} is shown ${what} twice`);
    }
    this.#checkTime(process, told);
    seen.push({ process, isVoid: false });
    const incarnation = this.#goneAtMs.get(foldName(account)) ?? 0;
    const way = `${person.index} ${account} ${incarnation} ${told.by?.person.index} ${told.from}`;
    const last = this.#last.get(way) ?? -1;
    // A broadcast that a restored disk doesn't know was shown in its place before.
    const isKnown = seen.length > 1 || told.isForgotten || person.isExcused;
    if (last > told.index && !isKnown) {
      throw new Violation(`${account} is shown ${what} after b${last}`);
    }
    this.#last.set(way, Math.max(last, told.index));
  }

  /**
   * Whatever the directory tells: what is shown with somebody's key was said by its owner, under that name, and is
   * shown once; and under a name that the reader knows it is that name's key.
   */
  #checkSaid(
    { person, gone }: ClientProcess,
    { from, key, text, history }: Extract<ClientEvent, { readonly event: "broadcast" }>,
  ): void {
    if (gone) return;
    const what = `"${text.slice(0, 12)}"`;
    const { signer, hostiles, options: { lies } } = this.world;
    const pinned = person.pins.get(foldName(from));
    // What is on its way to the disk was checked against the key of before, or, if it was kept, against none.
    const trustedAtMs = person.trustedAtMs.get(foldName(from)) ?? -Infinity;
    const isSettled = !history && this.world.time.nowMs > trustedAtMs + CARRIED_OUT_MS;
    if (pinned !== undefined && pinned !== key && isSettled) {
      throw new Violation(`${person.name} sees ${what} of another key under the name ${from}`);
    }
    const told = this.#byText.get(text);
    const isTheirs = told === undefined
      ? hostiles.some(({ keys }) => [...keys].some((each) => fingerprintOf(each) === key))
      : fingerprintOf(told.by?.key ?? signer.key) === key && told.from === plainName(from);
    if (isTheirs) return;
    // Whom the reader hasn't met, and what the directory says itself, is as the directory says.
    const isOfLiar = key === fingerprintOf(signer.key)
      ? from === DIRECTORY_NAME
      : !this.#tellers.has(key);
    if (!lies || !isOfLiar) {
      throw new Violation(`${person.name} sees ${what}, which ${from} never said`);
    }
  }

  /** What the directory's clock may have gone wrong in a lifetime, and how late its decisions may take effect. */
  get #clocksMs(): number {
    return CARRIED_OUT_MS + 0.01 * this.world.options.ttlMs;
  }

  #isOwn(process: ClientProcess, told: Told): boolean {
    const { person, sight } = process;
    if (sight.isGuest) return process === told.by;
    if (told.isGuest || sight.name !== told.from) return false;
    return !this.#mayBeAnothers(told) || told.taken?.record.fromKey === person.key;
  }

  /** Whether a removed account sent it: the present owner of the name didn't, unless it is on the same device. */
  #mayBeAnothers({ isGuest, from, taken }: Told): boolean {
    const goneAtMs = this.#goneAtMs.get(foldName(from)) ?? -Infinity;
    return !isGuest && (taken?.atMs ?? -Infinity) < goneAtMs + GONE_MS_MAX;
  }

  /** Checks that the user was present when it was stored, or logged in within its lifetime. */
  #checkTime({ person, sight }: ClientProcess, told: Told): void {
    const { taken } = told;
    const what = `"${told.text.slice(0, 12)}"`;
    if (taken === null || told.isForgotten) return;
    const stays = this.world.roster.stays(sight.name)
      .filter(({ visitor }) => visitor.key === person.key);
    const { atMs } = taken;
    const lastMs = told.over.lastMs + this.#clocksMs;
    const wasThere = ({ fromMs, untilMs }: Stay) =>
      fromMs - CARRIED_OUT_MS <= atMs && atMs <= (untilMs ?? Infinity) + CARRIED_OUT_MS;
    if (stays.some(wasThere)) return;
    if (sight.isGuest) {
      // A directory that was frozen restarts the time for which it holds guests' names.
      const stalledUntilMs = this.world.directory?.stalledUntilMs ?? 0;
      const wasHeld = ({ fromMs, untilMs }: Stay) =>
        untilMs !== null && fromMs <= atMs &&
        atMs <= Math.max(untilMs, stalledUntilMs) + GUEST_HELD_MS + CARRIED_OUT_MS;
      if (stays.some(wasHeld)) return;
      throw new Violation(`${person.name} is a guest, and shown ${what} from before`);
    }
    const isInTime = ({ fromMs }: Stay) => fromMs >= atMs && fromMs < lastMs;
    if (!stays.some(isInTime)) throw new Violation(`${sight.name} is shown ${what} too late`);
  }

  /** Checks that all broadcasts that can't have been lost were shown at all of these accounts. */
  checkAll(processes: readonly ClientProcess[]): void {
    for (const told of this.told) {
      if (told.failed || told.isForgotten) continue;
      this.#checkTaken(told);
      if (told.taken === null) continue;
      for (const process of processes) this.#checkShown(told, process);
    }
  }

  #checkTaken({ by, taken, text, reached, atMs, from }: Told): void {
    // A process that was killed may not have handed it in.
    if (by === null || by.gone) return;
    const what = `"${text.slice(0, 12)}" of ${from}`;
    if (taken === null) {
      if (by.machine.asking.size > 0) return;
      throw new Violation(`${what} was never taken`);
    }
    const isOld = this.world.time.nowMs > taken.atMs + REPORTED_MS;
    if (reached === null && isOld && by.sight.leftAfterMs(atMs) === Infinity) {
      throw new Violation(`it isn't told whom ${what} has reached`);
    }
  }

  /**
   * Whether this person's program takes what its sender says for a repetition of it, since its sender's clock and disk
   * were set back, and the directory's disk, or for dated ahead, as the two have other clocks: it isn't shown then.
   */
  #isLeftOut({ wallOffsetMs }: Person, { index, taken }: Told): boolean {
    const { fromKey, own, sentAt } = taken!.record;
    const isAhead = sentAt > this.world.wallMs() + wallOffsetMs + DATED_AHEAD_MS_MAX;
    return isAhead ||
      this.told.slice(0, index).some(({ taken }) =>
        taken?.record.fromKey === fromKey && taken.record.own >= own
      );
  }

  #checkShown(told: Told, process: ClientProcess): void {
    const { taken, from, isGuest, by, seen, seenLater, text, over } = told;
    const { person, sight } = process;
    const stay = this.world.roster.named(sight.name);
    if (stay === null || stay.visitor.key !== person.key || person.isExcused) return;
    if (this.#isLeftOut(person, told)) return;
    if (stay.isGuest ? process === by : !isGuest && foldName(sight.name) === foldName(from)) return;
    const { atMs, record: { fromKey, fromAccount } } = taken!;
    const stays = this.world.roster.stays(sight.name);
    // Its sender was a guest on a device of this account, which counts as this account; or an account since removed.
    const isOfDevice = !fromAccount || this.#mayBeAnothers(told);
    if (isOfDevice && stays.some(({ visitor }) => visitor.key === fromKey)) return;
    const wasThere = stay.fromMs + CARRIED_OUT_MS < atMs;
    // An account that once logged in after its lifetime has missed it, even if it was reckoned anew since.
    const isInTime = ({ fromMs }: Stay) => fromMs < atMs || fromMs + this.#clocksMs < over.firstMs;
    const cameInTime = stay.fromMs > atMs && !stay.isGuest && !this.#wasAnother(process, atMs) &&
      stays.every(isInTime);
    if (!wasThere && !cameInTime) return;
    const showings = seen.get(sight.name) ?? [];
    if (seenLater.has(person)) return;
    if (showings.some(({ isVoid, process }) => !isVoid || process.person === person)) return;
    throw new Violation(`${sight.name} has never been shown "${text.slice(0, 12)}" of ${from}`);
  }

  /**
   * Whether the name was a guest's before, or that of a removed account: everything that the device received until
   * then, up to some number, counts as received by the present account, too.
   */
  #wasAnother({ sight }: ClientProcess, atMs: number): boolean {
    if (this.world.roster.stays(sight.name).some(({ isGuest }) => isGuest)) return true;
    return atMs < (this.#goneAtMs.get(foldName(sight.name)) ?? -Infinity);
  }

  /** Whether the account has it already: from this device, or by the directory's disk at a log-in. */
  #isTwice(seen: readonly Showing[], process: ClientProcess, told: Told, number: number): boolean {
    const { person, sight } = process;
    if (told.mayComeAgain) return false;
    if (seen.some((before) => before.process.person === person) && !person.isExcused) return true;
    if (told.isForgotten || !seen.some(({ isVoid }) => !isVoid)) return false;
    return this.world.roster.stays(sight.name)
      .every(({ visitor: { key }, had }) => key !== person.key || number <= had);
  }
}

/** The name without what tells it apart. */
function plainName(from: string): string {
  return from.split("~")[0]!;
}
