/** In whose place a client comes in. */

import { assertEquals } from "@std/assert";
import type { FoldedName } from "../../../../lib/base/ids.ts";
import { Entrance } from "../../../../lib/protocols/directory/login/entrance.ts";
import type {
  DirectoryMessageOf,
  WayIn,
} from "../../../../lib/protocols/directory/schema/messages.ts";
import { Others } from "../../../../lib/protocols/directory/sessions/others.ts";
import { ClientLinks } from "../../../../lib/protocols/directory/sessions/sessions.ts";
import type { ClientLink } from "../../../../lib/protocols/directory/sessions/client_session.ts";
import { linkOf, partOutput, sessionsOf } from "../directory_parts.ts";
import { WALL_MS } from "../exchange.ts";

const ANN = "ann" as FoldedName;

function enter(how: WayIn, rank = 0): DirectoryMessageOf<"enter"> {
  const typed = { name: "ann", password: "", newPassword: "" };
  return { type: "enter", how, ...typed, port: 0, busy: false, seen: null, rank, lists: "told" };
}

function registering() {
  const output = partOutput();
  const sessions = sessionsOf();
  const links = new ClientLinks();
  const parts: string[] = [];
  const presence = ({ name }: { readonly name: string }) => void parts.push(`presence of ${name}`);
  const entrance = new Entrance({
    out: output.out,
    links,
    sessions,
    others: new Others(),
    presence: { changed: presence, left: presence, tell: () => {} },
    calls: { gone: () => void parts.push("its call") },
    broadcasts: { store: "07", stored: 5, last: 5, saidBy: () => 0 },
    deliveries: { pump: () => void parts.push("broadcasts") },
    telling: {
      comesBack: () => {},
      comesIn: () => 5,
      gone: () => {},
      isAllowed: () => true,
      isIn: () => {},
    },
    randomBytes: (length) => new Uint8Array(length).fill(sessions.size + 1),
    wallMs: () => WALL_MS,
    instance: "",
  });
  /** @returns What was done, and the rank that was given. */
  const comesIn = (link: ClientLink, how: WayIn, rank = 0, isGuest = how === "guest") => {
    links.up(link, 0);
    links.enter(link, "checking", 0);
    entrance.letIn(link, enter(how, rank), {
      name: "ann",
      isGuest,
      isRemembered: true,
      version: isGuest ? null : "1",
      mayEnter: () => true,
      refuse: () => {},
    });
    return output.words();
  };
  const rank = () => sessions.named(ANN)?.rank;
  return { output, entrance, sessions, parts, comesIn, rank };
}

const IN = (id: number) => [`${id}: entered as ann`, "* login ann"];
const REPLACED = (id: number) => [`${id}: dismissed replaced`, `${id}: close (replaced)`];

Deno.test("Entrance: the same program again takes over without a word", () => {
  const { comesIn } = registering();
  comesIn(linkOf({ id: 1 }), "resume");

  assertEquals(comesIn(linkOf({ id: 2 }), "resume"), [
    "1: close (there is a later link)",
    "2: entered as ann",
  ]);
});

Deno.test("Entrance: who logs in takes the place of another program, which can't come back by itself", () => {
  const { comesIn, rank } = registering();
  comesIn(linkOf({ id: 1 }), "log-in");
  const first = rank()!;
  assertEquals(comesIn(linkOf({ id: 2, process: "2" }), "log-in"), [
    "* logout ann replaced",
    ...REPLACED(1),
    ...IN(2),
  ]);
  assertEquals(rank(), first + 1);

  assertEquals(comesIn(linkOf({ id: 3 }), "resume", first), REPLACED(3));
  assertEquals(rank(), first + 1);
});

Deno.test("Entrance: after a restart the later program stays, whichever comes back first, and no said rank beats a password", () => {
  const { comesIn, rank } = registering();
  const later = WALL_MS - 1;
  comesIn(linkOf({ id: 1 }), "resume", later - 1);
  assertEquals(comesIn(linkOf({ id: 2, process: "2" }), "resume", later).at(-1), "* login ann");
  assertEquals(comesIn(linkOf({ id: 3 }), "resume", later - 1), REPLACED(3));
  comesIn(linkOf({ id: 4, process: "4" }), "log-in");
  assertEquals(rank(), WALL_MS + 1);

  assertEquals(comesIn(linkOf({ id: 5, process: "2" }), "resume", 2 * WALL_MS), REPLACED(5));
});

Deno.test("Entrance: an account has its name also where a guest of that name is in", () => {
  const { comesIn, sessions } = registering();
  comesIn(linkOf({ id: 1, device: "eve" }), "guest");

  assertEquals(comesIn(linkOf({ id: 2 }), "resume"), [
    "* logout ann replaced",
    "1: close (an account has the name now)",
    ...IN(2),
  ]);
  assertEquals(sessions.named(ANN)?.isGuest, false);
});

Deno.test("Entrance: who is out is so for all parts, and is told why", () => {
  const { output, entrance, sessions, parts, comesIn } = registering();
  comesIn(linkOf(), "resume");
  assertEquals(parts.splice(0), ["presence of ann", "broadcasts"]);

  entrance.dismiss(sessions.named(ANN)!, "kicked", "out");
  assertEquals(output.words(), ["* logout ann kicked", "1: dismissed kicked", "1: close (kicked)"]);
  assertEquals([parts, sessions.size], [["its call", "presence of ann"], 0]);
});
