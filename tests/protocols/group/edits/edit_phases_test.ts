// Each phase of an edit, at whoever has a part in it, and all that may happen there: what comes next is as in the table.

import { assert, assertEquals } from "@std/assert";
import {
  type AbortReader,
  abortText,
  EDIT_PHASES,
  REQUEST_PHASES,
  VOTE_PHASES,
  type VotePhase,
} from "../../../../lib/protocols/group/edits/edit_phases.ts";
import {
  ABORT_CODES,
  type SignedEditRequest,
} from "../../../../lib/protocols/group/schema/edit.ts";
import type {
  GroupMessage,
  GroupMessageOf,
} from "../../../../lib/protocols/group/schema/messages.ts";
import { GROUP as COORDINATORS_GROUP, Program } from "../coordinator_program.ts";
import { because, Decider, editOf, idOf, originOf, requestOf } from "../edit_fixtures.ts";
import { COORDINATOR, GROUP, GroupNet, type Node } from "../group_net.ts";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";

/** Every pair is played; what isn't named stays as it is. */
function drive<Phase extends string, Input extends string>(
  what: string,
  phases: Readonly<Record<Phase, { readonly next: readonly string[] }>>,
  inputs: readonly Input[],
  table: Readonly<Record<Phase, Partial<Record<Input, Phase>>>>,
  play: (phase: Phase, input: Input) => Phase,
): void {
  for (const phase of Object.keys(phases) as Phase[]) {
    for (const input of inputs) {
      const expected = table[phase][input] ?? phase;
      Deno.test(`${what} that is ${phase}: ${input} makes it ${expected}`, () => {
        const after = play(phase, input);
        assertEquals(after, expected);
        assert(after === phase || phases[phase].next.includes(after), "PROTOCOL.md says otherwise");
      });
    }
  }
}

// At a member that votes.

const VOTE_INPUTS = [
  "lock",
  "looked",
  "looked, to be asked",
  "no such entry",
  "go",
  "abort",
  "stored",
  "prepare",
  "aborted",
  "aborted by a member",
  "aborted by a member while the coordinator is there",
  "inquired",
  "inquired by another than the requester",
  "inquired while the coordinator is there",
  "logged",
  "view",
  "round",
  "out",
  "down",
] as const;
type VoteInput = typeof VOTE_INPUTS[number];

const OVER = { aborted: "over", logged: "over", "aborted by a member": "refused" } as const;
const UNVOTED = { ...OVER, inquired: "refused" } as const;

const VOTE_TABLE: Readonly<Record<VotePhase, Partial<Record<VoteInput, VotePhase>>>> = {
  // Whoever holds the lock is answered: that there is no such entry.
  waiting: { ...UNVOTED, lock: "looking", "no such entry": "looking" },
  looking: {
    ...UNVOTED,
    looked: "agreeing",
    "looked, to be asked": "asked",
    "no such entry": "refused",
  },
  asked: { ...UNVOTED, go: "agreeing", abort: "refused" },
  agreeing: { ...OVER, stored: "agreed" },
  agreed: OVER,
  refused: OVER,
  over: {},
};

/** Bob's part in an edit of entry 1, which Ann said and Cem asks for; its log and disk answer when they are told to. */
class Participant {
  readonly net = GroupNet.started(["ann", "bob", "cem"]);
  readonly bob: Node;
  readonly signed: SignedEditRequest;
  /** Holds the lock, where there is one. */
  readonly first: SignedEditRequest;

  constructor(readonly policy: "ask" | "auto") {
    const [ann, bob, cem] = this.net.nodes as [Node, Node, Node];
    this.bob = bob;
    ann.say("one");
    this.net.settle();
    this.signed = requestOf(cem, GROUP, 1, "uno");
    this.first = requestOf(ann, GROUP, 1, "ein");
  }

