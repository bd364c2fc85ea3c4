/** What was told to all, and who has seen it. */

import type { FoldedName } from "../../../lib/base/ids.ts";
import { foldName } from "../../../lib/base/names.ts";
import { type ClientEvent, DIRECTORY_NAME } from "../../../lib/protocols/directory/events.ts";
import {
  BROADCASTS_MAX,
  BROADCASTS_MS,
  GUEST_HELD_MS,
  REACHED_MS_MAX,
} from "../../../lib/protocols/directory/limits.ts";
import type { BroadcastRecord } from "../../../lib/protocols/directory/records.ts";
import type { ClientProcess } from "./client_process.ts";
import type { Stay } from "./roster.ts";
import { Violation } from "./violation.ts";
import type { Person, World } from "./world.ts";

interface Showing {
  readonly process: ClientProcess;
  /** The account is another one since. */
  isVoid: boolean;
}

/** What the directory has decided is carried out within this time: its disk may be slow. */
const CARRIED_OUT_MS = 1_000;
/** An account that is gone is so for the directory within this time, which may stand still meanwhile. */
const GONE_MS_MAX = 20_000;
/** After this the sender has been told whom it reached. */
const REPORTED_MS = REACHED_MS_MAX + 5_000;

/** When it was written, and what. */
interface Taken {
  readonly atMs: number;
  readonly record: BroadcastRecord;
}

interface Told {
  readonly text: string;
  readonly index: number;
  /** Null: the directory's operator. */
  readonly by: ClientProcess | null;
  readonly atMs: number;
  /** As whom its teller was in. */
  readonly from: string;
  readonly isGuest: boolean;
  failed: boolean;
  /** Null before anybody could be told of it. */
  taken: Taken | null;
  /** How many have it, as its teller was told; null before that. */
  reached: number | null;
  /** The directory's disk was put back: whoever hasn't seen it may never. */
  isForgotten: boolean;
  /** Its teller doesn't know that it was taken, nor does the directory any more. */
  mayComeAgain: boolean;
  /** Its time was over once, by a clock that was put back since. */
  wasOver: boolean;
  /** By account: where it was shown. */
  readonly seen: Map<string, Showing[]>;
  /** Who was shown it by a later process than the one that had stored it. */
  readonly seenLater: Set<Person>;
}

export class Ledger {
  readonly told: Told[] = [];
  readonly #byText = new Map<string, Told>();
  readonly #written = new Map<string, Taken>();
  /** The last one of each sender that an account has been shown. */
  readonly #last = new Map<string, number>();
  /** When each sender's were taken, since the directory was started. */
  readonly #takenAtMs = new Map<string, number[]>();
  #restartedAtMs = 0;
  /** When there was last another account of that name. */
  readonly #goneAtMs = new Map<FoldedName, number>();

  constructor(readonly world: World) {
    world.disk.wrote = (records) => {
      for (const record of records) {
        if (record.kind !== "broadcast") continue;
        this.#written.set(String(record.number), { atMs: world.time.nowMs, record });
      }
    };
  }

  /** An older disk of the directory was put back, or none. */
  forgetsAll(): void {
    for (const told of this.told) told.isForgotten = true;
    this.compacted();
  }

  /** Of those whose time is over no number is kept: whoever doesn't know that one was taken tells it again. */
  compacted(): void {
    for (const told of this.told) {
      const { by } = told;
      told.mayComeAgain ||= by !== null && !by.gone && by.machine.asking.size > 0;
    }
  }

  /** The directory's clock is moved, or was: what it takes for over it may have let go. */
  clockMoves(): void {
    const wallMs = this.world.directoryWallMs();
    for (const told of this.told) {
      const sentAt = told.taken?.record.sentAt ?? Infinity;
      told.wasOver ||= sentAt + this.world.options.ttlMs <= wallMs + CARRIED_OUT_MS;
    }
  }

