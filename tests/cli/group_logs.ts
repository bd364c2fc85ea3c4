/** Members of a group, what they say, and files of it. */

import { NO_BALLOT, recordedView, signEpoch } from "../../lib/protocols/group/schema/epoch.ts";
import { nodeCrypto, nodeSigner, type Signer, utf8 } from "../../lib/base/crypto/crypto.ts";
import { GroupLog, type GroupLogPorts } from "../../lib/cli/tools/group_log.ts";
import type { MessageId } from "../../lib/base/ids.ts";
import { consentTo, signConsent } from "../../lib/protocols/group/identity/consents.ts";
import {
  type Edit,
  type NamedKey,
  type SignedEditRequest,
  signEditRequest,
  textDigest,
} from "../../lib/protocols/group/schema/edit.ts";
import { type Founding, groupIdOf, type Rules } from "../../lib/protocols/group/schema/founding.ts";
import {
  type Batch,
  COORDINATOR_NAME,
  entryId,
  HistoryEnd,
  type Placed,
  signBatch,
  type SignedBatch,
} from "../../lib/protocols/group/schema/history.ts";
import { batchLines, firstLine } from "../../lib/runtime/records/group_log_lines.ts";
import { checksumOf, checksumText } from "../../lib/store/disk/record_line.ts";
import type { Disk } from "../../lib/store/disk/disk.ts";
import { foundedBy } from "../protocols/group/founded.ts";

const COORDINATOR = nodeSigner(new Uint8Array(32).fill(99)).key;
export const FOUNDING: Founding = { ...foundedBy(COORDINATOR), edits: "ask" };
export const GROUP = groupIdOf(nodeCrypto, FOUNDING);
export const OTHER_FOUNDING = foundedBy(COORDINATOR, 2);
export const OTHER_GROUP = groupIdOf(nodeCrypto, OTHER_FOUNDING);
/** 2026-01-31T12:00:00.000Z. */
export const NOON_MS = 1_769_860_800_000;

/** As everybody is called. */
export const nameOf = ({ name }: NamedKey): string => name;

/** A member's process. */
export class Speaker {
  readonly signer: Signer;
  readonly incarnation: Uint8Array;
  #counter = 0;
  #number = 0;

  constructor(readonly name: string, seed: number, incarnation = seed) {
    this.signer = nodeSigner(new Uint8Array(32).fill(seed));
    this.incarnation = new Uint8Array(8).fill(incarnation);
  }

  /** What it says next, in one go. */
  say(...texts: readonly string[]): SignedBatch {
    return signBatch(this.signer, this.batch(texts));
  }

  /** What it asks for. */
  ask(
    seq: number,
    text: string,
    group = GROUP,
    { entry = SIX[seq - 1] ?? NO_ENTRY, old = "old" }: Named = {},
  ): SignedEditRequest {
    return signEditRequest(this.signer, {
      group,
      requester: this.signer.key,
      name: this.name,
      incarnation: this.incarnation,
      number: ++this.#number,
      askedAt: NOON_MS + 30_000 + 1_000 * this.#number,
      seq,
      entry,
      old: textDigest(nodeCrypto, old),
      text,
    });
  }

  /** The id of its text with this counter. */
  entry(counter: number): MessageId {
    const { signer: { key: author }, incarnation } = this;
    return entryId(nodeCrypto, { author, incarnation, counter }, 0);
  }

  /** As it agrees to what others ask for. */
  get named(): NamedKey {
    return { key: this.signer.key, name: this.name };
  }

  batch(texts: readonly string[], group = GROUP): Batch {
    const counter = this.#counter + 1;
    this.#counter += texts.length;
    return {
      kind: "texts",
      signedIn: { number: 1, round: 0 },
      rules: null,
      edits: [],
      group,
      author: this.signer.key,
      name: this.name,
      incarnation: this.incarnation,
      counter,
      sentAt: NOON_MS + 1_000 * counter,
      texts,
    };
  }
}

/** A coordinator's process. */
export class Decider {
  readonly signer: Signer;
  readonly incarnation: Uint8Array;
  #counter = 0;
  #edit = 0;

  constructor(seed = 99, incarnation = seed) {
    this.signer = nodeSigner(new Uint8Array(32).fill(seed));
    this.incarnation = new Uint8Array(8).fill(incarnation);
  }

  /** The next edits, in one go. */
  decide(...decided: readonly Decided[]): SignedBatch {
    return signBatch(this.signer, this.batch(decided));
  }

