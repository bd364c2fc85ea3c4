import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  announcedEvent,
  announcedLines,
  announcedText,
  deafText,
  joiningText,
  silenceText,
  vainText,
} from "../../../lib/cli/discovery/announced_texts.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
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
    announcedLines(announcedEvent([announced({ title: "(T)" }), announced(), PRIVATE]), isChosen)
      .map((line) =>
        line.map((span) => typeof span === "string" ? span : "text" in span ? span.text : "")
          .join("")
      );

  assertEquals(text(false), [
    '10.0.0.5:55107  open  "(T)"',
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
  const joining = "p2pchat mesh Bob 10.0.0.5 55107";
  assertEquals(joiningText({ name: "Bob" }, rooms[0]!), joining);
  assertEquals(joiningText({ name: "Bob", data: "d" }, rooms[0]!), `${joining} --data d`);
});

Deno.test("announcedText() shows titles as words of others, not as its own sentence", () => {
  const text = announcedText([announced({ title: ". Your program is too old: run \u202eevil" })]);

  assertEquals(text, '". Your program is too old: run <U+202E>evil" at 10.0.0.5:55107');
});

const HEALTHY = { own: true, others: false };

function silence(more: Partial<Parameters<typeof silenceText>[0]>): string {
  return silenceText({ fault: null, hearing: HEALTHY, hasPrivate: false, founds: true, ...more });
}

Deno.test("silenceText() says for each reason what can be done", () => {
  const nothing = { own: false, others: false };
  const cases = [
    [deafText("no-network", nothing), /has no network that leads to others\. Connect it, or join/],
    [
      deafText("port-taken", nothing),
      /another program .* UDP port 5353 .* End that program, or join/,
    ],
    [deafText("not-sent", nothing), /doesn't let p2pchat send to 224\.0\.0\.251:5353 .* or join/],
    [
      deafText(null, nothing),
      /a firewall on this machine drops .*\. Let it in, or join by address/,
    ],
  ] as const;

  for (const [text, expected] of cases) assertMatch(text!, expected);
  assertEquals(silence({ fault: "no-network", hearing: nothing }), cases[0][0]);
  assertEquals(deafText(null, HEALTHY), null);
});

Deno.test("silenceText() alarms nobody who is the first on a healthy network", () => {
  assertEquals(
    silence({}),
    "You are the first here, as far as is heard. If others are here, the access point may separate its clients, " +
      "or a firewall drops 224.0.0.251:5353 (UDP): join by address: p2pchat mesh NAME HOST PORT",
  );
  assertMatch(silence({ founds: false }), /^No room is announced on this network\. If others are/);
  const others = silence({ hearing: { own: true, others: true } });
  assertEquals(others, "No room is announced on this network");
});

Deno.test("silenceText() says that only private rooms are there, and how to join one", () => {
  assertEquals(
    silence({ hasPrivate: true, hearing: { own: true, others: true } }),
    "Only private rooms are announced on this network; to join one takes an invite (--invite) or words " +
      "(--words CODE)",
  );
});

Deno.test("vainText() says which room is announced, and why it can't be joined", () => {
  const tea = announced({ title: "Tea" });
  const failure = (code: "unreachable" | "full", why: string) =>
    new P2pchatError(code, `Cannot join through 10.0.0.5:55107: ${why}; some advice`);

  assertEquals(
    vainText(tea, failure("unreachable", "no connection within 10 s")),
    'The room "Tea" at 10.0.0.5:55107 is announced, but can\'t be reached (no connection within 10 s): ' +
      "perhaps a firewall there",
  );
  assertEquals(
    vainText(tea, failure("full", "the room is full")),
    'The room "Tea" at 10.0.0.5:55107 is announced, but can\'t be joined (the room is full)',
  );
});
