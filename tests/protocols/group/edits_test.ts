// What the model of edits (docs/model/edits.pml) found: requests that are accepted anew, and decisions out of order.

import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../lib/base/ids.ts";
import {
  requestId,
  type SignedEditRequest,
  signEditRequest,
  textDigest,
} from "../../../lib/protocols/group/schema/edit.ts";
import { idOfPlace } from "../../../lib/protocols/group/identity/consents.ts";
import type { Epoch } from "../../../lib/protocols/group/schema/epoch.ts";
import type { MemberEvent } from "../../../lib/protocols/group/schema/events.ts";
import { EntryLookups, HeldBatches } from "../../../lib/protocols/group/log/held_batches.ts";
import { EDITS_MAX } from "../../../lib/protocols/group/schema/limits.ts";
import {
  COORDINATOR_NAME,
  HistoryEnd,
  signBatch,
  type SignedBatch,
} from "../../../lib/protocols/group/schema/history.ts";
import type { MemberEffect } from "../../../lib/protocols/group/schema/member_io.ts";
import { MemberNames } from "../../../lib/protocols/group/identity/member_names.ts";
import { MemberOutput } from "../../../lib/protocols/group/schema/member_output.ts";
import type { GroupMessage, GroupMessageOf } from "../../../lib/protocols/group/schema/messages.ts";
import { Sequencing } from "../../../lib/protocols/group/log/sequencing.ts";
import { EditParticipant } from "../../../lib/protocols/group/edits/edit_participant.ts";
import { fakeCrypto, fakeSigner } from "../../sim/fake_crypto.ts";
import { because, editOf, originOf, requestOf } from "./edit_fixtures.ts";
import { GROUP as PROGRAM_GROUP, Program } from "./coordinator_program.ts";
import { COORDINATOR, GROUP } from "./group_net.ts";

const ANN = fakeSigner("ann");
const BOB = fakeSigner("bob");
const CEM = fakeSigner("cem").key;
const ANN_PROCESS = new Uint8Array(8).fill(1);
const BOB_PROCESS = new Uint8Array(8).fill(2);
const START = new HistoryEnd(fakeCrypto, GROUP).point;

/** Ann is the sequencer. */
const EPOCH: Epoch = {
  group: GROUP,
  by: COORDINATOR.key,
  view: 1,
  ballot: { number: 1, round: 0 },
  members: [
    { key: ANN.key, name: "ann", incarnation: ANN_PROCESS, host: null, port: 9_000 },
    { key: BOB.key, name: "bob", incarnation: BOB_PROCESS, host: null, port: 9_001 },
  ],
  start: START,
};

const ENTRY = idOfPlace(fakeCrypto, {
  author: ANN.key,
  incarnation: ANN_PROCESS.toHex(),
  counter: 1,
});

function asked(number = 1, group = GROUP): SignedEditRequest {
  return signEditRequest(ANN, {
    group,
    requester: ANN.key,
    name: "ann",
    incarnation: ANN_PROCESS,
    number,
    askedAt: 0,
    seq: 1,
    entry: ENTRY,
    old: textDigest(fakeCrypto, "first"),
    text: `edited ${number}`,
  });
}

/** Decided by one process of the coordinator. @param signed What was asked for. */
function decided(process: number, counter: number, signed?: SignedEditRequest): SignedBatch {
  const edit = 10 * process + counter;
  return signBatch(COORDINATOR, {
    kind: "edits",
    signedIn: { number: 0, round: 0 },
    rules: null,
    group: GROUP,
    author: COORDINATOR.key,
    name: COORDINATOR_NAME,
    incarnation: new Uint8Array(8).fill(process),
    counter,
    sentAt: 0,
    texts: [],
    edits: [editOf(edit, signed ?? asked(edit))],
  });
}

/** Bob's part in edits, unless it is `self`'s, with a test in place of all around it. */
class Part {
  readonly out = new MemberOutput(() => true);
  readonly held = new HeldBatches(new HistoryEnd(fakeCrypto, GROUP));
  readonly said: string[] = [];
  readonly told: string[] = [];
  isCoordinatorUp = true;
  policy: "auto" | "ask" = "auto";
  readonly ordering: Sequencing;
  readonly voting: EditParticipant;
  readonly looks: EntryLookups;

