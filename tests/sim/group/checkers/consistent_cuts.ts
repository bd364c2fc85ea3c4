/**
 * Snapshots: each is a consistent cut of what really happened, and its verdict says so.
 *
 * Each is checked in two ways. From inside: the text of the snapshot file is parsed and checked as by `p2pchat
 * snapshot verify`. And from outside: the checker knows after which of its steps each process sent its markers, and
 * when each message was sent and received. So no message may cross the cut backwards, and the numbers of texts
 * recorded as sent, received and in flight must be the real ones.
 */

import type { PeerKey } from "../../../../lib/base/ids.ts";
import { type Ballot, isSameBallot } from "../../../../lib/protocols/group/schema/epoch.ts";
import type {
  GroupMessage,
  GroupMessageOf,
} from "../../../../lib/protocols/group/schema/messages.ts";
import { type Cut, runsLength } from "../../../../lib/protocols/group/schema/cut.ts";
import { cutFaults, verdictOf } from "../../../../lib/protocols/group/snapshot/cut_check.ts";
import { parseSnapshot, snapshotText } from "../../../../lib/runtime/records/snapshot_file.ts";
import { fakeCrypto } from "../../fake_crypto.ts";
import type { Checker } from "../checker.ts";
import type { AnyEffect, AnyInput, AnyProcess } from "../process.ts";
import { Violation } from "../violation.ts";

type Key = PeerKey;

/** The state of a process when it sent its first marker of an attempt. */
interface Line {
  /** How many messages had been sent by everybody. */
  readonly sends: number;
  /** By the other member: the last text sent to it and, in `received`, the last one received from it. */
  readonly sent: ReadonlyMap<Key, number>;
  readonly received: ReadonlyMap<Key, number>;
}

interface Watched {
  readonly lines: Map<Key, Line>;
  /** Messages that crossed the cut backwards, if both processes belong to it. */
  readonly crossings: { readonly from: Key; readonly to: Key; readonly text: string }[];
}

/** A late message may belong to one of this many latest attempts. */
const WATCHED_MAX = 16;

export class ConsistentCuts implements Checker {
  /** How many snapshots were checked. */
  count = 0;
  /** How many of them have messages in flight between members. */
  flying = 0;
  #sends = 0;
  /** By whom and when each message was sent. */
  readonly #sent = new WeakMap<GroupMessage, { readonly by: Key; readonly at: number }>();
  readonly #sentTexts = new Texts();
  readonly #receivedTexts = new Texts();
  readonly #watched = new Map<string, Watched>();

  took(process: AnyProcess, input: AnyInput, effects: readonly AnyEffect[]): void {
    const { key } = process;
    const message = messageOf(input);
    if (message !== null) this.#came(process, message, input);
    for (const effect of effects) {
      if (effect.type === "tell") this.#tells(key, effect.peers, effect.message);
      else if (effect.type === "send") this.#tells(key, [], effect.message);
    }
  }