  /** There is no such account any more; if there will be one again, it is another. */
  accountGone(name: string): void {
    this.#goneAtMs.set(foldName(name), this.world.time.nowMs);
    for (const { seen } of this.told) {
      for (const showing of seen.get(name) ?? []) showing.isVoid = true;
    }
  }

  directoryRestarted(): void {
    this.#takenAtMs.clear();
    this.#restartedAtMs = this.world.time.nowMs;
  }

  tell(by: ClientProcess, words: string): void {
    const { name: from, isGuest } = by.sight;
    const told = this.#add(by, from, isGuest, words);
    by.command({ command: "broadcast", text: told.text }, `broadcast ${told.index}`);
  }

  /** The operator tells all. */
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
      wasOver: false,
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

  /** The directory has it on disk, and says so. */
  taken(number: string): void {
    if (this.world.options.lies) return;
    const written = this.#written.get(number);
    if (written === undefined) throw new Violation("a broadcast is told that isn't on disk");
    const { atMs, record } = written;
    const told = this.#byText.get(record.text);
    if (told === undefined || told.taken !== null) return;
    told.taken = written;
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

  /** The teller is told how many have it. */
  reached(ref: string | undefined, reached: number): void {
    const told = ref === undefined ? null : this.#referred(ref);
    if (told === null || this.world.options.lies) return;
    const showings = [...told.seen.values()].reduce((sum, seen) => sum + seen.length, 0);
    // Who was killed before it was shown has it on disk, is shown it at the next start, and then says so.
    if (reached > showings + told.seenLater.size + this.world.hostiles.length) {
      throw new Violation(`${told.from} is told that ${reached} have b${told.index}`);
    }
    told.reached = reached;
  }

  heard(
    process: ClientProcess,
    event: Extract<ClientEvent, { readonly event: "broadcast" }>,
  ): void {
    if (this.world.options.lies) return;
    const { person, sight } = process;
    const what = `"${event.text.slice(0, 12)}"`;
    // What earlier processes stored was told to whoever each was then.
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
    if (told.from !== event.from) throw new Violation(`${person.name} sees ${what} of another`);
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
    // What is shown again, as an old disk doesn't know of it, was in its place before.
    const isKnown = seen.length > 1 || told.isForgotten || person.isExcused;
    if (last > told.index && !isKnown) {
      throw new Violation(`${account} is shown ${what} after b${last}`);
    }
    this.#last.set(way, Math.max(last, told.index));
  }

  #isOwn(process: ClientProcess, told: Told): boolean {
    const { person, sight } = process;
    if (sight.isGuest) return process === told.by;
    if (told.isGuest || sight.name !== told.from) return false;
    return !this.#mayBeAnothers(told) || told.taken?.record.fromKey === person.key;
  }

