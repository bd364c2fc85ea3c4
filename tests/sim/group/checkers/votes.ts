/**
 * E1, E2 and E4, message by message: a number belongs to one edit; no entry has two undecided edits, and no edit is
 * refused because of another one where there is none; a committed edit was agreed to by everybody who had to be
 * asked, of the members of the view that voted; a member that has agreed doesn't decide otherwise on its own; in the
 * end the coordinator no longer stores edits that all have.
 */

import { sameBytes } from "../../../../lib/base/collections/bytes.ts";
import type { PeerKey, RequestId } from "../../../../lib/base/ids.ts";
import {
  type Edit,
  type EditRequest,
  requestId,
} from "../../../../lib/protocols/group/schema/edit.ts";
import type {
  CoordinatorEvent,
  MemberEvent,
} from "../../../../lib/protocols/group/schema/events.ts";
import type { Batch, PlacedEdit } from "../../../../lib/protocols/group/schema/history.ts";
import type {
  GroupMessage,
  GroupMessageOf,
} from "../../../../lib/protocols/group/schema/messages.ts";
import type {
  CoordinatorRecord,
  MemberRecord,
} from "../../../../lib/protocols/group/schema/records.ts";
import { fakeCrypto } from "../../fake_crypto.ts";
import type { Checker } from "../checker.ts";
import type { CoordinatorProcess } from "../coordinator_process.ts";
import type { MemberProcess } from "../member_process.ts";
import { Violation } from "../violation.ts";
import type { MemberParty, Party, World } from "../world.ts";

function idOf(request: EditRequest): RequestId {
  return requestId(fakeCrypto, request);
}

/** The edits that one process of the coordinator has accepted and not decided. */
interface OpenAt {
  readonly process: CoordinatorProcess | null;
  /** By the number of the edit: the number of the entry. */
  readonly entries: Map<number, number>;
  /**
   * Requests that earlier processes had decided, as this one read at its start, and the numbers of those edits. Who
   * asked may be told the number only now, with the outcome: such an edit locks nothing.
   */
  readonly decided: ReadonlyMap<RequestId, number>;
  /**
   * Entries that may be locked, too: those of edits decided by an earlier process whose disk has lost the decision,
   * while it is written again; and those of edits that a restored disk may accept again under the same number.
   */
  readonly perhaps: Set<number>;
  /** Requests that were refused. */
  readonly refused: Set<RequestId>;
  /**
   * Edits that others were refused for, before their own requesters were told that they are accepted: by number, that
   * of the entry.
   */
  readonly untold: Map<number, number>;
}

function openAt(process: CoordinatorProcess | null): OpenAt {
  const [entries, untold] = [new Map<number, number>(), new Map<number, number>()];
  const decided = new Map(decidedIn(process?.coordinator.config.records ?? []));
  return { process, entries, decided, perhaps: new Set(), refused: new Set(), untold };
}

function* decidedIn(
  records: readonly CoordinatorRecord[],
): IterableIterator<readonly [RequestId, number]> {
  for (const record of records) {
    if (record.kind === "aborted") yield [record.id, record.edit];
    if (record.kind !== "committed") continue;
    for (const { signed, edit } of record.batch.batch.value.edits) {
      yield [idOf(signed.request.value), edit];
    }
  }
}

export class Votes implements Checker {
  /** Numbers of the edits whose outcome the operator was told. */
  readonly #over = new Set<number>();
  /** By number of the edit: its request. */
  readonly #numbers = new Map<number, RequestId>();
  /** By request: the number of the entry; and who asks. */
  readonly #entries = new Map<RequestId, number>();
  readonly #requesters = new Map<RequestId, PeerKey>();
  /** Requests that a member which hasn't voted has refused while the coordinator was away. */
  readonly #unvoted = new Set<RequestId>();
  /** By number of the view: the names of its members. */
  readonly #views = new Map<number, readonly string[]>();
  /** By number of the edit: the view that voted on it last. */
  readonly #votedIn = new Map<number, number>();
  /** By number of the entry: its text in the longest log. */
  readonly #texts = new Map<number, string>();
  #open = openAt(null);

