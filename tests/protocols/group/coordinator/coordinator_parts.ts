/** Parts of the coordinator, each alone: who is there, in which view, and what the part does, in words. */

import type { LinkId } from "../../../../lib/base/ids.ts";
import {
  Attendance,
  type Attendee,
  expected,
  type GroupLink,
} from "../../../../lib/protocols/group/detector/attendance.ts";
import { Views } from "../../../../lib/protocols/group/detector/views.ts";
import type { CoordinatorEffect } from "../../../../lib/protocols/group/schema/coordinator_io.ts";
import { CoordinatorOutput } from "../../../../lib/protocols/group/schema/coordinator_output.ts";
import {
  type Member,
  type SignedEpoch,
  signEpoch,
} from "../../../../lib/protocols/group/schema/epoch.ts";
import { HistoryEnd } from "../../../../lib/protocols/group/schema/history.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { PartOutput } from "../../part_output.ts";
import { GROUP, keyOf, messageWords, OWN, recordWords } from "../coordinator_program.ts";

export function memberNamed(name: string): Member {
  return {
    key: keyOf(name),
    name,
    incarnation: new Uint8Array(8).fill(1),
    host: null,
    port: 9_000,
  };
}

/** The view of these, as the coordinator decides it. */
export function viewOf(number: number, ...names: readonly string[]): SignedEpoch {
  return signEpoch(OWN, {
    group: GROUP,
    view: number,
    ballot: { number, round: 0 },
    members: names.map(memberNamed),
    start: new HistoryEnd(fakeCrypto, GROUP).point,
  });
}

/** They are in a view that has begun. */
export function viewsOf(...names: readonly string[]): Views {
  const signed = viewOf(1, ...names);
  const { ballot } = signed.epoch.value;
  return Views.of([{ kind: "decided", signed }, { kind: "confirmed", ballot }]);
}

/** Who is here, each on a link of its own. */
export class Room {
  readonly attendance = new Attendance(3_000, { lateMs: 0 });
  readonly output;
  readonly out = new CoordinatorOutput(() => true);

  constructor(...names: readonly string[]) {
    this.output = new PartOutput<CoordinatorEffect, CoordinatorOutput>(
      this.out,
      (effect) => this.#words(effect),
    );
    for (const name of names) this.comes(name);
  }

  comes(name: string, host: string | null = null, changes: Partial<Attendee> = {}): Attendee {
    const link = this.#names.push(name) as LinkId;
    const peer = keyOf(name);
    const nowMs = this.out.nowMs;
    this.attendance.linkUp({ link, peer, process: "1", host }, nowMs);
    const attendee = {
      ...expected(memberNamed(name), nowMs),
      ...{ link, seenHost: host, isKnown: false },
      ...changes,
    };
    this.attendance.put(attendee);
    return attendee;
  }

  /** These exchange datagrams with each other. */
  hear(...names: readonly string[]): void {
    const keys = names.map(keyOf);
    for (const key of keys) this.attendance.get(key)!.hears = new Set(keys);
  }

  on(name: string): GroupLink {
    return this.attendance.link(this.#names.indexOf(name) + 1 as LinkId)!;
  }

  words(): readonly string[] {
    return this.output.words();
  }

  /** Names, by link. */
  readonly #names: string[] = [];

  #words(effect: CoordinatorEffect): string {
    switch (effect.type) {
      case "send":
        return `${this.#names[effect.link - 1]}: ${messageWords(effect.message)}`;
      case "close":
        return `closes ${this.#names[effect.link - 1]}`;
      case "persist":
        return `disk: ${effect.records.map(recordWords).join(", ")}`;
      case "show":
        return effect.event.event === "notice" ? effect.event.text : effect.event.event;
      default:
        return effect.type;
    }
  }
}
