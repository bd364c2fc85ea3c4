/**
 * A malicious member lies to some of the others: none of them ends, they have one log in the end, the liar is
 * removed if the lie can be proven, and nobody else ever is.
 */

import { amount } from "../given.ts";
import { hunt } from "./hunt.ts";
import type { PeerKey } from "../../lib/base/ids.ts";
import { Agreement } from "../../lib/protocols/group/views/agreement.ts";
import { Decisions } from "../../lib/protocols/group/edits/decisions.ts";
import { EquivocationDetection } from "../../lib/protocols/group/views/equivocation_detection.ts";
import { Listed } from "../../lib/protocols/group/member/listed.ts";
import { Member } from "../../lib/protocols/group/member/member.ts";
import type { MemberEffect, MemberInput } from "../../lib/protocols/group/schema/member_io.ts";
import { Membership } from "../../lib/protocols/group/member/membership.ts";
import { allCheckers } from "./group/checkers/all.ts";
import type { Checker } from "./group/checker.ts";
import type { Lie } from "./group/liar.ts";
import { type Mutation, replaced } from "./group/mutations.ts";
import { runGroup } from "./group/run.ts";
import type { Scenario, Trouble } from "./group/scenario.ts";
import { Violation } from "./group/violation.ts";
import type { World } from "./group/world.ts";
import { Wrapped } from "./wrapped.ts";
import { HistoryEnd } from "../../lib/protocols/group/schema/history.ts";

const SEEDS = amount(1, 4);
const HUNTED_SEEDS = 25;
const STEPS = 60;

/** Members leave only because of a lie. */
const CALM: Partial<Scenario> = {
  members: 4,
  founders: 4,
  troubles: new Set(),
  gapMs: 50,
  lateChance: 0,
  bytesPerMs: Infinity,
};

/** Others are started again, so that they have said something as another process before. */
const RESTARTING: Partial<Scenario> = { ...CALM, troubles: new Set(["kill"]) };

/** Half of the members come in later, and fetch the log. */
const JOINING: Partial<Scenario> = { ...CALM, members: 6, founders: 3, lateChance: 1 };

/** All but one come in later, the liar, too. */
const LATER: Partial<Scenario> = { ...JOINING, founders: 1 };

/** All kinds of trouble except those after which it is unknown who was removed, or that excuse many violations. */
const TROUBLES: readonly Trouble[] = [
  "kill",
  "killSoon",
  "powerLoss",
  "coordinatorKill",
  "coordinatorKillSoon",
  "coordinatorPowerLoss",
  "killAll",
  "sever",
  "freeze",
  "cutTcp",
  "cutUdp",
  "compact",
];
const TROUBLED: Partial<Scenario> = {
  members: 5,
  founders: 4,
  troubles: new Set(TROUBLES),
  gapMs: 300,
};

/** Members are taken for lost while the others talk on, and come back. */
const AWAY: Partial<Scenario> = {
  ...TROUBLED,
  troubles: new Set(["kill", "killSoon", "powerLoss", "sever", "freeze", "cutTcp", "cutUdp"]),
  gapMs: 1_500,
};

/** Entries are edited all the time, as their authors allow. */
const EDITING: Partial<Scenario> = { ...TROUBLED, editing: 40, edits: "own", changesRules: false };

/** Each of two is often alone: the other one is gone, or has left. */
const FEW: Partial<Scenario> = {
  ...EDITING,
  members: 2,
  founders: 2,
  troubles: new Set(["kill", "killSoon", "powerLoss", "coordinatorKill", "cutTcp", "compact"]),
  gapMs: 1_500,
};

/** No honest member is ever removed. @param isCalm Nor taken for lost. */
class HonestStay implements Checker {
  constructor(readonly isCalm: boolean) {}

  stepped(process: { readonly world: World }): void {
    const { left, members } = process.world;
    const gone = left.find(({ name, reason }) =>
      (this.isCalm || reason === "removed") &&
      members.some((member) => member.name === name && member.lie === null)
    );
    if (gone !== undefined) throw new Violation(`${gone.name} is ${gone.reason}, and hasn't lied`);
  }
}

function failureOf(
  seed: number,
  lie: Lie,
  scenario: Partial<Scenario>,
  mutation?: Mutation,
): Error | null {
  const isCalm = scenario === CALM && lie === "texts";
  const checkers = () => [...allCheckers(), new HonestStay(isCalm)];
  try {
    const mutated = mutation === undefined ? {} : { mutation };
    runGroup({ seed, steps: STEPS, scenario, lie, checkers, ...mutated });
    return null;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

const LIES: readonly Lie[] = [
  "texts",
  "orders",
  "acks",
  "lurks",
  "hides",
  "haunts",
  "names",
  "repeats",
  "origins",
];

for (const lie of LIES) {
  const calm = lie === "names" ? ["joining", JOINING] as const : ["calm", CALM] as const;
  const scenarios = lie === "hides"
    ? [["later", LATER], ["troubled", TROUBLED]] as const
    : lie === "haunts"
    ? [["away", AWAY], ["troubled", TROUBLED]] as const
    : lie === "repeats" // in trouble it may be alone, and keep to itself what nobody takes over
    ? [["restarting", RESTARTING]] as const
    : lie === "origins" // where it is alone nobody refuses
    ? [["few", FEW], ["editing", EDITING]] as const
    : [calm, ["troubled", TROUBLED]] as const;
  for (const [name, scenario] of scenarios) {
    Deno.test(`group: a liar (${lie}) among ${name} members breaks no promise, ${SEEDS} seeds`, () => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const failure = failureOf(seed, lie, scenario);
        if (failure !== null) throw new Error(`seed ${seed}`, { cause: failure });
      }
    });
  }
}

