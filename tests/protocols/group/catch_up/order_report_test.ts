// The sequencer tells the coordinator which entries there are.

import { assertEquals } from "@std/assert";
import { OrderReport } from "../../../../lib/protocols/group/catch_up/order_report.ts";
import type { HistoryRead } from "../../../../lib/protocols/group/schema/member_io.ts";
import type { GroupMessage } from "../../../../lib/protocols/group/schema/messages.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { heldOf, speaker } from "../member/member_parts.ts";

/** Ann's log, whose entries come when she says them. */
function scene() {
  const ann = speaker("ann");
  const held = heldOf();
  const reads: { readonly after: number; readonly done: (read: HistoryRead) => void }[] = [];
  const sent: string[] = [];
  const parts = {
    held,
    reads: {
      read: (after: number, _bytes: number, done: (read: HistoryRead) => void) =>
        reads.push({ after, done }),
    },
    crypto: fakeCrypto,
    coordinator: {
      isUp: true,
      tell: (message: GroupMessage) => {
        if (message.type !== "entries") return;
        const { after, through, seq, entries } = message;
        sent.push(`${after} to ${through}: ${entries.length} from ${seq}`);
      },
    },
    ordering: () => ({ isSequencer: true }),
  };
  const report = new OrderReport(parts);
  const logs = (...texts: readonly string[]) => {
    for (const text of texts) held.append(ann.says(text));
    report.logged(texts.map(() => held.shift()));
    return sent.splice(0);
  };
  return { ann, parts, report, reads, logs, sent };
}

Deno.test("OrderReport tells nothing before the coordinator says what it knows, then each entry once", () => {
  const { report, logs, sent } = scene();
  assertEquals(logs("one", "two"), []);
  report.knows(0);
  assertEquals(sent.splice(0), ["0 to 2: 2 from 1"]);
  assertEquals(logs("three"), ["2 to 3: 1 from 3"]);
  assertEquals(report.messages, 2);
  report.linked();
  assertEquals(report.messages, 0);
});

Deno.test("OrderReport takes from the log what was told while somebody else was the sequencer", () => {
  const { ann, parts, report, reads, logs, sent } = scene();
  parts.coordinator.isUp = false;
  logs("one", "two");
  parts.coordinator.isUp = true;
  report.knows(1);
  assertEquals(reads.map(({ after }) => after), [1]);
  report.more();
  assertEquals(reads.length, 1, "one question at a time");
  reads[0]!.done({ batches: ann.batches.slice(1), digest: ann.end.digest, seq: 1 });
  assertEquals(sent, ["1 to 2: 1 from 2"]);
});

Deno.test("OrderReport: a coordinator that knows of other entries than we have is told no more of ours", () => {
  const { parts, report, reads, logs, sent } = scene();
  parts.coordinator.isUp = false;
  logs("one");
  parts.coordinator.isUp = true;
  report.knows(0);
  reads[0]!.done({ batches: [], digest: null, seq: 0 });
  assertEquals([sent, logs("two")], [[], []]);
});

Deno.test("OrderReport fills no link: after some messages it waits for a sign of life", () => {
  const { report, logs, sent } = scene();
  report.knows(0);
  const told = Array.from({ length: 40 }, (_, at) => logs(`${at}`).length);
  assertEquals(told.reduce((sum, one) => sum + one), 16);
  report.more();
  assertEquals(sent, ["16 to 40: 24 from 17"]);
});