  get #voting() {
    return this.bob.machine!.membership!.voting;
  }

  get phase(): VotePhase {
    return this.#voting.phaseOf(idOf(this.signed));
  }

  /** Its effects are left to the test. */
  step(input: Parameters<NonNullable<Node["machine"]>["step"]>[0]) {
    return this.bob.machine!.step(input, this.net.nowMs);
  }

  says(message: GroupMessage) {
    return this.step({ type: "message", link: this.bob.link!, message });
  }

  prepare(signed: SignedEditRequest, edit: number, policy: "ask" | "auto") {
    this.net.ruleIs(policy);
    return this.says({ type: "prepare", edit, view: 1, signed, voteMs: 30_000 });
  }

  #token: number | null = null;
  #write: number | null = null;

  #take(effects: ReturnType<Participant["step"]>): void {
    for (const effect of effects) {
      if (effect.type === "look") this.#token = effect.token;
      if (effect.type === "persist" && effect.records[0]?.kind === "prepared") {
        this.#write = effect.token;
      }
    }
  }

  looked(isThere = true): void {
    const [ann] = this.net.nodes;
    const entry = ann!.entryNow(1)!;
    this.#take(
      this.step({ type: "looked", token: this.#token ?? 1_000, entry: isThere ? entry : null }),
    );
  }

  enters(phase: VotePhase): void {
    if (phase === "refused" || phase === "over") {
      this.#take(this.prepare(this.signed, 2, "ask"));
      this.looked();
      this.happens("abort");
      return phase === "refused" ? undefined : this.happens("logged");
    }
    if (phase === "waiting") {
      this.#take(this.prepare(this.first, 1, "auto"));
      this.prepare(this.signed, 2, this.policy);
    } else this.#take(this.prepare(this.signed, 2, this.policy));
    if (phase === "waiting" || phase === "looking") return;
    this.looked();
    if (phase === "asked") return;
    if (this.policy === "ask") this.#take(this.step(this.#command("go")));
    if (phase === "agreed") this.stored();
  }

  #command(command: "go" | "abort") {
    return { type: "command", command: { command, edit: 2 }, ref: undefined } as const;
  }

  stored(): void {
    this.step({ type: "persisted", token: this.#write ?? 1_000 });
  }

  get #inquiry(): GroupMessageOf<"inquire"> {
    return { type: "inquire", edits: [{ id: idOf(this.signed), edit: 2, seq: 1, view: 1 }] };
  }

  get #aborted(): GroupMessageOf<"aborted"> {
    return { type: "aborted", id: idOf(this.signed), edit: 2, reason: because("abandoned") };
  }

  #fromCem(message: GroupMessage): void {
    this.#from(2, message);
  }

  #from(index: number, message: GroupMessage): void {
    this.step({ type: "peer-message", peer: this.net.nodes[index]!.key, message });
  }

  #loseCoordinator(): void {
    this.step({ type: "link-down", link: this.bob.link!, closed: false, reason: "lost" });
  }

  happens(input: VoteInput): void {
    const membership = this.bob.machine!.membership!;
    switch (input) {
      case "lock":
        return void this.says({ ...this.#aborted, id: idOf(this.first), edit: 1 });
      case "looked":
      case "looked, to be asked":
        return this.looked();
      case "no such entry":
        return this.looked(false);
      case "go":
      case "abort":
        return void this.step(this.#command(input));
      case "stored":
        return this.stored();
      case "prepare":
        return void this.prepare(this.signed, 2, this.policy);
      case "aborted":
        return void this.says(this.#aborted);
      case "aborted by a member":
        this.#loseCoordinator();
        return this.#fromCem(this.#aborted);
      case "aborted by a member while the coordinator is there":
        return this.#fromCem(this.#aborted);
      case "inquired":
        this.#loseCoordinator();
        return this.#fromCem(this.#inquiry);
      case "inquired by another than the requester":
        this.#loseCoordinator();
        return this.#from(0, this.#inquiry);
      case "inquired while the coordinator is there":
        return this.#fromCem(this.#inquiry);
      case "logged": {
        const decided = new Decider(COORDINATOR, GROUP).decides([editOf(2, this.signed)]);
        const held = membership.held.append(decided);
        membership.held.shift();
        this.bob.machine!.out.begin(this.net.nowMs);
        return membership.voting.logged([held]);
      }
      case "view":
      case "round": {
        const { epoch } = membership.ordering!;
        const view = input === "view" ? 2 : 1;
        Object.defineProperty(membership.ordering!, "epoch", { value: { ...epoch, view } });
        this.bob.machine!.out.begin(this.net.nowMs);
        return membership.voting.begun();
      }
      case "out":
        this.bob.machine!.out.begin(this.net.nowMs);
        return membership.voting.goOut();
      case "down":
        this.bob.machine!.out.begin(this.net.nowMs);
        return membership.voting.coordinatorDown();
    }
  }
}

drive("a vote", VOTE_PHASES, VOTE_INPUTS, VOTE_TABLE, (phase, input) => {
  const mustAsk = phase === "asked" || input === "looked, to be asked";
  const participant = new Participant(mustAsk ? "ask" : "auto");
  participant.enters(phase);
  assertEquals(participant.phase, phase);
  // Where nobody is looked up, or asked, there is nothing to answer.
  participant.happens(input);
  return participant.phase;
});

for (const input of ["inquired", "aborted by a member"] as const) {
  for (const policy of ["auto", "ask"] as const) {
    Deno.test(`a vote that was refused (${input}) while its entry was looked up stays so (${policy})`, () => {
      const participant = new Participant(policy);
      participant.enters("looking");
      participant.happens(input);
      assertEquals(participant.phase, "refused");
      participant.looked();
      assertEquals(participant.phase, "refused");
    });
  }
}

// At the coordinator.

const EDIT_INPUTS = [
  "begun",
  "all agree",
  "one agrees",
  "one refuses",
  "a stranger refuses",
  "time",
  "stored",
  "view",
  "applied",
  "applied by one",
  "asked again",
  "inquired",
] as const;
type EditInput = typeof EDIT_INPUTS[number];

type EditPhase = keyof typeof EDIT_PHASES;
const EDIT_TABLE: Readonly<Record<EditPhase, Partial<Record<EditInput, EditPhase>>>> = {
  accepted: { begun: "voting", time: "aborted" },
  voting: { "all agree": "deciding", "one refuses": "aborted", time: "aborted", view: "accepted" },
  deciding: { stored: "committed" },
  committed: { applied: "forgotten" },
  aborted: {},
  forgotten: {},
};

/** An edit of Ann's at the coordinator of Ann and Bob. */
class AtCoordinator {
  readonly program = Program.with({ voteTimeoutMs: 5_000 }, "ann", "bob");
  readonly signed: SignedEditRequest;

  constructor() {
    this.signed = requestOf(this.program.somebody("ann"), COORDINATORS_GROUP, 1, "new");
  }

  get phase(): EditPhase {
    const { program } = this;
    program.command({ command: "edits" });
    const told = program.events.findLast(({ event }) => event === "edits");
    assert(told?.event === "edits");
    const [view] = told.edits;
    if (view === undefined) {
      return program.disk.some(({ kind }) => kind === "applied") ? "forgotten" : "aborted";
    }
    if (view.state === "voting") return view.awaited.length === 0 ? "accepted" : "voting";
    return program.disk.some(({ kind }) => kind === "committed") ? "committed" : "deciding";
  }

  #vote(name: string, agrees: boolean): void {
    const origin = originOf(this.program.somebody("ann"), 1);
    const prepare = this.program.somebody("ann").got.get("prepare");
    const view = prepare?.type === "prepare" ? prepare.view : 0;
    const vote = { type: "vote", id: idOf(this.signed), edit: 1, view, agrees, origin } as const;
    this.program.says(name, { ...vote, consent: null, reason: "" });
  }

  #applied(name: string): void {
    const record = this.program.disk.find(({ kind }) => kind === "committed");
    const incarnation = record?.kind === "committed"
      ? record.batch.batch.value.incarnation
      : new Uint8Array(8);
    this.program.says(name, { type: "applied", incarnation, through: 1 });
  }

  /** The next view hasn't begun at Bob. */
  #changing(newcomer: string): void {
    this.program.somebody("bob").answers.delete("begin");
    this.program.joins(newcomer);
  }

  enters(phase: EditPhase): void {
    const { program } = this;
    if (phase === "accepted") this.#changing("cem");
    program.says("ann", { type: "edit", signed: this.signed });
    if (phase === "deciding") program.diskMode = "holds-committed";
    if (phase === "aborted") this.#vote("bob", false);
    if (["deciding", "committed", "forgotten"].includes(phase)) this.happens("all agree");
    if (phase === "forgotten") this.happens("applied");
  }

  happens(input: EditInput): void {
    const { program } = this;
    switch (input) {
      case "begun": {
        const ballot = { number: 3, round: 0 };
        program.somebody("bob").begun = ballot;
        program.says("bob", { type: "begun", ballot });
        return;
      }
      case "all agree":
        return void ["ann", "bob"].forEach((name) => this.#vote(name, true));
      case "one agrees":
        return this.#vote("ann", true);
      case "one refuses":
        return this.#vote("bob", false);
      case "a stranger refuses":
        program.comes("dan");
        return this.#vote("dan", false);
      case "time":
        return void program.pass(6_000);
      case "stored":
        return void program.diskAnswers();
      case "view":
        return this.#changing("dan");
      case "applied":
        return void ["ann", "bob"].forEach((name) => this.#applied(name));
      case "applied by one":
        return this.#applied("bob");
      case "asked again":
        return void program.says("ann", { type: "edit", signed: this.signed });
      case "inquired": {
        const edits = [{ id: idOf(this.signed), edit: 1, seq: 1, view: 2 }];
        program.says("ann", { type: "inquire", edits });
        return;
      }
    }
  }
}

/** What stands aside: the disk answers `/edits` late, too; or there it is another edit. */
function isElsewhere(phase: EditPhase, input: EditInput): boolean {
  if (phase === "forgotten") return input === "asked again";
  if (phase === "deciding") return input === "view";
  return phase === "voting" && input === "all agree";
}

drive("an edit", EDIT_PHASES, EDIT_INPUTS, EDIT_TABLE, (phase, input) => {
  const edit = new AtCoordinator();
  edit.enters(phase);
  if (isElsewhere(phase, input)) return EDIT_TABLE[phase][input] ?? phase;
  if (phase === "deciding") return deciding(edit, input);
  assertEquals(edit.phase, phase);
  edit.happens(input);
  return edit.phase;
});

/** While the disk writes the decision nobody is told anything: whatever happens, it is committed in the end. */
function deciding(edit: AtCoordinator, input: EditInput): EditPhase {
  const { program } = edit;
  assertEquals(program.somebody("ann").got.has("committed"), false);
  edit.happens(input);
  const isTold = program.somebody("ann").got.has("committed");
  program.diskAnswers();
  assertEquals(edit.phase, "committed");
  return isTold ? "committed" : "deciding";
}

// At the member whose user asked.

const REQUEST_INPUTS = [
  "back",
  "accepted",
  "refused",
  "stored",
  "aborted",
  "logged",
  "down",
  "restart",
] as const;
type RequestInput = typeof REQUEST_INPUTS[number];

type RequestPhase = keyof typeof REQUEST_PHASES;
const REQUEST_TABLE: Readonly<Record<RequestPhase, Partial<Record<RequestInput, RequestPhase>>>> = {
  wanted: { back: "asked", restart: "over" },
  asked: { accepted: "accepted", refused: "over", logged: "over", restart: "over" },
  // While the coordinator comes back the disk answers.
  accepted: { stored: "running", back: "running", logged: "over", restart: "over" },
  running: { aborted: "over", logged: "over" },
  over: {},
};

/** An edit that Ann's user asks for. */
class Requester {
  readonly net = GroupNet.started(["ann"]);
  readonly ann: Node;

  constructor() {
    this.ann = this.net.nodes[0]!;
    this.ann.say("one");
    this.net.settle();
  }

  get #signed(): SignedEditRequest {
    return this.net.coordinator.gotFrom(this.ann, "edit").at(-1)?.signed ??
      requestOf(this.ann, GROUP, 1, "never sent");
  }

  get phase(): RequestPhase {
    const { size } = this.ann.machine!.editing;
    if (size === 0) return "over";
    const records = [...this.ann.machine!.editing.records()];
    if (records.length > 0) {
      const isTold = this.ann.told("edit-started").length > 0 || this.ann.process > 1;
      return isTold ? "running" : "accepted";
    }
    return this.net.coordinator.gotFrom(this.ann, "edit").length > 0 ? "asked" : "wanted";
  }

  enters(phase: RequestPhase): void {
    if (phase === "over") return;
    if (phase === "wanted") this.happens("down");
    this.ann.command({ command: "edit", seq: 1, text: "uno" });
    this.net.settle();
    if (phase === "wanted" || phase === "asked") return;
    this.happens("accepted");
    if (phase === "running") this.net.settle();
  }

  /** Up to where it is on its way to the disk. */
  #feed(message: GroupMessage): void {
    const { link } = this.ann;
    if (link !== null) this.ann.feed({ type: "message", link, message });
  }

  happens(input: RequestInput): void {
    const { net, ann } = this;
    const id = idOf(this.#signed);
    switch (input) {
      case "back":
        net.coordinator.comeBack();
        net.pass(10_000);
        return;
      case "accepted":
        return this.#feed({ type: "edit-accepted", id, edit: 1, voteMs: 1 });
      case "refused":
        return this.#feed({ type: "edit-refused", id, code: "full", text: "later" });
      case "stored":
        return net.settle();
      case "aborted":
        return this.#feed({ type: "aborted", id, edit: 1, reason: because("forgotten") });
      case "logged": {
        const decided = new Decider(COORDINATOR, GROUP).decides([editOf(1, this.#signed)]);
        const membership = ann.machine!.membership!;
        ann.machine!.out.begin(net.nowMs);
        const held = membership.held.append(decided);
        membership.held.shift();
        return membership.logged([held]);
      }
      case "down":
        return net.coordinator.vanish();
      case "restart":
        ann.kill();
        return ann.start();
    }
  }
}

drive("a request", REQUEST_PHASES, REQUEST_INPUTS, REQUEST_TABLE, (phase, input) => {
  const requester = new Requester();
  requester.enters(phase);
  assertEquals(requester.phase, phase);
  requester.happens(input);
  return requester.phase;
});

const [ANN, BOB, CEM] = ["ann", "bob", "cem"].map((name) => fakeSigner(name).key) as [
  PeerKey,
  PeerKey,
  PeerKey,
];
const SHOWN = new Map([[ANN, "ann"], [BOB, "bob~k7f3"], [CEM, "cem"]]);

/** One who asked, one who didn't, and the coordinator. */
function reader(self: PeerKey | null): AbortReader {
  return { self, asker: ANN, written: (key) => SHOWN.get(key)! };
}

Deno.test("a reason names people as its reader knows them", () => {
  const text = (...args: Parameters<typeof because>) => abortText(because(...args), reader(CEM));
  assertEquals(text("no", ["bob"]), "bob~k7f3 said no");
  const said = because("no", ["bob"], 'no". You\nhave verified "cem');
  const quoted = "bob~k7f3 said \"no'. You␊have verified 'cem\"";
  assertEquals(abortText(said, reader(CEM)), `the coordinator says that ${quoted}`);
  assertEquals(abortText(said, reader(null)), quoted);
  assertEquals(
    text("author-absent", ["bob"]),
    "its author, bob~k7f3, isn't in the group and can't be asked",
  );
  assertEquals(
    text("members-changed", ["ann", "bob"]),
    "members kept joining and leaving: ann and bob~k7f3",
  );
  assertEquals(text("members-changed"), "members kept joining and leaving");
});

Deno.test("a reason says you to its reader, except where a program of the requester's didn't answer", () => {
  const late = because("late", ["ann", "bob", "cem"]);
  assertEquals(abortText(late, reader(null)), "ann, bob~k7f3 and cem didn't answer in time");
  assertEquals(abortText(late, reader(ANN)), "ann, bob~k7f3 and cem didn't answer in time");
  assertEquals(abortText(late, reader(CEM)), "you, ann and bob~k7f3 didn't answer in time");
  const told = (code: "asker-gone" | "asker-left", self: PeerKey) =>
    abortText(because(code), reader(self));
  assertEquals(told("asker-gone", ANN), "you weren't in the group any more");
  assertEquals(told("asker-left", ANN), "you left the group");
  const others = "the member that asked for it isn't in the group any more";
  assertEquals([told("asker-gone", BOB), told("asker-left", BOB)], [others, others]);
});

Deno.test("each reason is a part of a sentence, also where nobody is named", () => {
  const texts = ABORT_CODES.map((code) => abortText(because(code), reader(BOB)));
  assertEquals(texts.every((text) => /^[a-z ]/.test(text) && !text.endsWith(".")), true);
});
