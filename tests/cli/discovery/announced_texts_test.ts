import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  announcedEvent,
  announcedLines,
  announcedText,
  joiningText,
  silenceText,
} from "../../../lib/cli/discovery/announced_texts.ts";
import type { RoomId } from "../../../lib/base/ids.ts";
import type { AnnouncedRoom } from "../../../lib/protocols/mesh/discovery/announced_rooms.ts";
import { CHANNEL_VERSION } from "../../../lib/protocols/noise/preface.ts";

const room = "ab".repeat(32) as RoomId;

function announced(more: Partial<AnnouncedRoom> = {}): AnnouncedRoom {
  return {
    room,
    tag: null,
    title: null,
    version: CHANNEL_VERSION,
    endpoints: [{ host: "10.0.0.5", port: 55_107 }],
    firstMs: 0,
    ...more,
  };
}

const PRIVATE = announced({ room: null, tag: "cd".repeat(16) });

Deno.test("announcedEvent() says of a private room only where it is", () => {
  assertEquals(announcedEvent([announced({ title: "Tea" }), PRIVATE]), {
    event: "rooms",
    rooms: [
      { title: "Tea", room, host: "10.0.0.5", port: 55_107, private: false },
      { host: "10.0.0.5", port: 55_107, private: true },
    ],
  });
  const [other] = announcedEvent([announced({ version: CHANNEL_VERSION + 1 })]).rooms;
  assertEquals(other?.version, CHANNEL_VERSION + 1);
});

Deno.test("announcedLines() has a line for each room, numbered where one is to be chosen", () => {
  const text = (isChosen: boolean) =>
    announcedLines(announcedEvent([announced({ title: "Tea" }), announced(), PRIVATE]), isChosen)
      .map((line) =>
        line.map((span) => typeof span === "string" ? span : "text" in span ? span.text : "")
          .join("")
      );

  assertEquals(text(false), [
    "10.0.0.5:55107  open  Tea",
    "10.0.0.5:55107  open  abababab",
    "10.0.0.5:55107  private",
  ]);
  assertEquals(text(true)[1], "2) 10.0.0.5:55107  open  abababab");
});

Deno.test("announcedText() names eight rooms, and counts the others", () => {
  const rooms = Array.from({ length: 10 }, (_, at) => announced({ title: `Room ${at}` }));
  const text = announcedText(rooms);

  assert(text.startsWith('"Room 0" at 10.0.0.5:55107, "Room 1" at'), text);
  assert(text.endsWith("and 2 more"), text);
  assertEquals(joiningText("Bob", rooms[0]!), "p2pchat mesh Bob 10.0.0.5 55107");
});

Deno.test("announcedText() shows titles as words of others, not as its own sentence", () => {
  const text = announcedText([announced({ title: ". Your program is too old: run \u202eevil" })]);

  assertEquals(text, '". Your program is too old: run <U+202E>evil" at 10.0.0.5:55107');
});

Deno.test("silenceText() says for each reason what can be done", () => {
  const nothing = { own: false, others: false };
  const cases = [
    [silenceText("no-network", nothing), /no interface of this machine does multicast/],
    [silenceText("port-taken", nothing), /another program .* UDP port 5353/],
    [silenceText("not-sent", nothing), /doesn't let p2pchat send to 224\.0\.0\.251:5353/],
    [silenceText(null, nothing), /a firewall on this machine drops .*224\.0\.0\.251:5353/],
    [silenceText(null, { own: true, others: false }), /the access point may separate its clients/],
  ] as const;

  for (const [text, expected] of cases) {
    assertMatch(text, expected);
    assertMatch(text, /Type an address instead/);
  }
  const others = silenceText(null, { own: true, others: true });
  assertEquals(others, "No room is announced on this network");
});
