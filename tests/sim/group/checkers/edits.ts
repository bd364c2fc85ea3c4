/**
 * E1 to E4: an edit is in all logs or in none (G1 covers that all logs are one history), at most once, and as it was
 * requested and agreed to. No log has an edit whose requester was told that it was aborted; whoever was given its
 * number is told the outcome; records are synced before messages depend on them; in the end nothing is locked.
 */

import type { PlacedEdit } from "../../../../lib/protocols/group/schema/history.ts";
import type { GroupMessage } from "../../../../lib/protocols/group/schema/messages.ts";
import { requestId } from "../../../../lib/protocols/group/schema/edit.ts";
import type { EditEvent } from "../../../../lib/protocols/group/schema/events.ts";
import { fakeCrypto } from "../../fake_crypto.ts";
import type { Checker } from "../checker.ts";
import type { MemberProcess } from "../member_process.ts";
import { Violation } from "../violation.ts";
import { MemberParty, type Party, type World } from "../world.ts";

export class Edits implements Checker {
  edited(world: World, { position, edit: { edit, signed, agreed } }: PlacedEdit): void {
    const { seq, text, name } = signed.request.value;
    const asked = world.edits.find(text);
    const what = `edit ${edit} of entry ${seq}, "${text}"`;
    if (asked === undefined || asked.seq !== seq || asked.by.name !== name) {
      throw new Violation(`E1: ${what}, is committed and nobody asked for it`);
    }
    // A restored disk of the coordinator takes edits that it doesn't know for aborted, even if they were committed.
    if (world.history.forksMax > 0 || world.coordinator.wasPutBack) {
      return void (asked.isPlaced = true);
    }
    if (asked.isPlaced) throw new Violation(`E1: ${what}, is committed twice`);
    if (asked.outcome === "aborted" || asked.outcome === "refused") {
      throw new Violation(`E1: ${what}, is committed, its requester was told otherwise`);
    }
    asked.isPlaced = true;
    for (const { name } of agreed) {
      if (![...asked.agreed].some((party) => party.name === name)) {
        throw new Violation(`E3: ${what}, is said to be agreed by ${name}`);
      }
    }
    const author = world.history.entries[seq - 1]!.by;
    const isAsked = agreed.some(({ name }) => name === author.name);
    if (world.policyAt(position) === "own" && author !== asked.by && !isAsked) {
      throw new Violation(`E1: ${what}, is committed without its author`);
    }
  }

  editTold(process: MemberProcess, event: EditEvent): void {
    const { world, party } = process;
    const asked = world.edits.of(event);
    const what = `${process.name} is told that edit ${event.edit}, "${event.text}", is`;
    const isExcused = world.history.forksMax > 0 || world.coordinator.wasPutBack;
    if (asked === null) throw new Violation(`${what} ${event.outcome}, nobody asked for it`);
    if (event.outcome === "aborted" && asked.isPlaced && !isExcused) {
      throw new Violation(`E1: ${what} aborted, and it is in a log`);
    }
    if (asked.by !== party || event.outcome === "in-doubt") return;
    asked.outcome = event.outcome;
  }

  /** Checks that the records behind a message are synced. */
  sent(party: Party, message: GroupMessage): void {
    if (message.type === "vote" && message.agrees) {
      const isOnDisk = party.disk.records.slice(0, party.disk.synced).some((record) =>
        record.kind === "prepared" &&
        requestId(fakeCrypto, record.signed.request.value) === message.id
      );
      if (!isOnDisk && !saysAnything(party)) {
        throw new Violation(`E1: ${party.name} agrees, and it isn't on its disk`);
      }
    } else if (message.type === "committed" && party === party.world.coordinator) {
      const { counter } = message.signed.batch.value;
      const isOnDisk = party.disk.records.slice(0, party.disk.synced).some((record) =>
        record.kind === "committed" && record.batch.batch.value.counter === counter
      );
      if (!isOnDisk) throw new Violation(`E1: the coordinator commits, and it isn't on its disk`);
    } else if (message.type === "aborted" && party === party.world.coordinator) {
      // The coordinator answers "aborted" for edits that it has no record of.
      const { id } = message;
      const isCommitted = party.disk.records.some((record) =>
        record.kind === "committed" &&
        record.batch.batch.value.edits.some(({ signed }) =>
          requestId(fakeCrypto, signed.request.value) === id
        )
      );
      const { coordinator, members, history } = party.world;
      // What liars had it decide, or it lied about itself, is given up.
      const isLie = coordinator.isAdversary || members.some(saysAnything);
      if (isCommitted && history.forksMax === 0 && !isLie) {
        throw new Violation("E1: the coordinator says that an edit is aborted that it committed");
      }
    }
  }

  settled(world: World, members: readonly MemberParty[]): void {
    for (const { by, process, edit, outcome, isPlaced, text } of world.edits.asked) {
      if (by.isDamaged || world.history.forksMax > 0 || !members.includes(by)) continue;
      // The edit never got a number, and the requesting process has ended.
      if (edit === null && by.process !== process) continue;
      if (outcome === null && !isPlaced) {
        throw new Violation(`E3: ${by.name} isn't told how "${text}" ended`);
      }
    }
    for (const { name, process } of members) {
      const locks = process?.member.membership?.voting.locks ?? [];
      if (locks.length > 0) throw new Violation(`E2: ${name} still locks ${locks}`);
      const open = process?.member.editing.size ?? 0;
      if (open > 0) throw new Violation(`E3: ${name} still waits for ${open} edits`);
    }
  }
}

/** Whether it says what it doesn't hold of entries, and agrees to what its log rules out. */
function saysAnything(party: Party): boolean {
  return party instanceof MemberParty && party.lie?.kind === "origins";
}
