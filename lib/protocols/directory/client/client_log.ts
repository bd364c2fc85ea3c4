/** The broadcasts on a client's disk, read at the start and rewritten when the log is compacted. */

import { addTo, dropOldest, removeFrom, takeOldest } from "../../../base/collections/bounded.ts";
import type { Fingerprint } from "../../../base/text/fingerprint.ts";
import type { FoldedName } from "../../../base/ids.ts";
import { foldName, nameBeforeStart } from "../../../base/text/names.ts";
import {
  type ClientRecord,
  type Forgotten,
  FORGOTTEN_START,
  type Heard,
  type HeardPlace,
  type Listener,
  type Speaker,
  type Spoke,
} from "../schema/client_records.ts";
import {
  FORGOTTEN_MAX,
  HEARD_KEPT_MAX,
  LASTING_SPEAKERS_MAX,
  LASTING_STRANGERS_MAX,
  LISTENERS_MAX,
  OWN_TOLD_MAX,
  SPEAKERS_MAX,
} from "../schema/limits.ts";

const NOBODY: ReadonlySet<Fingerprint> = new Set();

export class ClientLog {
  /** The broadcasts that were stored last. */
  #kept: Heard[] = [];
  /** How many were stored after the last one that an earlier process noted as shown. */
  #sinceStart = 0;
  #unshown: Heard[] = [];
  /** Up to where everything is stored, by listener; the listener that heard something last comes last. */
  readonly #through = new Map<string, HeardPlace>();
  /** The speakers that are never forgotten, with the highest own number of each. */
  readonly #lasting = new Map<string, Spoke>();
  /** The others; the one who was heard last comes last. */
  readonly #strangers = new Map<string, Spoke>();
  /** The keys of all these, by directory, listener and name. */
  readonly #namesakes = new Map<string, Set<Fingerprint>>();
  /** Of strangers that aren't known any more: the latest time of each start of a key. */
  readonly #forgotten = new Map<string, Forgotten>();
  /** The own number of our last broadcast. */
  #said = 0;

  constructor(records: readonly ClientRecord[]) {
    for (const record of records) {
      if (record.kind === "through") this.passed(record);
      else if (record.kind === "spoke") this.#hasSpoken(record);
      else if (record.kind === "forgotten") this.#forget(record);
      else if (record.kind === "said") this.#said = Math.max(this.#said, record.own);
      else if (record.kind === "heard") {
        this.stored(record);
        this.#unshown.push(record);
      } else this.#unshown = this.#unshown.slice(indexAfter(this.#unshown, record));
    }
    this.#sinceStart = this.#unshown.length;
  }

  /**
   * Takes the broadcasts that an earlier process stored, and perhaps never showed. Those that it stored without their
   * words (`--no-history`) are lost.
   */
  takeUnshown(): readonly Heard[] {
    const unshown = this.#unshown.filter(({ text }) => text !== "");
    this.#unshown = [];
    return unshown;
  }

  /** Up to which number everything is stored. */
  through(listener: Listener): number {
    return this.#through.get(keyOf(listener))?.number ?? 0;
  }