  constructor(readonly selfKey: PeerKey = BOB.key) {
    this.looks = new EntryLookups((effect) => this.out.push(effect));
    const names = new MemberNames(selfKey, new Map(), this.out);
    const shared = {
      selfKey,
      crypto: fakeCrypto,
      group: GROUP,
      held: this.held,
      out: this.out,
      looks: this.looks,
      names,
      standing: {
        coordinator: COORDINATOR.key,
        mayDecide: (key: PeerKey) => key === COORDINATOR.key,
        view: null,
        begun: null,
        isLost: false,
      },
      offends: (_who: PeerKey, text: string) => this.said.push(`offends: ${text}`),
      consentFault: () => null,
    };
    this.ordering = new Sequencing(EPOCH, {
      ...shared,
      stable: () => {},
      stored: () => {},
      waits: () => {},
      disagrees: () => {},
      isKnownRequest: () => false,
      received: () => {},
    });
    const isUp = () => this.isCoordinatorUp;
    this.voting = new EditParticipant({
      ...shared,
      ordering: () => this.ordering,
      coordinator: {
        get isUp() {
          return isUp();
        },
        tell: (message) => this.said.push(words(message)),
        offends: (text) => this.said.push(`offends: ${text}`),
      },
      rules: () => ({ edits: this.policy }),
      signer: BOB,
      misused: () => {},
      wallMs: () => 0,
      reporting: { changed: () => {} },
      editing: {
        askedAnew: () => {},
        has: () => true,
        hasSigned: () => false,
        committed: () => this.told.push("committed"),
        aborted: (_id, { edit }) => this.told.push(`aborted ${edit}`),
      },
    }, []);
    this.held.append(signBatch(ANN, {
      kind: "texts",
      signedIn: { number: 1, round: 0 },
      rules: null,
      group: GROUP,
      author: ANN.key,
      name: "ann",
      incarnation: ANN_PROCESS,
      counter: 1,
      sentAt: 0,
      texts: ["first"],
      edits: [],
    }));
    this.held.shift();
  }

  /** One input, and all that its disk and its log answer. */
  does(input: () => void): void {
    this.out.begin(0);
    input();
    for (;;) {
      const effects = this.out.take() as readonly MemberEffect[];
      this.out.begin(0);
      for (const effect of effects) this.#follow(effect);
      if (this.out.take().length === 0) return;
    }
  }

  #follow(effect: MemberEffect): void {
    if (effect.type === "persist" && effect.token !== null) this.out.persisted(effect.token);
    if (effect.type === "tell") this.said.push(`${effect.peers.length}: ${words(effect.message)}`);
    if (effect.type === "show") this.told.push(eventWords(effect.event as MemberEvent));
    if (effect.type !== "look") return;
    const author = { key: BOB.key, name: "bob" };
    this.looks.looked(effect.token, { id: ENTRY, author, text: "first", isEdited: false });
  }

  prepare(edit: number, policy: "auto" | "ask" = "auto"): void {
    const signed = asked();
    this.policy = policy;
    this.does(() => this.voting.prepare({ type: "prepare", edit, view: 1, signed, voteMs: 1_000 }));
  }
}

function words(message: GroupMessage): string {
  switch (message.type) {
    case "vote":
      return `${message.agrees ? "yes" : "no"} to ${message.edit}`;
    case "aborted":
      return `aborted ${message.edit}`;
    case "applied":
      return `applied ${message.through}`;
    case "data":
      return `data ${message.signed.batch.value.edits.map(({ edit }) => edit)}`;
    default:
      return message.type;
  }
}

function eventWords(event: MemberEvent): string {
  if (event.event === "edit") return `${event.outcome} ${event.edit}: ${event.reason}`;
  if (event.event === "notice") return event.text;
  return event.event === "vote-wanted" ? `asked ${event.edit}` : event.event;
}

const ID = requestId(fakeCrypto, asked().request.value);

Deno.test("A request that the coordinator has accepted anew is voted on anew", () => {
  const part = new Part();
  part.prepare(5, "ask");
  part.does(() => part.voting.answer(true, 5, undefined));
  assertEquals(part.said, ["yes to 5"]);

  // The coordinator was restarted: it knows nothing of edit 5.
  part.prepare(6, "ask");
  assertEquals(part.told, [
    "asked 5",
    "You agreed to the change of entry 1",
    "aborted 5: the coordinator was restarted before all had agreed",
    "asked 6",
  ]);
  assertEquals(part.said, ["yes to 5"]);

  part.does(() => part.voting.answer(false, 6, undefined));
  assertEquals(part.said, ["yes to 5", "no to 6"]);
});

Deno.test("What another member refused late counts for the edit that it refused alone", () => {
  const part = new Part();
  part.prepare(5);
  part.prepare(6);
  part.isCoordinatorUp = false;
  const aborted = { type: "aborted", id: ID, reason: because("abandoned") } as const;

  part.does(() => part.voting.aborted(ANN.key, { ...aborted, edit: 5 }));
  assertEquals(part.voting.phaseOf(ID), "agreed");
  assertEquals(part.told, []);

  part.does(() => part.voting.aborted(ANN.key, { ...aborted, edit: 6 }));
  assertEquals(part.voting.phaseOf(ID), "refused");
});

Deno.test("Who refuses for another says of which edit", () => {
  const part = new Part();
  part.isCoordinatorUp = false;
  const edits = [{ id: ID, edit: 5, seq: 1, view: 1 }];
  part.does(() => part.voting.inquired(ANN.key, { type: "inquire", edits }));
  assertEquals(part.said, ["1: aborted 5"]);
});

