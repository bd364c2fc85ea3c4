// Whose name is whose at a member, where several have one name.

import { assertEquals } from "@std/assert";
import { fingerprintOf, shortFingerprint } from "../../../lib/base/fingerprint.ts";
import { MemberNames } from "../../../lib/protocols/group/member_names.ts";
import { MemberOutput } from "../../../lib/protocols/group/member_output.ts";
import { fakeSigner } from "../../sim/fake_crypto.ts";

const keyOf = (who: string) => fakeSigner(who).key;
const suffixed = (who: string) => `bob~${shortFingerprint(fingerprintOf(keyOf(who)))}`;

class Meetings {
  readonly out = new MemberOutput();
  readonly names = new MemberNames(keyOf("me"), new Map(), this.out);

  constructor() {
    this.names.shown(keyOf("me"), "me");
  }

  /** These are in the group. @returns What the user is told of them. */
  met(members: Readonly<Record<string, string>>): readonly string[] {
    this.out.begin(0);
    this.names.met(
      Object.entries(members).map(([who, name]) => ({
        key: keyOf(who),
        name,
        incarnation: new Uint8Array(8),
        host: null,
        port: 9_000,
      })),
    );
    return this.out.take().flatMap((effect) =>
      effect.type === "show" && effect.event.event === "error" ? [effect.event.text] : []
    );
  }

  /** @returns How these are shown. */
  shown(...all: readonly string[]): readonly string[] {
    return all.map((who) => this.names.of(keyOf(who)));
  }
}

Deno.test("MemberNames forgets nobody else when a key is accepted", () => {
  const meetings = new Meetings();
  const { names } = meetings;
  meetings.met({ ann: "ann", bob: "bob" });
  meetings.met({ ann: "ann", other: "Bob" });
  assertEquals(meetings.shown("ann", "bob"), ["ann", "bob"]);

  assertEquals(names.trust("bob"), { name: "Bob", key: keyOf("other") });

  assertEquals(meetings.shown("me", "ann", "other", "bob"), ["me", "ann", "Bob", suffixed("bob")]);
  assertEquals(["me", "ann", "bob"].map((name) => names.keyOf(name)), [
    keyOf("me"),
    keyOf("ann"),
    keyOf("other"),
  ]);
});
