/** What was told to all, and who has seen it. */

import type { ClientEvent } from "../../../lib/protocols/directory/events.ts";
import type { ClientProcess } from "./client_process.ts";
import { Violation } from "./violation.ts";
import type { Person } from "./world.ts";

interface Showing {
  readonly process: ClientProcess;
  readonly atMs: number;
}

/** Whoever was in for so long after it was shown has told the directory so. */
const CONFIRMED_MS = 6_000;

interface Told {
  readonly text: string;
  readonly index: number;
  readonly by: ClientProcess;
  /** As whom its teller was in. */
  readonly from: string;
  failed: boolean;
  /** By account: where it was shown, and when. */
  readonly seen: Map<string, Showing[]>;
  /** Who was shown it by a later process than the one that had stored it. */
  readonly seenLater: Set<Person>;
}

export class Ledger {
  readonly told: Told[] = [];
  readonly #byText = new Map<string, Told>();
  /** The last one of each sender that an account has been shown. */
  readonly #last = new Map<string, number>();
  /** Of those told before, the directory may have forgotten who has heard them: another device may show them again. */
  #forgotBefore = 0;

  forgetsWhoHeard(): void {
    this.#forgotBefore = this.told.length;
  }

  tell(by: ClientProcess, words: string): void {
    const index = this.told.length;
    const text = `b${index} ${words}`;
    const told = {
      text,
      index,
      by,
      from: by.sight.name,
      failed: false,
      seen: new Map(),
      seenLater: new Set<Person>(),
    };
    this.told.push(told);
    this.#byText.set(text, told);
    by.command({ command: "broadcast", text }, `broadcast ${index}`);
  }

  failed(ref: string): void {
    const [what, index] = ref.split(" ");
    if (what === "broadcast") this.told[Number(index)]!.failed = true;
  }

  heard(
    process: ClientProcess,
    event: Extract<ClientEvent, { readonly event: "broadcast" }>,
  ): void {
    const { person, sight } = process;
    const told = this.#byText.get(event.text);
    const what = `"${event.text.slice(0, 12)}"`;
    if (told === undefined) throw new Violation(`${person.name} sees what nobody told`);
    if (told.from !== event.from) throw new Violation(`${person.name} sees ${what} of another`);
    // What an earlier process stored was told to whom that was then.
    const showing = `${told.text} ${event.history ? "earlier" : sight.name}`;
    if (sight.heard.has(showing)) throw new Violation(`${person.name} sees ${what} twice`);
    sight.heard.add(showing);
    if (event.history) {
      told.seenLater.add(person);
      return;
    }
    const account = sight.name;
    if (account === told.from && process === told.by) {
      throw new Violation(`${person.name} sees its own ${what}`);
    }
    const seen = told.seen.get(account) ?? [];
    told.seen.set(account, seen);
    const isGuest = account.startsWith("g");
    if (seen.some((before) => this.#isTwice(before, process, told)) && !isGuest) {
      throw new Violation(`${account} is shown ${what} twice`);
    }
    seen.push({ process, atMs: person.world.time.nowMs });
    const way = `${person.index} ${account} ${told.by.person.index} ${told.from}`;
    const last = this.#last.get(way) ?? -1;
    // What is shown again, as an old disk doesn't know of it, was in its place before.
    if (last > told.index && seen.length === 1) {
      throw new Violation(`${account} is shown ${what} after b${last}`);
    }
    this.#last.set(way, Math.max(last, told.index));
  }

  /** Everything that can't have been lost has been shown, at all of these accounts. */
  checkAll(processes: readonly ClientProcess[]): void {
    for (const told of this.told) {
      const { by, failed, text, from } = told;
      // Who was killed may not have handed it in.
      if (failed || by.gone || by.machine.asking.size > 0) continue;
      for (const { person, sight } of processes) {
        const { name } = sight;
        if (name === from || person.isExcused) continue;
        if (told.seenLater.has(person) || told.seen.has(name)) continue;
        throw new Violation(`${name} has never been shown "${text.slice(0, 12)}" of ${from}`);
      }
    }
  }

  /** Whether the account must not be shown it again: on a device that remembers it, or once the directory knows. */
  #isTwice({ process, atMs }: Showing, again: ClientProcess, { index }: Told): boolean {
    if (process.person === again.person && !again.person.isExcused) return true;
    const elapsedMs = again.person.world.time.nowMs - atMs;
    const inMs = Math.min(process.sight.leftAfterMs(atMs), elapsedMs);
    return inMs > CONFIRMED_MS && index >= this.#forgotBefore;
  }
}
