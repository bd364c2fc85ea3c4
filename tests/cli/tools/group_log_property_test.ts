/** Random histories of texts and edits through the file, against a model that keeps them in memory. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { nodeCrypto } from "../../../lib/base/crypto/crypto.ts";
import type { MessageId, RequestId } from "../../../lib/base/ids.ts";
import { requestId } from "../../../lib/protocols/group/schema/edit.ts";
import { placesOf, type SignedBatch } from "../../../lib/protocols/group/schema/history.ts";
import type { LoggedItem } from "../../../lib/runtime/entry_feed.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import {
  type Decided,
  Decider,
  FOUNDING,
  GROUP,
  logBytes,
  nameOf,
  openLogAt,
  recorded,
  Speaker,
} from "../group_logs.ts";
import { SLOW } from "../../given.ts";

const PATH = "/p/log";

/** What happens next: `entry` and `voters` are taken modulo what there is. */
type Step =
  | { readonly kind: "say"; readonly who: number; readonly texts: readonly string[] }
  | {
    readonly kind: "edit";
    readonly wanted: readonly {
      readonly who: number;
      readonly entry: number;
      readonly text: string;
      readonly voters: number;
    }[];
  };

const awkward = fc.constantFrom(
  "a\tb",
  "line\nfeed\r",
  "\\n\\",
  '{"command":"exit"}',
  "%s%n",
  "/exit",
  "edit 7",
  "\x1b[2J\x00",
  "ünï👩‍🚀\u2028",
);
const text = fc.oneof(awkward, fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }));
const who = fc.nat({ max: 2 });
const say = fc.record({
  kind: fc.constant("say" as const),
  who,
  texts: fc.array(fc.oneof(text, fc.constant("")), { minLength: 1, maxLength: 4 }),
});
const wanted = fc.record({ who, entry: fc.nat({ max: 50 }), text, voters: fc.nat({ max: 7 }) });
const edit = fc.record({
  kind: fc.constant("edit" as const),
  wanted: fc.array(wanted, { minLength: 1, maxLength: 3 }),
});
const histories = fc.array(fc.oneof({ arbitrary: say, weight: 2 }, edit), { maxLength: 24 });

interface ModelEntry {
  readonly from: string;
  readonly id: MessageId;
  readonly texts: string[];
  readonly requests: RequestId[];
  readonly agreed: (readonly string[])[];
}

/** The batches of a history, and what its entries are after each. */
function played(steps: readonly Step[]) {
  const speakers = ["alice", "bob", "Zoë"].map((name, index) => new Speaker(name, index + 1));
  const decider = new Decider();
  const batches: SignedBatch[] = [];
  const entries: ModelEntry[] = [];
  for (const step of steps) {
    if (step.kind === "say") {
      const speaker = speakers[step.who]!;
      const said = speaker.say(...step.texts);
      batches.push(said);
      const from = speaker.name;
      const { counter } = said.batch.value;
      entries.push(...step.texts.map((text, index) => {
        const id = speaker.entry(counter + index);
        return { from, id, texts: [text], requests: [], agreed: [] };
      }));
    } else if (entries.length > 0) {
      batches.push(decider.decide(...step.wanted.map((one): Decided => {
        const seq = 1 + one.entry % entries.length;
        const entry = entries[seq - 1]!;
        const named = { entry: entry.id, old: entry.texts.at(-1)! };
        const request = speakers[one.who]!.ask(seq, one.text, GROUP, named);
        const agreed = speakers.filter((_, index) =>
          (one.voters >> index & 1) === 1 && index !== one.who
        );
        entry.texts.push(one.text);
        entry.requests.push(requestId(nodeCrypto, request.request.value));
        entry.agreed.push(agreed.map(({ name }) => name));
        return [request, ...agreed];
      })));
    }
  }
  return { batches: recorded(batches), entries };
}

Deno.test("GroupLog: any history of texts and edits is read as it was written", SLOW, async () => {
  await fc.assert(
    fc.asyncProperty(histories, fc.nat(), async (steps, random) => {
      const { batches, entries } = played(steps);
      const cut = random % (batches.length + 1);
      const disk = new MemoryDisk();
      await disk.makeFolder("/p");
      const first = await openLogAt(disk, PATH);
      await first.log.startAnew(FOUNDING, null);
      first.log.append(batches.slice(0, cut));
      first.log.close();
      const { log, notices } = await openLogAt(disk, PATH); // some were scanned, some appended
      const looks: Promise<unknown>[] = [];
      for (const [index, batch] of batches.slice(cut).entries()) {
        if (index === random % 4) looks.push(Promise.resolve(log.look(1, null))); // edits of it come while it is read
        log.append([batch]);
      }
      await Promise.all(looks);

      assertEquals(notices, []);
      assertEquals(await disk.read(PATH), logBytes(batches));
      assertEquals((await log.read(0, 10_000_000)).batches, batches);
      let [position, seq] = [0, 0];
      for (const [index, { batch: { value } }] of batches.entries()) {
        const read = await log.read(position, 0);
        assertEquals([read.batches, read.seq], [[batches[index]!], seq]);
        position += placesOf(value);
        seq += value.texts.length;
      }
      for (let count = 0; count <= entries.length + 1; count++) {
        const tail = await log.tail(count, nameOf);
        const last = entries.slice(Math.max(0, entries.length - count));
        assertEquals(
          tail.map((view) => [view.from, view.text, view.edits]),
          last.map(({ from, texts }) => [from, texts.at(-1)!, texts.length - 1]),
        );
        assertEquals(tail.at(-1)?.seq ?? 0, last.length === 0 ? 0 : entries.length);
        const before = await log.tail(2, nameOf, count);
        assertEquals(
          before,
          (await log.tail(entries.length, nameOf)).slice(0, Math.max(0, count - 1)).slice(-2),
        );
      }
      for (const [at, { from, texts, requests, agreed }] of entries.entries()) {
        const looked = await log.look(at + 1, null);
        assertEquals([looked?.author.name, looked?.text], [from, texts.at(-1)]);
        for (const other of entries) {
          for (const id of other.requests) {
            const isEdited = requests.includes(id);
            assertEquals((await log.look(at + 1, id))?.isEdited, isEdited);
          }
        }
        const story = await log.entryOf(at + 1, nameOf);
        assertEquals([story?.from, story?.text], [from, texts.at(-1)]);
        assertEquals(
          story?.edits.map((one) => [one.old, one.new]),
          [
            ...requests.keys(),
          ].map((index) => [texts[index]!, texts[index + 1]!]),
        );
        assertEquals(story?.edits.map((one) => one.agreed), agreed);
        const [view] = await log.tail(entries.length - at, nameOf);
        const { editedBy, edits } = story!;
        assertEquals([editedBy, view?.editedBy], Array(2).fill(edits.at(-1)?.by ?? null));
      }
      const items: LoggedItem[] = [];
      for await (const piece of log.items()) items.push(...piece);
      assertEquals(items.map((item) => item.position), items.map((_, index) => index + 1));
      assertEquals(items.length, position);
      assertEquals([await log.look(entries.length + 1, null), await log.entryOf(0, nameOf)], [
        null,
        null,
      ]);
      log.close();
    }),
    { numRuns: 40 },
  );
});