Deno.test("What is decided is passed on to the sequencer once in an epoch, however often and from whom it comes", () => {
  const part = new Part();
  const [first, second, third] = [decided(1, 1), decided(1, 2), decided(1, 3)];
  const comes = (from: PeerKey | null, signed: SignedBatch) => {
    part.said.length = 0;
    part.does(() => part.voting.committed(from, { type: "committed", signed }));
    return part.said;
  };
  assertEquals([...comes(null, first), ...comes(null, second)], []);

  part.isCoordinatorUp = false;
  part.does(() => part.voting.coordinatorDown());
  assertEquals(part.said, ["1: committed", "1: committed"]);
  assertEquals(comes(CEM, third), ["1: committed"]);
  for (const signed of [first, second, third]) assertEquals(comes(CEM, signed), []);

  part.does(() => part.voting.begun());
  assertEquals(part.said, ["1: committed", "1: committed", "1: committed"]);
});

Deno.test("Nobody is asked about an edit that is in the log", () => {
  const part = new Part();
  const committed = part.held.append(decided(1, 1, asked()));
  part.does(() => part.voting.logged([committed]));
  part.said.length = part.told.length = 0;
  part.prepare(5, "ask");
  assertEquals(part.told, []);
  assertEquals(part.said, []);
  assertEquals(part.voting.locks, []);
});

Deno.test("The sequencer puts a decision in order that came before an earlier one", () => {
  const part = new Part(ANN.key);
  const hears = (signed: SignedBatch) =>
    part.does(() => part.voting.committed(null, { type: "committed", signed }));
  hears(decided(1, 2));
  assertEquals(part.said, []);

  hears(decided(1, 1));
  // Told again, as to whoever begins an epoch.
  hears(decided(1, 2));
  assertEquals(part.said.filter((said) => said.startsWith("1: data")), [
    "1: data 11",
    "1: data 12",
  ]);
});

Deno.test("Decisions of two processes of the coordinator may stand among each other", () => {
  const batches = [decided(1, 1), decided(2, 1), decided(1, 2), decided(2, 2)];
  const part = new Part();
  for (const signed of batches) part.does(() => part.ordering.data(ANN.key, signed));
  assertEquals(part.said, []);

  const end = part.held.fork("log");
  for (const signed of batches) {
    assertEquals(end.fault(signed), null);
    end.append(signed);
  }
  assertEquals(end.fault(decided(1, 2)), "counter 3 was expected, it is 2");
});

Deno.test("What of each process of the coordinator is in the log, the coordinator is told", () => {
  const part = new Part();
  const logged = [decided(1, 1), decided(2, 1), decided(2, 2)].map((signed) => {
    part.held.append(signed);
    return part.held.shift();
  });
  part.does(() => part.voting.logged(logged));
  assertEquals(part.said, []); // that goes with the next report of the state
  part.does(() => part.voting.undelivered.sayAllApplied());
  assertEquals(part.said, ["applied 1", "applied 2"]);
  part.does(() => part.voting.undelivered.sayAllApplied());
  assertEquals(part.said.length, 2);
});

Deno.test("What isn't in the log any more, the coordinator isn't told", () => {
  const part = new Part();
  part.held.append(decided(1, 1));
  part.does(() => part.voting.logged([part.held.shift()]));
  part.does(() => part.voting.startAnew());
  part.does(() => part.voting.undelivered.sayAllApplied());
  assertEquals(part.said, []);
});

Deno.test("What is in the log is told at once where others may wait for that", () => {
  const part = new Part();
  const words = (count: number) => {
    part.said.length = 0;
    const batches = Array.from({ length: count }, () => {
      part.held.append(decided(1, part.held.everThrough(COORDINATOR.key, "01".repeat(8)) + 1));
      return part.held.shift();
    });
    part.does(() => part.voting.logged(batches));
    return part.said;
  };
  assertEquals(words(EDITS_MAX - 1), []);
  assertEquals(words(1), [`applied ${EDITS_MAX}`]);
  assertEquals(words(1), []);
});

Deno.test("A vote counts for the edit that was voted on alone", () => {
  const before = Program.of("ann", "bob");
  const signed = requestOf(before.somebody("ann"), PROGRAM_GROUP, 1, "edited");
  before.says("ann", { type: "edit", signed });
  const program = before.restarted();
  program.comes("ann");
  program.comes("bob");
  program.says("ann", { type: "edit", signed });

  const { edit } = program.somebody("bob").got.get("prepare") as GroupMessageOf<"prepare">;
  const id = requestId(fakeCrypto, signed.request.value);
  const origin = originOf(before.somebody("ann"), 1);
  const yes = { type: "vote", id, view: 2, agrees: true, origin, consent: null } as const;
  const agrees = { ...yes, reason: "" } as const;
  program.says("ann", { ...agrees, edit });
  // Agreed to before the restart, and said after it.
  assertEquals(program.says("bob", { ...agrees, edit: 1 }), []);
  assertEquals(program.says("bob", { ...agrees, edit })[0], `disk: committed ${edit}`);
});
