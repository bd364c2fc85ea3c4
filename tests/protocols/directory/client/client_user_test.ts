/** What the user asks for, as far as it is checked before anybody else is asked. */

import { assertEquals } from "@std/assert";
import { ClientUser } from "../../../../lib/protocols/directory/client/client_user.ts";
import { KnownKeys } from "../../../../lib/protocols/directory/lobby/known_keys.ts";
import { ANN, BOB, CONFIG, DIRECTORY, EVE, partOutput, user } from "../client_program.ts";

function userOf({ isUp = true, isGuest = false, mayBroadcast = true } = {}) {
  const output = partOutput();
  const done: string[] = [];
  const keys = new KnownKeys(output.out);
  const part = new ClientUser({
    config: CONFIG,
    ownKey: ANN.key,
    out: output.out,
    session: {
      failure: null,
      instance: {},
      isDisowned: false,
      isCutOff: false,
      isGuest,
      isOut: false,
      isUp,
      mayBroadcast,
      name: "ann",
      peer: DIRECTORY,
      state: isUp ? "up" : "down",
      wasUp: true,
      refuse: () => void done.push("refuses the directory"),
      trust: () => null,
      tell: ({ type }) => void done.push(`tells ${type}`),
    },
    lobby: {
      at: ({ port }) => port === 5_000 ? user("bob") : null,
      find: (name) => name === "bob" ? user("Bob") : null,
      size: 2,
      view: () => null,
    },
    keys,
    calling: {
      call: null,
      accept: () => void done.push("accepts"),
      ring: (name) => void done.push(`rings ${name}`),
      refused: (name) => void done.push(`ends calls with ${name}`),
    },
    asking: {
      size: 0,
      fill: 0,
      ask: ({ type }) => void done.push(type),
      broadcast: (text) => void done.push(`broadcast ${text}`),
    },
    hearing: { apart: (name) => `${name}~1`, isRefused: false },
  });
  /** What the user was told, errors by their codes. */
  const words = () => output.words().map((word) => /^error code=(\S+)/.exec(word)?.[1] ?? word);
  return { part, keys, done: () => done.splice(0), words };
}

Deno.test("ClientUser: a call rings under the name that the list has, and what is no name rings nowhere", () => {
  const { part, done, words } = userOf();
  part.call("bob", undefined);
  part.callAt({ host: "10.0.0.2", port: 5_000 }, undefined);
  assertEquals(done(), ["rings Bob", "rings bob"]);

  part.call("two words", undefined);
  part.callAt({ host: "10.0.0.2", port: 1 }, undefined);
  assertEquals([done(), words()], [[], ["unknown-user", "unknown-user"]]);
});

Deno.test("ClientUser: whoever is called by the start of a key is rung only if that is the expected one", () => {
  const { part, keys, done, words } = userOf();
  keys.met("bob", BOB);
  const shown = keys.apart("bob", EVE, [], null);
  words();

  part.call(shown, undefined);
  assertEquals([done(), words()], [[], ["key-changed"]]);
});

Deno.test("ClientUser: what the directory would refuse isn't asked of it", () => {
  const tells = (options: Parameters<typeof userOf>[0], text: string) => {
    const { part, done, words } = userOf(options);
    part.broadcast(text, undefined);
    return [...done(), ...words()];
  };
  assertEquals(tells({}, "hello"), ["broadcast hello"]);
  assertEquals(tells({}, "x".repeat(65_537)), ["too-long"]);
  assertEquals([tells({}, ""), tells({ mayBroadcast: false }, "x")], [[], ["not-allowed"]]);

  const changes = (options: Parameters<typeof userOf>[0], fresh: string) => {
    const { part, done, words } = userOf(options);
    part.changePassword("longenough", fresh, undefined);
    return [...done(), ...words()];
  };
  assertEquals(changes({}, "better than that"), ["change-password"]);
  assertEquals(changes({}, "short"), ["weak-password"]);
  assertEquals(changes({ isGuest: true }, "better than that"), ["not-logged-in"]);
  assertEquals(changes({ isUp: false }, "better than that"), ["not-logged-in"]);
});