  wrote({ world }: Party, records: readonly (MemberRecord | CoordinatorRecord)[]): void {
    for (const record of records) {
      if (record.kind === "committed") this.#committed(world, record.batch.batch.value.edits);
      if (record.kind !== "decided") continue;
      const { view, members } = record.signed.epoch.value;
      this.#views.set(view, members.map(({ name }) => name));
    }
  }

  sent(party: Party, message: GroupMessage): void {
    switch (message.type) {
      case "edit": {
        const { value } = message.signed.request;
        this.#requesters.set(idOf(value), value.requester);
        return void this.#entries.set(idOf(value), value.seq);
      }
      case "edit-accepted":
        return this.#accepted(party.world, message);
      case "edit-refused":
        return this.#refused(party.world, message);
      case "prepare":
        return void this.#votedIn.set(message.edit, message.view);
      case "vote":
        if (message.agrees || !isPrepared(party, message)) return;
        throw new Violation(`E4: ${party.name} refuses what it has agreed to`);
    }
  }

  #accepted(world: World, { id, edit }: GroupMessageOf<"edit-accepted">): void {
    const known = this.#numbers.get(edit);
    const { outdatedView, hasForked } = world.coordinator;
    // A restored disk of the coordinator that nobody has noticed yet knows fewer edits, too.
    const isExcused = outdatedView !== null || hasForked;
    if (known !== undefined && known !== id && !isExcused) {
      throw new Violation(`E3: two edits are number ${edit}`);
    }
    this.#numbers.set(edit, id);
    const seq = this.#entries.get(id)!;
    const { entries: open, perhaps, decided } = this.#openAt(world);
    this.#isNow(world, edit, seq);
    if (known === id && isExcused) perhaps.add(seq);
    if (known === id || open.has(edit)) return; // the acceptance is repeated
    if (decided.get(id) === edit) return;
    const other = [...open].find(([, entry]) => entry === seq);
    if (other !== undefined && world.history.forksMax === 0) {
      throw new Violation(`E2: edit ${edit} of entry ${seq} beside edit ${other[0]}`);
    }
    open.set(edit, seq);
  }

  #refused(world: World, { id, code, text }: GroupMessageOf<"edit-refused">): void {
    const seq = this.#entries.get(id)!;
    const { entries, perhaps, refused, untold } = this.#openAt(world);
    const isLocked = [...entries.values()].includes(seq) || perhaps.has(seq);
    const isAgain = refused.has(id); // a refusal is repeated
    refused.add(id);
    if (code !== "entry-locked" || isLocked || isAgain) return;
    const edit = Number(/\(edit ([0-9]+)\)/.exec(text)?.[1]);
    if (this.#over.has(edit)) throw new Violation(`E2: entry ${seq} isn't locked: ${text}`);
    untold.set(edit, seq);
  }

  /** It becomes known which entry this edit locks. */
  #isNow(world: World, edit: number, seq: number): void {
    const { untold } = this.#openAt(world);
    const said = untold.get(edit) ?? seq;
    untold.delete(edit);
    if (said !== seq) throw new Violation(`E2: edit ${edit} is of entry ${seq}, not of ${said}`);
  }

  /** The coordinator's present process; edits that an earlier process had accepted are aborted. */
  #openAt({ coordinator: { process } }: World): OpenAt {
    if (this.#open.process !== process) this.#open = openAt(process);
    return this.#open;
  }

  #committed(world: World, edits: readonly Edit[]): void {
    const { entries, perhaps } = this.#openAt(world);
    for (const { edit, signed } of edits) {
      if (!entries.has(edit)) perhaps.add(signed.request.value.seq);
    }
  }

  operatorTold(world: World, event: CoordinatorEvent): void {
    if (event.event !== "edit") return;
    this.#isNow(world, event.edit, event.seq);
    this.#openAt(world).entries.delete(event.edit);
    this.#over.add(event.edit);
  }

  edited(world: World, { position, edit: { edit, signed, agreed } }: PlacedEdit): void {
    const { seq, name: by, text } = signed.request.value;
    this.#texts.set(seq, text);
    if (world.history.forksMax > 0 || world.coordinator.wasPutBack) return;
    const id = idOf(signed.request.value);
    if ((this.#numbers.get(edit) ?? id) !== id) {
      throw new Violation(`E3: two edits are number ${edit}`);
    }
    this.#numbers.set(edit, id);
    const voters = this.#views.get(this.#votedIn.get(edit)!)!;
    const policy = world.policyAt(position);
    const others = voters.filter((name) => name !== by);
    const author = world.history.entries[seq - 1]!.by.name;
    const asked = policy === "ask"
      ? others
      : others.filter((name) => policy === "own" && name === author);
    const names = agreed.map(({ name }) => name);
    if (names.toSorted().join() === asked.toSorted().join()) return;
    throw new Violation(`E1: edit ${edit} is agreed by ${names}; asked were ${asked}`);
  }

  told(process: MemberProcess, event: MemberEvent): void {
    if (event.event !== "vote-wanted") return;
    const { world, name } = process;
    const { seq, by, old, edit } = event;
    const policy = world.policyAt((process.disk.log?.end.position ?? 0) + 1);
    if (world.history.forksMax > 0) return;
    const said = world.history.entries[seq - 1]!;
    const isAsked = policy === "ask" || (policy === "own" && said.by === process.party);
    if (!isAsked || by === name) throw new Violation(`E1: ${name} is asked about edit ${edit}`);
    // A member that was frozen may ask late about an edit that is over, with the group's state of that time. Of those
    // that ended with a process of the coordinator, the operator may never be told.
    if (!this.#openAt(world).entries.has(edit)) return;
    const text = this.#texts.get(seq) ?? said.text;
    if (old !== text) {
      throw new Violation(`E2: entry ${seq} reads "${text}", ${name} sees "${old}"`);
    }
  }

  toldMembers(process: MemberProcess, message: GroupMessage): void {
    if (message.type !== "aborted") return;
    const { id } = message;
    if (!isPrepared(process.party, message)) return void this.#unvoted.add(id);
    // Who has asked for it may give it up, after another one that hasn't voted has refused.
    const isOwn = this.#requesters.get(id) === process.party.signer.key;
    if (isOwn && this.#unvoted.has(id)) return;
    throw new Violation(`E4: ${process.name} decides alone on what it has agreed to`);
  }

  settled(world: World, members: readonly MemberParty[]): void {
    for (const [edit, seq] of this.#openAt(world).untold) {
      throw new Violation(`E2: entry ${seq} was refused for edit ${edit}, which isn't there`);
    }
    const { process } = world.coordinator;
    for (const record of process?.snapshot() ?? []) {
      if (record.kind !== "committed") continue;
      const { value } = record.batch.batch;
      const numbers = value.edits.map(({ edit }) => edit);
      const what = value.kind === "rules" ? "rules" : `edits ${numbers}`;
      const lack = members.filter((member) => !hasLogged(member, value)).map(({ name }) => name);
      const whose = members.length === 0
        ? "which nobody is there to have"
        : lack.length === 0
        ? "which all have"
        : `which ${lack} lacks`;
      throw new Violation(`E1: the coordinator still repeats ${what}, ${whose}`);
    }
  }
}

/** Whether the decision is in the member's log. */
function hasLogged(
  { disk: { log } }: MemberParty,
  { author, incarnation, counter }: Batch,
): boolean {
  return log?.batches.some(({ batch: { value } }) =>
    value.author === author && value.counter === counter &&
    sameBytes(value.incarnation, incarnation)
  ) ?? false;
}

/**
 * Whether the party has agreed to the edit, and doesn't know the outcome. A request that is accepted anew is another
 * edit: who agreed to the earlier one may refuse it.
 */
function isPrepared(
  { disk: { records } }: Party,
  { id, edit }: GroupMessageOf<"vote" | "aborted">,
): boolean {
  let isIt = false;
  for (const record of records) {
    if (record.kind === "prepared" && idOf(record.signed.request.value) === id) {
      isIt = record.edit === edit;
    }
    if (record.kind === "settled" && record.id === id) isIt = false;
  }
  return isIt;
}