  batch(decided: readonly Decided[]): Batch {
    const counter = this.#counter + 1;
    this.#counter += decided.length;
    return {
      kind: "edits",
      signedIn: { number: 0, round: 0 },
      rules: null,
      edits: decided.map(([signed, ...agreed]) => this.#edited(signed, agreed)),
      group: GROUP,
      author: this.signer.key,
      name: COORDINATOR_NAME,
      incarnation: this.incarnation,
      counter,
      sentAt: NOON_MS + 60_000 * counter,
      texts: [],
    };
  }

  /** New rules. */
  rules(rules: Rules): SignedBatch {
    const { incarnation, signer } = this;
    const by = { group: GROUP, author: signer.key, name: COORDINATOR_NAME, incarnation };
    const counter = ++this.#counter;
    const sentAt = NOON_MS;
    const holds = { kind: "rules" as const, signedIn: NO_BALLOT, texts: [], edits: [], rules };
    return signBatch(signer, { ...holds, ...by, counter, sentAt });
  }

  #edited(signed: SignedEditRequest, voters: readonly Speaker[]): Edit {
    const consent = consentTo(nodeCrypto, signed);
    const agreed = voters.map(({ name, signer }) => {
      return { key: signer.key, name, signature: signConsent(signer, consent) };
    });
    return { edit: ++this.#edit, signed, view: 3, agreed };
  }

  /** The next edit was aborted. */
  abort(): void {
    this.#edit++;
  }
}

/** What was asked for, and who agreed. */
export type Decided = readonly [signed: SignedEditRequest, ...agreed: readonly Speaker[]];

/** What a request names: the entry's id, absent that of this number in `sixEntries`; and what it read. */
interface Named {
  readonly entry?: MessageId;
  readonly old?: string;
}

/** The id of no entry. */
const NO_ENTRY = "00".repeat(32) as MessageId;
/** The ids of `sixEntries`. */
const SIX: readonly MessageId[] = idsOfSix();

function idsOfSix(): readonly MessageId[] {
  const [alice, bob] = [new Speaker("alice", 1), new Speaker("bob", 2)];
  return [
    alice.entry(1),
    ...[1, 2, 3].map((counter) => bob.entry(counter)),
    alice.entry(2),
    bob.entry(4),
  ];
}

/**
 * The batches, with the view of all who say something in them at the first one. @param number Of that view. @param group Whose it is.
 */
export function recorded(
  batches: readonly SignedBatch[],
  number = 1,
  group = batches[0]?.batch.value.group ?? GROUP,
): readonly SignedBatch[] {
  const [first, ...rest] = batches;
  const texts = batches.map(({ batch }) => batch.value).filter(({ kind }) => kind === "texts");
  if (first === undefined || texts.length === 0 || batches.some(({ view }) => view !== null)) {
    return batches;
  }
  const members = new Map(texts.map(({ author: key, name, incarnation }) => [
    key,
    { key, name, incarnation, host: null, port: 9_000 },
  ]));
  const view = signEpoch(new Decider().signer, {
    group,
    view: number,
    ballot: { number, round: 0 },
    members: [...members.values()],
    start: new HistoryEnd(nodeCrypto, group).point,
  });
  return [{ ...first, view: recordedView(view) }, ...rest];
}

/** Six entries in four batches of alice and bob. */
export function sixEntries(): readonly SignedBatch[] {
  const [alice, bob] = [new Speaker("alice", 1), new Speaker("bob", 2)];
  return recorded([
    alice.say("hello"),
    bob.say("hi", "tab\there, line\nfeed \\n \x1b[2J", "how are you?"),
    alice.say("ünï👩‍🚀"),
    bob.say(""),
  ]);
}

/** The same six entries, the first and the third of them edited: ten positions in six batches. */
export function editedEntries(): readonly SignedBatch[] {
  const [alice, bob, coordinator] = [new Speaker("alice", 1), new Speaker("bob", 2), new Decider()];
  const hello = alice.say("hello");
  const first = coordinator.decide([bob.ask(1, "hello\tall"), alice]);
  const three = bob.say("hi", "tab\there, line\nfeed \\n \x1b[2J", "how are you?");
  coordinator.abort();
  const carol = new Speaker("carol", 3);
  const two = coordinator.decide(
    [carol.ask(3, "%s /exit ünï👩‍🚀"), bob, alice],
    [alice.ask(1, '{"command":"x"}', GROUP, { old: "hello\tall" })],
    [bob.ask(3, "/exit", GROUP, { old: "%s /exit ünï👩‍🚀" })],
  );
  return recorded([hello, first, three, two, alice.say("ünï👩‍🚀"), bob.say("")]);
}

/** The bytes of a log with these batches. */
export function logBytes(
  batches: readonly SignedBatch[],
  founding = FOUNDING,
): Uint8Array<ArrayBuffer> {
  const group = groupIdOf(nodeCrypto, founding);
  const end = new HistoryEnd(nodeCrypto, group);
  const parts = [
    utf8(firstLine(nodeCrypto, founding)),
    ...recorded(batches, 1, group).map((batch) => batchLines(batch, end.append(batch))),
  ];
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

/** All entries and edits of these batches, with their places. */
export function placedOf(batches: readonly SignedBatch[]): Placed {
  const end = new HistoryEnd(nodeCrypto, GROUP);
  const placed = recorded(batches).map((batch) => end.append(batch));
  return {
    entries: placed.flatMap(({ entries }) => entries),
    edits: placed.flatMap(({ edits }) => edits),
    rules: null,
  };
}

export function endOf(batches: readonly SignedBatch[]): HistoryEnd {
  const end = new HistoryEnd(nodeCrypto, GROUP);
  for (const batch of recorded(batches)) end.append(batch);
  return end;
}

export function portsOf(disk: Disk): GroupLogPorts {
  return { disk, crypto: nodeCrypto, pid: 7, startedMs: NOON_MS };
}

export function openLogAt(disk: Disk, path: string, certainThrough: number | null = null) {
  return GroupLog.open(portsOf(disk), path, certainThrough, certainThrough !== null);
}

/** The last line of a batch of one, as somebody would change it who knows the form of the file. */
export function withChecksum(line: string): string {
  const content = line.slice(0, line.lastIndexOf("\t"));
  return `${content}\t${checksumText(checksumOf(new TextEncoder().encode(content)))}`;
}
