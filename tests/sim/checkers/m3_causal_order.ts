/**
 * M3: an answer is never shown before what its author had been shown.
 *
 * What an author knew when typing is taken from what its user had seen, not from the heads that its program named;
 * what an earlier process showed while its disk refused it doesn't count. For each profile and stream the checker
 * keeps the last place that anything shown so far depended on: a message at or before that place is shown too late.
 * Where the disk has no record that a newcomer was shown anything, the next process shows the latest history again,
 * which may reach further back and is checked by itself.
 *
 * A message older than all that is kept may be shown late to a member that was away meanwhile. So may one to which
 * answers lead only through messages that the member went on without because of liars (`withheld.ts`).
 */

import type { MeshInput } from "../../../lib/protocols/mesh/schema/mesh_io.ts";
import type { MeshRecord } from "../../../lib/protocols/mesh/schema/records.ts";
import { type MeshChecker, Violation } from "../mesh/checker.ts";
import { type MessageEvent, raise, type Said } from "../mesh/ledger.ts";
import type { Member, MemberProcess } from "../mesh/member.ts";
import { isLedByWithheld } from "../mesh/withheld.ts";
import { FarBehind } from "./far_behind.ts";

export class CausalOrder implements MeshChecker {
  readonly name = "M3";
  readonly #known = new Map<Member, number[]>();
  readonly #beganAnew = new WeakSet<MemberProcess>();
  readonly #farBehind = new FarBehind();

  started(process: MemberProcess, records: readonly MeshRecord[]): void {
    const { member } = process;
    this.#farBehind.cameBack(member);
    if (!records.some(({ kind }) => kind === "shown")) {
      this.#known.delete(member);
      this.#beganAnew.add(process);
    } else if (member.diskFailed) this.restored(member);
  }

  stepped({ member }: MemberProcess, input: MeshInput): void {
    if (input.type === "link-up") this.#farBehind.cameBack(member);
  }

  message(process: MemberProcess, said: Said, _event: MessageEvent, again: boolean): void {
    if ((again && !this.#beganAnew.has(process)) || said.to !== null) return;
    const { member } = process;
    const known = this.#known.get(member) ?? [];
    this.#known.set(member, known);
    if (said.place <= (known[said.stream] ?? 0) && !this.#farBehind.isTooOld(said, member)) {
      const answers = member.shown.order.filter(({ knew }) =>
        (knew[said.stream] ?? 0) >= said.place
      );
      const answer = answers.find((one) => !isLedByWithheld(member, one, said));
      const isExcused = answers.length > 0 && answer === undefined;
      if (!isExcused) throw new Violation(this.name, lateText(member, said, answer));
    }
    learn(known, said);
  }

  restored(member: Member): void {
    const known: number[] = [];
    for (const said of member.shown.held()) learn(known, said);
    this.#known.set(member, known);
  }
}

function learn(known: number[], said: Said): void {
  for (let stream = 0; stream < said.knew.length; stream++) {
    raise(known, stream, said.knew[stream]!);
  }
}

function lateText({ label }: Member, said: Said, answer: Said | undefined): string {
  return `${label} shows "${said.text}" after "${answer?.text}", whose author had been shown it`;
}