/** Takes every acknowledgement for one of what it holds itself. */
class BelievesAcknowledgements extends Wrapped<MemberInput, MemberEffect> {
  constructor(readonly member: Member) {
    super(member);
  }

  override input(input: MemberInput): MemberInput {
    if (input.type !== "peer-message" || input.message.type !== "ack") return input;
    const { message } = input;
    const digest = this.member.membership?.held.digestAt(message.held.position) ?? null;
    if (digest === null) return input;
    return { ...input, message: { ...message, held: { ...message.held, digest } } };
  }
}

/** Blames members that hold something else, which isn't in their log yet and so may legitimately differ. */
function blamesForHeld(): () => void {
  const { value } = Object.getOwnPropertyDescriptor(Agreement.prototype, "wrong")!;
  return replaced(Agreement.prototype, "wrong", {
    value(this: Agreement, isMember: Parameters<Agreement["wrong"]>[0]) {
      const { start } = this.level;
      const other = this.participants.filter((key) => {
        const held = this.holding(key)?.held;
        return held?.position === start.position && held.digest !== start.digest;
      });
      return [...(value as Agreement["wrong"]).call(this, isMember), ...other];
    },
  })();
}

/** The lie, what the group does wrong about it, by which violation that is found, and the first seed to try. */
const MUTATIONS: readonly (readonly [Lie, Mutation, RegExp, from?: number])[] = [
  [
    "texts",
    {
      name: "doesn't look at what others hold",
      install: replaced(EquivocationDetection.prototype, "contested", { value: () => {} }),
    },
    /hasn't lied|isn't out|protocol/,
    5,
  ],
  ["texts", {
    name: "takes what others acknowledge for what it holds",
    wrapMember: (member) => new BelievesAcknowledgements(member),
  }, /^G[12]/],
  ["texts", { name: "blames who holds something else", install: blamesForHeld }, /hasn't lied/, 3],
  [
    "orders",
    {
      name: "ends where others hold something else",
      install: replaced(Membership.prototype, "complains", {
        value(this: Membership, _: PeerKey, text: string) {
          this.parts.out.fatal("store-corrupt", text);
        },
      }),
    },
    /ends with store-corrupt/,
    12,
  ],
  [
    "names",
    {
      name: "believes any name in a history",
      install: replaced(HistoryEnd.prototype, "nameFault", { value: () => null }),
    },
    /^G1/,
    7,
  ],
  [
    "repeats",
    {
      name: "takes what an earlier process said for new",
      install: () => {
        const undoCounter = replaced(HistoryEnd.prototype, "nextCounter", {
          value(this: HistoryEnd, ...process: Parameters<HistoryEnd["nextCounter"]>) {
            return 1 + this.through(...process);
          },
        })();
        const undoTime = replaced(HistoryEnd.prototype, "timeFault", { value: () => null })();
        return () => {
          undoTime();
          undoCounter();
        };
      },
    },
    /^G4/,
    17,
  ],
  [
    "hides",
    {
      name: "shows whoever asks for the log to one user alone",
      install: replaced(Listed.prototype, "mayReceive", {
        value(this: Listed, key: PeerKey) {
          this.coordinatorAsks(key); // shows anybody
          return true;
        },
      }),
    },
    /^G10.*nobody else is shown/,
    3,
  ],
  [
    "haunts",
    {
      name: "takes those of a view before for members for as long as it is in none",
      install: replaced(Member.prototype, "viewed", {
        get(this: Member) {
          const { standing: { begun } } = this;
          return (this.epoch ?? begun)?.epoch.value.members ?? [];
        },
      }),
    },
    /^G10.*its user isn't shown/,
    10,
  ],
  ["acks", {
    name: "stands still where others hold something else",
    install: replaced(EquivocationDetection.prototype, "tick", { value: () => {} }),
  }, /in the end|is no entry/],
  [
    "origins",
    {
      name: "never gives up what all logs rule out",
      install: replaced(Decisions.prototype, "takeRefused", { value: () => [] }),
    },
    /^E|in the end/,
    2,
  ],
  [
    "origins",
    {
      name: "believes what a view of liars decided",
      install: replaced(Membership.prototype, "consentFault", { value: () => null }),
    },
    /^E1/,
    2,
  ],
];

const HUNTED: Partial<Record<Lie, Partial<Scenario>>> = {
  names: JOINING,
  hides: LATER,
  repeats: RESTARTING,
  haunts: AWAY,
  origins: FEW,
};

for (const [lie, mutation, finding, from = 1] of MUTATIONS) {
  hunt({
    title: `the simulation finds a group that ${mutation.name}, by a liar (${lie})`,
    from,
    seedsMax: HUNTED_SEEDS,
    finds(seed) {
      const failure = failureOf(seed, lie, HUNTED[lie] ?? CALM, mutation);
      if (failure?.name === "Violation" && finding.test(failure.message)) return true;
      return failure?.message ?? false;
    },
  });
}
