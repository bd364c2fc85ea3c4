import { assert, assertEquals, assertMatch } from "@std/assert";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import { STRANGE_KEPT_MS, STRANGE_TOLD_MS } from "../../../lib/base/machine/mode_limits.ts";
import { ServerKey } from "../../../lib/base/trust/server_key.ts";

const [KNOWN, ANN, EVE] = ["0", "a", "e"].map((digit) => digit.repeat(64)) as [
  PeerKey,
  PeerKey,
  PeerKey,
];

/** The key of a directory, what is told of it, and a clock that the test moves. */
function expecting(
  pinned: PeerKey | null,
  given: PeerKey | null = null,
  more: Partial<ConstructorParameters<typeof ServerKey>[0]> = {},
) {
  const told: string[] = [];
  const out = {
    nowMs: 0,
    push: ({ name, key, again }: { name: string; key: PeerKey; again: boolean }) => {
      told.push(`pin ${name} ${key[0]}${again ? " again" : ""}`);
    },
    keyChanged: (_: unknown, text: string) => {
      const key = [KNOWN, ANN, EVE].find((each) => text.includes(`: ${fingerprintOf(each)}, `));
      told.push(`key-changed ${key?.[0]}`);
    },
  };
  const key = new ServerKey({
    what: "directory",
    name: "*directory*",
    endpoint: { host: "chat.example", port: 4_400 },
    knownPeers: "/home/ann/known_peers",
    pinned: pinned === null ? null : fingerprintOf(pinned),
    given: given === null ? null : fingerprintOf(given),
    ...more,
  }, out);
  return { key, out, told };
}

Deno.test("ServerKey is pinned when it is met first, and expected from then on", () => {
  const { key, told } = expecting(null);
  assertEquals(key.expected, null);
  key.proved(KNOWN);
  key.proved(KNOWN);
  assertEquals([told, key.expected], [["pin *directory* 0"], fingerprintOf(KNOWN)]);
});

Deno.test("ServerKey says loudly that the key of before was verified", () => {
  const { key } = expecting(KNOWN, null, { isVerified: true });
  assertMatch(key.refusal(EVE), /^BE CAREFUL: you had verified the directory's key, .*, it was /);
  assertMatch(expecting(KNOWN).key.refusal(EVE), /^The directory at /);
});

Deno.test("ServerKey refuses a key whose digits were different, now and at later starts", () => {
  const { key } = expecting(KNOWN);
  assertEquals(key.isRefused(KNOWN), false);

  const way = `delete the line with ${
    fingerprintOf(KNOWN)
  } from /home/ann/known_peers and start again`;
  const told = key.refuse(KNOWN);
  assertMatch(told, /whose digits you found to be different: nothing goes to it any more/);
  assert(
    told.endsWith(`only if you compared wrongly, and this key really is the directory's, ${way}`),
    told,
  );
  assertEquals(key.isRefused(KNOWN), true);

  const refused = [{ name: "*directory*", fingerprint: fingerprintOf(KNOWN) }];
  const later = expecting(null, null, { refused }).key;
  assertEquals([later.isRefused(KNOWN), later.isRefused(ANN)], [true, false]);
  assertEquals(later.refusal(KNOWN), told);
});

Deno.test("ServerKey tells of another one once a minute, and of a third after ten, whatever answers meanwhile", () => {
  const { key, out, told } = expecting(KNOWN);
  key.met(ANN);
  out.nowMs = STRANGE_TOLD_MS - 1;
  key.met(ANN);
  assertEquals(told, ["key-changed a"]);
  for (out.nowMs = STRANGE_TOLD_MS; out.nowMs < STRANGE_KEPT_MS; out.nowMs += STRANGE_TOLD_MS) {
    key.met(ANN);
    key.met(EVE);
  }
  assertEquals(told.filter((word) => word === "key-changed e"), []);
  key.met(EVE);
  assertEquals([told.at(-1), key.strange], ["key-changed e", EVE]);
});

Deno.test("ServerKey accepts the one that was told; any other is told at once", () => {
  const { key, told } = expecting(KNOWN);
  key.met(ANN);
  key.met(EVE);
  assertEquals([key.trust(), key.trust()], [ANN, null]);
  assertEquals(key.expected, fingerprintOf(ANN));
  key.met(EVE);
  assertEquals(told, ["key-changed a", "pin *directory* a again", "key-changed e"]);
});

Deno.test("ServerKey accepts none once the expected one has answered, and tells of none sooner for it", () => {
  const { key, told } = expecting(KNOWN);
  key.met(ANN);
  key.proved(KNOWN);
  assertEquals(key.trust(), null);
  key.met(ANN);
  assertEquals(told, ["key-changed a"]);
});

Deno.test("ServerKey says where to delete the known one", () => {
  const { key } = expecting(KNOWN);
  assertEquals(
    key.refusal(EVE),
    `The directory at chat.example:4400 has a different key from before: ${
      fingerprintOf(EVE)
    }, it was ` +
      `${fingerprintOf(KNOWN)}; if this key really is the directory's, delete the line with ${
        fingerprintOf(KNOWN)
      } from ` +
      "/home/ann/known_peers and start again",
  );
});

Deno.test("ServerKey that the user named is the only one accepted, and is pinned once it has answered", () => {
  const { key, told } = expecting(null, KNOWN);
  assertEquals(key.expected, fingerprintOf(KNOWN));
  assertEquals(
    key.refusal(EVE),
    `The directory at chat.example:4400 has a different key from the one you gave: ${
      fingerprintOf(EVE)
    }, not ${
      fingerprintOf(KNOWN)
    }; if this key really is the directory's, correct the one you gave and start again`,
  );
  key.proved(KNOWN);
  key.proved(KNOWN);
  key.met(EVE);
  assertEquals(told, ["pin *directory* 0", "key-changed e"]);
});
