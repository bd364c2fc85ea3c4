/**
 * A coordinator that decides without asking, or forges consents: no honest member applies such an edit, all that its
 * user is asked about it is told, and the chat goes on. An honest one commits what only changes of members interrupt.
 */

import { assert, assertEquals } from "@std/assert";
import type { Attendee } from "../../lib/protocols/group/detector/attendance.ts";
import { Decisions } from "../../lib/protocols/group/edits/decisions.ts";
import type { Edit } from "../../lib/protocols/group/schema/edit.ts";
import { Membership } from "../../lib/protocols/group/member/membership.ts";
import type { GroupMessageOf } from "../../lib/protocols/group/schema/messages.ts";
import { EditCoordinator } from "../../lib/protocols/group/edits/edit_coordinator.ts";
import type { AskedEdit } from "./group/edit_ledger.ts";
import { replaced } from "./group/mutations.ts";
import { Stage } from "./group/stage.ts";
import { Violation } from "./group/violation.ts";

const SEEDS = [1, 2, 3];
const LONG_MS = 20_000;
/** Numbers of the members, by role; the author has said entry 3. */
const [REQUESTER, AUTHOR, SEQ] = [2, 3, 3];
const MEMBERS = 4;

/** What it does with the consents that a decision is to carry. */
const FORGERIES = {
  "that somebody forged": (edit: Edit, author: Attendee) => [{
    key: author.key,
    name: author.name,
    signature: new Uint8Array(64).fill(edit.edit),
  }],
  "of nobody": () => [],
} as const;

/** As soon as the requester agrees, it goes on as if all others had. */
function asksNobody(forge: (edit: Edit, author: Attendee) => Edit["agreed"]): () => void {
  const { value: vote } = Object.getOwnPropertyDescriptor(EditCoordinator.prototype, "vote")!;
  const { value: decide } = Object.getOwnPropertyDescriptor(Decisions.prototype, "decide")!;
  let author: Attendee | null = null;
  const undoVote = replaced(EditCoordinator.prototype, "vote", {
    value(this: EditCoordinator, attendee: Attendee, message: GroupMessageOf<"vote">) {
      const { parts } = this;
      Object.assign(parts, { crypto: { ...parts.crypto, verify: () => true } });
      author = parts.attendance.get(message.origin?.author ?? attendee.key) ?? attendee;
      vote.call(this, attendee, message);
      if (!message.agrees) return;
      for (const { key, name } of parts.views.members) {
        const yes = { ...message, consent: new Uint8Array(64) };
        vote.call(this, { ...attendee, key, name }, yes);
      }
    },
  })();
  const undoDecide = replaced(Decisions.prototype, "decide", {
    value(this: Decisions, edit: Edit) {
      decide.call(this, { ...edit, agreed: forge(edit, author!) });
    },
  })();
  return () => {
    undoVote();
    undoDecide();
  };
}

/** The number of logs that contain the edit. */
function logs(stage: Stage, { seq, text }: AskedEdit): number {
  return stage.world.members.filter(({ disk }) => disk.log?.look(seq, null)?.text === text).length;
}

/** @returns The violation that ended a run; null where every promise held. */
function failureOf(seed: number, play: (stage: Stage) => void): string | null {
  try {
    play(Stage.of(seed, MEMBERS, MEMBERS));
    return null;
  } catch (error) {
    if (error instanceof Violation) return error.message;
    throw error;
  }
}

function isLiedTo(stage: Stage): void {
  const { world } = stage;
  world.coordinator.isAdversary = true;
  const asked = stage.edit(REQUESTER, SEQ);
  stage.pass(LONG_MS);
  assertEquals(logs(stage, asked), 0);
  const text = stage.say(REQUESTER);
  stage.until("the chat goes on", () => [1, 2, 3, 4].every((who) => stage.hasShown(who, text)));
}

for (const [what, forge] of Object.entries(FORGERIES)) {
  Deno.test(`no member applies an edit with consents ${what}`, () => {
    for (const seed of SEEDS) {
      const undo = asksNobody(forge);
      try {
        assertEquals(failureOf(seed, isLiedTo), null, `seed ${seed}`);
      } finally {
        undo();
      }
    }
  });

  Deno.test(`the simulation finds members that believe consents ${what}`, () => {
    const undoAsks = asksNobody(forge);
    const undoBelieves = replaced(Membership.prototype, "consentFault", { value: () => null })();
    try {
      const found = failureOf(1, isLiedTo) ?? "nothing";
      assert(/^E1: edit \d+ is in a log without its author's consent/.test(found), found);
    } finally {
      undoBelieves();
      undoAsks();
    }
  });
}

Deno.test("an author whose consent was forged is warned of it", () => {
  const undo = asksNobody(FORGERIES["that somebody forged"]);
  try {
    const stage = Stage.of(1, MEMBERS, MEMBERS);
    isLiedTo(stage);
    const misused = (number: number) =>
      stage.member(number).process!.member.membership!.misusedFor.size;
    assertEquals([1, 2, 3, 4].map(misused), [0, 0, 1, 0]);
  } finally {
    undo();
  }
});

Deno.test("an edit that only members who join and leave interrupt is committed in the end", () => {
  for (const seed of SEEDS) {
    const stage = Stage.of(seed, 6, 4);
    let wanted: (() => void) | null = null;
    stage.world.voteWanted = (process, { edit, new: text }) => {
      wanted = () => stage.world.vote(process, edit, text, true);
    };
    const asked = stage.edit(REQUESTER, SEQ);
    stage.until("its author is asked", () => wanted !== null);
    stage.start(5);
    stage.until("one is in", () => stage.membersSeenBy(AUTHOR).length === 5);
    stage.quit(4);
    stage.until("one is out", () => stage.membersSeenBy(AUTHOR).length === 4);
    stage.kill(1); // the sequencer
    stage.until("one is lost", () => stage.membersSeenBy(AUTHOR).length === 3);
    wanted!();
    stage.until("it is in the log", () => asked.isPlaced);
    stage.unite();
    assertEquals(asked.outcome, "committed");
  }
});
