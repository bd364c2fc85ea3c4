/** Each process shows each entry once, in order, after it is in its log, and with the same content as all others. */

import { label } from "../canonical_history.ts";
import type { Checker, MessageEvent } from "../checker.ts";
import { withoutLie } from "../liar.ts";
import type { MemberProcess } from "../member_process.ts";
import { Violation } from "../violation.ts";

export class ShownOnce implements Checker {
  shown(process: MemberProcess, { seq, text, from, self }: MessageEvent): void {
    const { name, party, disk, world: { history } } = process;
    if (history.forksMax > 0) return; // a log that was set aside starts again at entry 1
    if (disk.refuses) return; // the process ends; what it shows before that may be missing from the log
    const what = `${name} shows entry ${seq}, "${label(text)}"`;
    if (seq !== process.shownThrough + 1) {
      throw new Violation(`${what}, after entry ${process.shownThrough}`);
    }
    if ((disk.log?.end.seq ?? 0) < seq) throw new Violation(`${what}, which isn't in its log`);
    const said = history.entries[seq - 1];
    if (said === undefined) throw new Violation(`${what}, which is no entry`);
    if (said.text !== withoutLie(text)) {
      throw new Violation(`${what}, elsewhere "${label(said.text)}"`);
    }
    if (from !== said.by.name) throw new Violation(`${what} as said by ${from}`);
    if (self !== (said.by === party)) throw new Violation(`${what}, self: ${self}`);
  }
}
