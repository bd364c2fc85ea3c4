// What becomes of edits that should be in the log by now.

import { assertEquals } from "@std/assert";
import type { RequestId } from "../../../../lib/base/ids.ts";
import { Inquiring } from "../../../../lib/protocols/group/edits/inquiring.ts";
import { EntryLookups } from "../../../../lib/protocols/group/log/held_batches.ts";
import { EDITS_MAX, INQUIRE_MS } from "../../../../lib/protocols/group/schema/limits.ts";
import type { GroupMessage } from "../../../../lib/protocols/group/schema/messages.ts";
import { keyOf } from "../coordinator_program.ts";

const ids = (count: number) =>
  Array.from({ length: count }, (_, at) => at.toString(16).padStart(64, "0") as RequestId);

/** We agreed to the first edits, and asked for the last ones. */
function scene(agreed: readonly RequestId[], asked: readonly RequestId[] = []) {
  const [open, said] = [new Set([...agreed, ...asked]), [] as string[]];
  const found: RequestId[] = [];
  const edit = (id: RequestId) => ({ id, edit: 0, seq: 1, view: 1 });
  const note = (to: string, message: GroupMessage) => {
    said.push(`${to}: ${message.type === "inquire" ? message.edits.length : message.type}`);
  };
  const looked: number[] = [];
  const looks = new EntryLookups(({ token }) => looked.push(token));
  const parts = {
    voting: {
      size: agreed.length,
      inquireSoon: () => {},
      inquiries: () => agreed.map((id) => ({ ...edit(id), isAgreed: true })),
      found: (id: RequestId) => void found.push(id),
      has: (id: RequestId) => agreed.includes(id) && open.has(id),
    },
    editing: {
      pending: asked.length,
      inquireSoon: () => {},
      inquiries: () => asked.map(edit),
      committed: () => {},
      has: (id: RequestId) => asked.includes(id) && open.has(id),
    },
    looks,
    out: { tell: (_: unknown, message: GroupMessage) => note("others", message) },
    ordering: () => ({ others: [keyOf("bob")] }),
    coordinator: { isUp: true, tell: (message: GroupMessage) => note("coordinator", message) },
    due: (delayMs: number) => void said.push(`again in ${delayMs}`),
  };
  const inquiring = new Inquiring(parts);
  /** The log has edited the entry or not, each time that it is looked up. */
  const answers = (...isEdited: readonly boolean[]) => {
    for (const token of looked.splice(0)) {
      looks.looked(token, { isEdited: isEdited[token - 1] ?? false } as never);
    }
  };
  const words = () => said.splice(0).filter((word) => !word.startsWith("again"));
  return { inquiring, parts, open, said, found, answers, words };
}

Deno.test("Inquiring: what is in the log isn't asked about, the rest is, once each, in messages that aren't too long", () => {
  const all = ids(EDITS_MAX + 2);
  const { inquiring, found, answers, words } = scene(all, all.slice(0, 3));
  inquiring.tick();
  assertEquals(words(), [], "the log says first what it has");
  answers(true);
  assertEquals(found, [all[0]]);
  assertEquals(words(), [`coordinator: ${EDITS_MAX}`, "coordinator: 1"]);
});

Deno.test("Inquiring: what ended while the log was asked is asked about no more", () => {
  const [one, other] = ids(2) as [RequestId, RequestId];
  const { inquiring, open, answers, words } = scene([one, other]);
  inquiring.tick();
  open.delete(one);
  answers();
  assertEquals(words(), ["coordinator: 1"]);
});

Deno.test("Inquiring: without the coordinator the others are asked, about what we agreed to alone", () => {
  const [one, other] = ids(2) as [RequestId, RequestId];
  const { inquiring, parts, answers, words } = scene([one], [one, other]);
  parts.coordinator.isUp = false;
  inquiring.tick();
  answers();
  assertEquals(words(), ["others: 1"]);
});

Deno.test("Inquiring looks again as long as something is open, also while in no epoch", () => {
  const open = scene(ids(1));
  Object.assign(open.parts, { ordering: () => null });
  open.inquiring.tick();
  assertEquals(open.said, [`again in ${INQUIRE_MS}`]);
  const nothing = scene([]);
  nothing.inquiring.tick();
  assertEquals(nothing.said, []);
});