  #tells(by: Key, peers: readonly Key[], message: GroupMessage): void {
    const at = ++this.#sends;
    this.#sent.set(message, { by, at });
    switch (message.type) {
      case "marker":
        return this.#marks(by, message, at);
      case "begin":
        for (const peer of peers) this.#sentTexts.begin(by, peer, message);
        return;
      case "data":
        for (const peer of peers) this.#sentTexts.add(by, peer, message);
    }
  }

  #marks(by: Key, message: GroupMessageOf<"marker">, at: number): void {
    const { lines } = this.#of(message);
    if (lines.has(by)) return;
    lines.set(by, {
      sends: at,
      sent: this.#sentTexts.of(message.ballot, (from, to) => from === by ? to : null),
      received: this.#receivedTexts.of(message.ballot, (from, to) => to === by ? from : null),
    });
  }

  #of({ attempt }: GroupMessageOf<"marker">): Watched {
    const name = `${attempt.run.toHex()} ${attempt.number}`;
    const known = this.#watched.get(name);
    if (known !== undefined) return known;
    const watched: Watched = { lines: new Map(), crossings: [] };
    this.#watched.set(name, watched);
    if (this.#watched.size > WATCHED_MAX) {
      this.#watched.delete(this.#watched.keys().next().value!);
    }
    return watched;
  }

  #came(process: AnyProcess, message: GroupMessage, input: AnyInput): void {
    const { key, name } = process;
    const sent = this.#sent.get(message);
    if (sent !== undefined && message.type !== "marker") {
      for (const watched of this.#watched.values()) {
        const line = watched.lines.get(sent.by);
        if (line === undefined || sent.at < line.sends || watched.lines.has(key)) continue;
        const text = `${name} got ${message.type} before its cut, sent after the sender's`;
        watched.crossings.push({ from: sent.by, to: key, text });
      }
    }
    if (input.type !== "peer-message") return;
    if (message.type === "begin") this.#receivedTexts.begin(input.peer, key, message);
    else if (message.type === "data") this.#receivedTexts.add(input.peer, key, message);
  }

  cut(cut: Cut): void {
    this.count++;
    const text = snapshotText(fakeCrypto, cut, verdictOf(cut));
    const [fault] = cutFaults(parseSnapshot(fakeCrypto, text).cut);
    if (fault !== undefined) throw new Violation(`Cut: ${fault}`);
    if (cut.members.length === 0) return;
    const processes = new Set([cut.coordinatorKey, ...cut.members.map(({ key }) => key)]);
    // The next attempt may have begun already.
    const watched = [...this.#watched.values()].findLast(({ lines }) =>
      [...processes].every((key) => lines.has(key))
    );
    if (watched === undefined) throw new Violation("Cut: not all have sent their markers");
    for (const { from, to, text } of watched.crossings) {
      if (processes.has(from) && processes.has(to)) throw new Violation(`Cut: ${text}`);
    }
    this.#compare(cut, watched);
  }

  /** Compares the recorded state with the real one. */
  #compare({ members }: Cut, { lines }: Watched): void {
    let flying = 0;
    members.forEach((to, at) => {
      const toLine = lines.get(to.key);
      members.forEach((from, of) => {
        const fromLine = lines.get(from.key);
        if (at === of) return;
        const way = `from ${from.name} to ${to.name}`;
        if (toLine === undefined || fromLine === undefined) {
          throw new Violation(`Cut: no marker was sent ${way}`);
        }
        const { texts } = to.state.peers[of]!;
        const runs = to.state.channels[of]!.filter(({ author }) => author === from.key);
        const under = runsLength(runs);
        const sent = fromLine.sent.get(to.key);
        const received = toLine.received.get(from.key);
        check(`sent ${way}`, from.state.sent, sent);
        check(`received ${way}`, texts, received);
        if (sent !== undefined) check(`under way ${way}`, under, sent - texts);
        flying += under;
      });
    });
    if (flying > 0) this.flying++;
  }
}

/** @param really Undefined where nothing was sent in this epoch: then all texts are in the history. */
function check(what: string, recorded: number, really: number | undefined): void {
  if (really === undefined || really === recorded) return;
  throw new Violation(`Cut: ${recorded} texts are recorded as ${what}, ${really} were`);
}

/** For each channel: the number of the last text, in the epoch that the sender was in. */
class Texts {
  /** By `FROM TO`. */
  readonly #ballots = new Map<string, Ballot>();
  readonly #through = new Map<string, { readonly ballot: Ballot; readonly through: number }>();

  begin(from: Key, to: Key, { signed }: GroupMessageOf<"begin">): void {
    this.#ballots.set(`${from} ${to}`, signed.epoch.value.ballot);
  }

  add(from: Key, to: Key, { signed: { batch: { value } } }: GroupMessageOf<"data">): void {
    const way = `${from} ${to}`;
    const ballot = this.#ballots.get(way);
    if (value.kind !== "texts" || ballot === undefined) return;
    const last = this.#through.get(way);
    const before = last !== undefined && isSameBallot(last.ballot, ballot) ? last.through : 0;
    const through = Math.max(before, value.counter + value.texts.length - 1);
    this.#through.set(way, { ballot, through });
  }

  of(ballot: Ballot, other: (from: Key, to: Key) => Key | null): ReadonlyMap<Key, number> {
    const found = new Map<Key, number>();
    for (const [way, one] of this.#through) {
      const [from, to] = way.split(" ") as [Key, Key];
      const key = other(from, to);
      if (key !== null && isSameBallot(one.ballot, ballot)) found.set(key, one.through);
    }
    return found;
  }
}

function messageOf(input: AnyInput): GroupMessage | null {
  return input.type === "message" || input.type === "peer-message" ? input.message : null;
}
