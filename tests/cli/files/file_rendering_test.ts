import { assertEquals } from "@std/assert";
import type { FileEvent, FileView } from "../../../lib/cli/files/file_events.ts";
import { fileLines, isQuiet, progressOf } from "../../../lib/cli/files/file_rendering.ts";
import { NOON_MS } from "../memory_streams.ts";
import { printed } from "../printed.ts";

const VIEW: FileView = {
  file: 2,
  id: "1f",
  from: "Bob",
  key: "k",
  self: false,
  name: "report.pdf",
  size: 2_500_000,
  digest: "d",
  state: "here",
  bytes: 2_500_000,
};

function transfer(fields: Partial<Extract<FileEvent, { readonly event: "transfer" }>>): FileEvent {
  const { file, name, from, size } = VIEW;
  return { event: "transfer", state: "cancelled", bytes: 0, file, name, from, size, ...fields };
}

const { state: _state, bytes: _bytes, ...OFFER } = VIEW;

const TEXTS: readonly (readonly [title: string, event: FileEvent, text: string])[] = [
  [
    "a script without --save can't fetch what is offered",
    { event: "offer", ...OFFER, unfetchable: true },
    "12:03 * Bob offers report.pdf (2.5 MB); --save DIR would fetch it\n",
  ],
  [
    "what was fetched is stopped",
    transfer({}),
    "12:03 * Stopped: report.pdf; /get 2 goes on\n",
  ],
  [
    "what is offered is declined",
    transfer({ reason: "declined" }),
    "12:03 * Declined report.pdf; /get 2 fetches it after all\n",
  ],
  [
    "one's own offer is taken back",
    transfer({ self: true }),
    "12:03 * Offer of report.pdf withdrawn\n",
  ],
  [
    "one's own offer ends, as the file was changed",
    transfer({ self: true, state: "failed", reason: "changed" }),
    "12:03 ! Offer of report.pdf ended: it has changed since the offer\n",
  ],
  [
    "somebody says to have fetched one's own file, which nothing proves",
    transfer({ self: true, state: "done", to: "Carl" }),
    "12:03 * Carl reports that report.pdf has arrived\n",
  ],
  [
    "a file of somebody else comes first",
    transfer({ state: "failed", reason: "waits" }),
    "12:03 * report.pdf waits: other files first\n",
  ],
  [
    "who offered it has changed it",
    transfer({ state: "failed", reason: "changed" }),
    "12:03 ! Failed: report.pdf: it has changed since the offer\n",
  ],
  [
    "the list says where each file is",
    {
      event: "files",
      files: [
        { ...VIEW, path: "/home/ann/Downloads/report (2).pdf" },
        { ...VIEW, file: 3, to: "Ann", state: "fetching", bytes: 500_000, awaited: "Bob" },
        { ...VIEW, file: 4, state: "offered", waits: true, bytes: 0 },
      ],
    },
    "2  report.pdf (2.5 MB)  from Bob, here: /home/ann/Downloads/report (2).pdf\n" +
    "3  report.pdf (2.5 MB)  from Bob to you alone, 20 % is here, waits for Bob\n" +
    "4  report.pdf (2.5 MB)  from Bob, waits: other files first\n",
  ],
];

for (const [title, event, text] of TEXTS) {
  Deno.test(`fileLines(): ${title}`, () => {
    const context = { nowMs: NOON_MS, interactive: true, verbose: false };
    assertEquals(printed(fileLines(event, context)), text);
  });
}

Deno.test("progressOf() says how fast a file comes, and how long the rest takes, after a second", () => {
  const GB = 1_000_000_000;
  const of = (bytes: number, ms: number, quietMs = 0, isGone = false, size = GB) => {
    const lately = { bytes, ms, quietMs };
    return progressOf(size / 2, size, isQuiet(lately, isGone) ? "Bob" : undefined, lately);
  };
  assertEquals(of(40_000_000, 900), "50 % of 1.0 GB");
  assertEquals(of(0, 900), "50 % of 1.0 GB", "it has just begun");
  assertEquals(of(0, 0, 0, true), "50 % of 1.0 GB, waits for Bob");
  assertEquals(of(0, 5_000), "50 % of 1.0 GB, waits for Bob");
  assertEquals(of(50_000_000, 6_000, 5_000), "50 % of 1.0 GB, waits for Bob");
  assertEquals(of(50_000_000, 1_000, 900), "50 % of 1.0 GB, 50.0 MB/s, 10 s left");
  assertEquals(of(10_000_000, 4_000), "50 % of 1.0 GB, 2.5 MB/s, 4 min left");
  assertEquals(of(0, 0, 0, false, 0), "0 B", "an empty file");
  assertEquals(of(0, 5_000, 5_000, false, 0), "waits for Bob", "an empty file");
});