  /** The latest place of anybody of that name, in any store; null where nothing was ever heard. */
  last(as: FoldedName): HeardPlace | null {
    return [...this.#through.values()].findLast((place) => place.as === as) ?? null;
  }

  /** The highest own number that is on disk of this speaker; 0: none is. */
  ownOf(speaker: Speaker): number {
    return this.#spoke(speakerText(speaker))?.own ?? 0;
  }

  /** Up to when this speaker may have said what isn't known any more; -Infinity where its own number is. */
  forgottenTo(speaker: Speaker): number {
    if (this.#spoke(speakerText(speaker)) !== undefined) return -Infinity;
    return this.#forgotten.get(forgottenText(forgotten(speaker)))?.sentAt ?? -Infinity;
  }

  /** Whether there is room for a speaker that is never forgotten. @param isPinned Whether its key is. */
  mayLast(speaker: Speaker, isPinned: boolean): boolean {
    const most = isPinned ? LASTING_SPEAKERS_MAX : LASTING_STRANGERS_MAX;
    return this.#lasting.has(speakerText(speaker)) || this.#lasting.size < most;
  }

  /** The start of its key with which this speaker was shown; null where it wasn't, or isn't known. */
  startOf(speaker: Speaker): string | null {
    const from = this.#spoke(speakerText(speaker))?.from ?? "";
    const start = from.slice(nameBeforeStart(from).length + 1);
    return start === "" ? null : start;
  }

  /** The key of whoever was shown by this speaker's name itself; undefined where no such one is known. */
  spokeAs(speaker: Speaker): Fingerprint | undefined {
    return this.namesakes(speaker).values().find((key) => {
      const spoke = this.#spoke(speakerText({ ...speaker, key }));
      return spoke !== undefined && isPlain(spoke);
    });
  }

  /** The keys of all known speakers of that name. */
  namesakes(speaker: Speaker): ReadonlySet<Fingerprint> {
    return this.#namesakes.get(namesakesText(speaker)) ?? NOBODY;
  }

  #spoke(speaker: string): Spoke | undefined {
    return this.#lasting.get(speaker) ?? this.#strangers.get(speaker);
  }

  /** The directory knows this own number of ours: a copy of our profile may have used it. */
  hasSaid(own: number): void {
    if (own <= OWN_TOLD_MAX) this.#said = Math.max(this.#said, own);
  }

  /** A number for our next broadcast. It follows the wall clock, so that a lost log gives no number twice. */
  nextOwn(wallMs: number): number {
    return this.#said = Math.max(this.#said + 1, Math.floor(wallMs));
  }

  #hasSpoken({ directory, as, key, from, own, sentAt, isLasting }: Spoke): void {
    const text = speakerText({ directory, as, key, from });
    const before = this.#spoke(text);
    const spoke = {
      directory,
      as,
      key,
      from,
      own: Math.max(own, before?.own ?? 0),
      sentAt: Math.max(sentAt, before?.sentAt ?? 0),
      isLasting: isLasting || before?.isLasting === true,
    };
    addTo(this.#namesakes, namesakesText(spoke), key);
    this.#strangers.delete(text);
    if (spoke.isLasting) return void this.#lasting.set(text, spoke);
    this.#strangers.set(text, spoke);
    if (this.#strangers.size <= SPEAKERS_MAX) return;
    const [, dropped] = takeOldest(this.#strangers);
    removeFrom(this.#namesakes, namesakesText(dropped), dropped.key);
    this.#forget({ ...forgotten(dropped), sentAt: dropped.sentAt });
  }

  #forget({ directory, as, start, sentAt }: Forgotten): void {
    const text = forgottenText({ directory, as, start });
    const latest = Math.max(sentAt, this.#forgotten.get(text)?.sentAt ?? 0);
    this.#forgotten.delete(text);
    this.#forgotten.set(text, { directory, as, start, sentAt: latest });
    dropOldest(this.#forgotten, FORGOTTEN_MAX);
  }

  /** The broadcast is on disk. */
  stored(heard: Heard): void {
    const { store, as, number, from, sentAt, text, directory, key, own, isLasting, guest } = heard;
    this.passed({ store, as, number });
    this.#hasSpoken(heard);
    const kept = { store, as, number, from, sentAt, text, directory, key, own, isLasting };
    this.#kept.push({ ...kept, ...(guest === undefined ? {} : { guest }) });
    if (this.#kept.length > HEARD_KEPT_MAX) this.#kept.shift();
    this.#sinceStart++;
  }

  /** It is on disk that all up to here are done with. */
  passed({ store, as, number }: HeardPlace): void {
    const key = keyOf({ store, as });
    const through = Math.max(this.through({ store, as }), number);
    this.#through.delete(key);
    this.#through.set(key, { store, as, number: through });
    dropOldest(this.#through, LISTENERS_MAX);
  }

  /**
   * The records of a compacted log; null where more waits to be shown than is held here.
   * @param shownThrough The last one of this process that the user has seen; null: none.
   */
  snapshot(shownThrough: HeardPlace | null): readonly ClientRecord[] | null {
    const shown = shownThrough === null
      ? this.#kept.length - this.#sinceStart
      : indexAfter(this.#kept, shownThrough) || -1;
    if (shown < 0) return null;
    const records: ClientRecord[] = this.#kept.map((heard) => ({ kind: "heard", ...heard }));
    const last = this.#kept[shown - 1];
    if (last !== undefined) {
      const { store, as, number } = last;
      records.push({ kind: "shown", store, as, number });
    }
    for (const place of this.#through.values()) records.push({ kind: "through", ...place });
    for (const spoke of this.#lasting.values()) records.push({ kind: "spoke", ...spoke });
    for (const spoke of this.#strangers.values()) records.push({ kind: "spoke", ...spoke });
    for (const each of this.#forgotten.values()) records.push({ kind: "forgotten", ...each });
    if (this.#said > 0) records.push({ kind: "said", own: this.#said });
    return records;
  }
}

/** How many broadcasts there are up to this one; 0 where it isn't among them. */
function indexAfter(all: readonly Heard[], { store, as, number }: HeardPlace): number {
  const isIt = (heard: Heard) =>
    heard.number === number && heard.store === store && heard.as === as;
  return all.findIndex(isIt) + 1;
}

function keyOf({ store, as }: Listener): string {
  return `${store} ${as}`;
}

export function isSameSpeaker(one: Speaker, other: Speaker): boolean {
  return speakerText(one) === speakerText(other);
}

/** Whether the speaker is shown by the name that it has signed. */
export function isPlain({ from }: Pick<Speaker, "from">): boolean {
  return nameBeforeStart(from) === from;
}

/** Whether both have the same name, for the same listener. */
export function isNamesake(one: Speaker, other: Speaker): boolean {
  return namesakesText(one) === namesakesText(other);
}

function speakerText(speaker: Speaker): string {
  return `${speaker.key} ${namesakesText(speaker)}`;
}

/** The name in the text is the one that was signed, however it is shown: no name has a `~`. */
function namesakesText({ directory, as, from }: Speaker): string {
  return `${directory} ${as} ${foldName(nameBeforeStart(from))}`;
}

/** Those among whom a speaker is, once it is forgotten. */
function forgotten({ directory, as, key }: Speaker): Omit<Forgotten, "sentAt"> {
  return { directory, as, start: key.slice(0, FORGOTTEN_START) };
}

function forgottenText({ directory, as, start }: Omit<Forgotten, "sentAt">): string {
  return `${directory} ${as} ${start}`;
}