  /** Whether an account told it that is gone: who has its name by now didn't, but for its device. */
  #mayBeAnothers({ isGuest, from, taken }: Told): boolean {
    const goneAtMs = this.#goneAtMs.get(foldName(from)) ?? -Infinity;
    return !isGuest && (taken?.atMs ?? -Infinity) < goneAtMs + GONE_MS_MAX;
  }

  /** It came in before that time was over, or was there. */
  #checkTime({ person, sight }: ClientProcess, told: Told): void {
    const { taken } = told;
    const what = `"${told.text.slice(0, 12)}"`;
    if (taken === null || told.isForgotten) return;
    const stays = this.world.roster.stays(sight.name)
      .filter(({ visitor }) => visitor.key === person.key);
    const { atMs, record: { sentAt } } = taken;
    const { ttlMs } = this.world.options;
    const wasThere = ({ fromMs, untilMs }: Stay) =>
      fromMs - CARRIED_OUT_MS <= atMs && atMs <= (untilMs ?? Infinity) + CARRIED_OUT_MS;
    if (stays.some(wasThere)) return;
    if (sight.isGuest) {
      // A directory that stood still holds names anew.
      const stalledUntilMs = this.world.directory?.stalledUntilMs ?? 0;
      const wasHeld = ({ fromMs, untilMs }: Stay) =>
        untilMs !== null && fromMs <= atMs &&
        atMs <= Math.max(untilMs, stalledUntilMs) + GUEST_HELD_MS + CARRIED_OUT_MS;
      if (stays.some(wasHeld)) return;
      throw new Violation(`${person.name} is a guest, and shown ${what} from before`);
    }
    const isInTime = ({ fromMs, wallMs }: Stay) =>
      fromMs >= atMs && wallMs < sentAt + ttlMs + CARRIED_OUT_MS;
    if (!stays.some(isInTime)) throw new Violation(`${sight.name} is shown ${what} too late`);
  }

  /** Everything that can't have been lost has been shown, at all of these accounts. */
  checkAll(processes: readonly ClientProcess[]): void {
    for (const told of this.told) {
      if (told.failed || told.isForgotten) continue;
      this.#checkTaken(told);
      if (told.taken === null) continue;
      for (const process of processes) this.#checkShown(told, process);
    }
  }

  #checkTaken({ by, taken, text, reached, atMs, from }: Told): void {
    // Who was killed may not have handed it in.
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

  #checkShown(told: Told, process: ClientProcess): void {
    const { taken, from, isGuest, by, seen, seenLater, text, wasOver } = told;
    const { person, sight } = process;
    const stay = this.world.roster.named(sight.name);
    if (stay === null || stay.visitor.key !== person.key || person.isExcused) return;
    if (stay.isGuest ? process === by : !isGuest && foldName(sight.name) === foldName(from)) return;
    const { atMs, record: { sentAt, fromKey, fromAccount } } = taken!;
    const { ttlMs } = this.world.options;
    const stays = this.world.roster.stays(sight.name);
    // It was told by a guest on a device where this account came in, and is its own there; or by an account that is gone.
    const isOfDevice = !fromAccount || this.#mayBeAnothers(told);
    if (isOfDevice && stays.some(({ visitor }) => visitor.key === fromKey)) return;
    const wasThere = stay.fromMs + CARRIED_OUT_MS < atMs;
    if (wasOver) return;
    // Who once came too late has missed it, although the clock was put back since.
    const isInTime = ({ fromMs, wallMs }: Stay) =>
      fromMs < atMs || wallMs + CARRIED_OUT_MS < sentAt + ttlMs;
    const cameInTime = stay.fromMs > atMs && !stay.isGuest && !this.#wasAnother(process, atMs) &&
      stays.every(isInTime);
    if (!wasThere && !cameInTime) return;
    const showings = seen.get(sight.name) ?? [];
    if (seenLater.has(person)) return;
    if (showings.some(({ isVoid, process }) => !isVoid || process.person === person)) return;
    throw new Violation(`${sight.name} has never been shown "${text.slice(0, 12)}" of ${from}`);
  }

  /**
   * Whether the name was a guest's once, or that of an account which is gone: what its device has heard since, up to
   * some number, counts for the account, too.
   */
  #wasAnother({ sight }: ClientProcess, atMs: number): boolean {
    if (this.world.roster.stays(sight.name).some(({ isGuest }) => isGuest)) return true;
    return atMs < (this.#goneAtMs.get(foldName(sight.name)) ?? -Infinity);
  }

  /** Whether the account has it already: on this device, or by what the directory's disk said when it came in. */
  #isTwice(seen: readonly Showing[], process: ClientProcess, told: Told, number: number): boolean {
    const { person, sight } = process;
    if (told.mayComeAgain) return false;
    if (seen.some((before) => before.process.person === person) && !person.isExcused) return true;
    if (told.isForgotten || !seen.some(({ isVoid }) => !isVoid)) return false;
    return this.world.roster.stays(sight.name)
      .every(({ visitor: { key }, had }) => key !== person.key || number <= had);
  }
}
