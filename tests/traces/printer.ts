/**
 * Prints what happens in a simulated room, one line an event. A message is printed where it is sent, and
 * once more where it arrives if it was held up on its way.
 */

import type { LinkId, PeerKey } from "../../lib/base/ids.ts";
import type { MeshEvent } from "../../lib/protocols/mesh/schema/events.ts";
import type { MeshEffect, MeshInput } from "../../lib/protocols/mesh/schema/mesh_io.ts";
import type { MeshMessage } from "../../lib/protocols/mesh/schema/messages.ts";
import type { MeshRecord } from "../../lib/protocols/mesh/schema/records.ts";
import type { MeshChecker } from "../sim/mesh/checker.ts";
import type { MemberProcess } from "../sim/mesh/member.ts";
import type { Words } from "./words.ts";

/**
 * Some of the lines: those of these kinds, where these members take part. A kind is a message's type, an
 * event's name, or `write`, `dial`, `link`, `close`, `input`, `stop`.
 */
export interface Watch {
  /** In order, the last that fits decides: `all`, `sync-*`, and `-beacons` for none of these. */
  readonly kinds: readonly string[];
  /** `any`: at least one of `labels` takes part; `only`: nobody else does. */
  readonly who: "everybody" | "any" | "only";
  readonly labels: readonly string[];
}

export class Printer implements MeshChecker {
  readonly name = "printer";
  muted = false;
  /** A line is printed where one of these fits. */
  watches: readonly Watch[] = [];
  readonly #peers = new WeakMap<MemberProcess, Map<LinkId, PeerKey>>();
  /** Messages on their way on a link that is held up, and to whom. */
  readonly #held = new Map<MeshMessage, Set<string>>();

  constructor(readonly words: Words, readonly print: (line: string) => void) {}

  stepped(process: MemberProcess, input: MeshInput): void {
    const me = this.#who(process);
    switch (input.type) {
      case "link-up": {
        this.#peersOf(process).set(input.link, input.peer);
        const peer = this.words.who(input.peer);
        if (input.dialled) this.#line(process, "link", peer, `${me} -- ${peer}  link up`);
        break;
      }
      case "link-down": {
        const peer = this.#peer(process, input.link);
        this.#line(process, "link", peer, `${me} -- ${peer}  link down: ${input.reason}`);
        break;
      }
      case "dial-failed":
        this.#line(process, "dial", null, `${me} dial failed: ${input.reason}`);
        break;
      case "message": {
        const from = this.#peer(process, input.link);
        if (!this.#held.get(input.message)?.delete(`${from} ${me}`)) return;
        const words = this.words.message(input.message);
        this.#line(process, input.message.type, from, `${me} <- ${from}  ${words}  (was held up)`);
        break;
      }
    }
  }

  effect(process: MemberProcess, effect: MeshEffect): void {
    const me = this.#who(process);
    switch (effect.type) {
      case "dial": {
        const peer = effect.expect === null ? null : this.words.who(effect.expect);
        return this.#line(process, "dial", peer, `${me} dials ${peer ?? "its contact"}`);
      }
      case "close":
      case "ban": {
        const peer = this.#peer(process, effect.link);
        const verb = effect.type === "ban" ? "bans" : "closes the link to";
        return this.#line(process, "close", peer, `${me} ${verb} ${peer}: ${effect.reason}`);
      }
      case "input": {
        const what = effect.pausedBecause ?? "goes on";
        return this.#line(process, "input", null, `${me} input: ${what}`);
      }
      case "stop": {
        const { outcome } = effect;
        const how = outcome.kind === "bye" ? "bye" : `${outcome.code}: ${outcome.text}`;
        return this.#line(process, "stop", null, `${me} stops, ${how}`);
      }
    }
  }

  wrote(process: MemberProcess, records: readonly MeshRecord[]): void {
    const kept = records.filter(({ kind }) => kind !== "shown");
    if (kept.length === 0) return;
    const words = kept.map((record) => this.words.record(record)).join(", ");
    this.#line(process, "write", null, `${this.#who(process)} writes ${words}`);
  }

  compacted(process: MemberProcess, records: readonly MeshRecord[]): void {
    const text = `${this.#who(process)} writes its log anew, ${records.length} records`;
    this.#line(process, "write", null, text);
  }

  shown(process: MemberProcess, event: MeshEvent): void {
    this.#line(process, event.event, null, `${this.#who(process)} ${this.words.event(event)}`);
  }

  sent(process: MemberProcess, link: LinkId, message: MeshMessage): void {
    const end = process.links.get(link);
    if (end === undefined) return; // it broke since the machine decided
    const me = this.#who(process);
    const to = this.#peer(process, link);
    const held = process.member.world.network.isCut(process.host, end.other.owner.host);
    if (held) {
      let receivers = this.#held.get(message);
      if (receivers === undefined) this.#held.set(message, receivers = new Set());
      receivers.add(`${me} ${to}`);
    }
    const words = this.words.message(message);
    this.#line(process, message.type, to, `${me} -> ${to}  ${words}${held ? "  (held up)" : ""}`);
  }

  #line(process: MemberProcess, kind: string, peer: string | null, text: string): void {
    if (this.muted) return;
    const labels = [this.#who(process), ...(peer === null ? [] : [peer])];
    if (!this.watches.some((watch) => isWatched(watch, kind, labels))) return;
    const seconds = (process.member.world.time.nowMs / 1_000).toFixed(3);
    this.print(`${seconds.padStart(7)}  ${text}`);
  }

  #peersOf(process: MemberProcess): Map<LinkId, PeerKey> {
    let peers = this.#peers.get(process);
    if (peers === undefined) this.#peers.set(process, peers = new Map());
    return peers;
  }

  #peer(process: MemberProcess, link: LinkId): string {
    const peer = this.#peersOf(process).get(link);
    return peer === undefined ? "?" : this.words.who(peer);
  }

  #who(process: MemberProcess): string {
    return this.words.who(process.member.key);
  }
}

function isWatched(watch: Watch, kind: string, labels: readonly string[]): boolean {
  const isNamed = (label: string) => watch.labels.includes(label);
  if (watch.who === "any" && !labels.some(isNamed)) return false;
  if (watch.who === "only" && !labels.every(isNamed)) return false;
  let watched = false;
  for (const pattern of watch.kinds) {
    const not = pattern.startsWith("-");
    if (fits(not ? pattern.slice(1) : pattern, kind)) watched = !not;
  }
  return watched;
}

function fits(pattern: string, kind: string): boolean {
  if (pattern === "all") return true;
  return pattern.endsWith("*") ? kind.startsWith(pattern.slice(0, -1)) : kind === pattern;
}
