// Whose name is whose at a member, where several have one name.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import { STRANGE_KEPT_MS } from "../../../../lib/base/machine/mode_limits.ts";
import { foldName } from "../../../../lib/base/text/names.ts";
import { MemberNames } from "../../../../lib/protocols/group/identity/member_names.ts";
import { MemberOutput } from "../../../../lib/protocols/group/schema/member_output.ts";
import { PINS_MAX } from "../../../../lib/protocols/group/schema/limits.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";

const keyOf = (who: string) => fakeSigner(who).key;
const suffixed = (who: string) => `bob~${fingerprintOf(keyOf(who)).slice(0, 4)}`;

const MEMBER = { incarnation: new Uint8Array(8), host: null, port: 9_000 };

function membersOf(members: Readonly<Record<string, string>>) {
  return Object.entries(members).map(([who, name]) => ({ ...MEMBER, key: keyOf(who), name }));
}

class Meetings {
  readonly out = new MemberOutput(() => true);
  readonly names: MemberNames;
  #nowMs = 0;

  constructor(
    refused: ConstructorParameters<typeof MemberNames>[3] = [],
    verified: ConstructorParameters<typeof MemberNames>[4] = [],
  ) {
    this.names = new MemberNames(keyOf("me"), new Map(), this.out, refused, verified);
    this.names.shown(keyOf("me"), "me");
  }

  /** These are in the group. @returns What the user is told of them. */
  met(members: Readonly<Record<string, string>>): readonly string[] {
    this.out.begin(this.#nowMs);
    this.names.met(membersOf(members));
    return this.out.take().flatMap((effect) =>
      effect.type === "show" && effect.event.event === "error" ? [effect.event.text] : []
    );
  }

  /** These are there, and may never be in the group. @returns What that does. */
  present(members: Readonly<Record<string, string>>): readonly string[] {
    this.out.begin(this.#nowMs);
    this.names.present(membersOf(members));
    return this.out.take().map(({ type }) => type);
  }

  pass(ms: number): void {
    this.#nowMs += ms;
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
  assertEquals(names.trust("bob"), null);
});

Deno.test("MemberNames give our own name to nobody else, whatever a view or an old entry calls us", () => {
  const meetings = new Meetings();
  const { names } = meetings;
  assertEquals(names.shown(keyOf("me"), "zoe"), "zoe");
  const told = meetings.met({ me: "zoe", liar: "me" });

  const of = (who: string) => names.of(keyOf(who));
  const start = fingerprintOf(keyOf("liar")).slice(0, 4);
  assertEquals([of("liar"), told.length], [`me~${start}`, 1]);
  assertEquals(names.shown(keyOf("me"), "me"), "me");
  assertEquals(names.shown(keyOf("liar"), "me"), `me~${start}`);

  // Nor do we have another's name without a mark.
  meetings.met({ ann: "ann" });
  const ours = fingerprintOf(keyOf("me")).slice(0, 4);
  assertEquals(names.shown(keyOf("me"), "ann"), `ann~${ours}`);
  assertEquals(of("ann"), "ann");
});

Deno.test("MemberNames tell newcomers apart to whom a coordinator gives one name", () => {
  const meetings = new Meetings();
  meetings.present({ first: "bob", second: "Bob" });
  const start = fingerprintOf(keyOf("second")).slice(0, 4);
  assertEquals(meetings.shown("first", "second"), ["bob", `Bob~${start}`]);

  meetings.met({ second: "Bob" });
  assertEquals(meetings.shown("first", "second"), [suffixed("first"), "Bob"]);
});

Deno.test("MemberNames accept the one that was told, or whoever is named as it is shown", () => {
  const meetings = new Meetings();
  const { names } = meetings;
  meetings.met({ bob: "bob" });
  assertStringIncludes(meetings.met({ first: "bob" })[0]!, "accept it with /trust bob");
  meetings.pass(STRANGE_KEPT_MS - 1);
  const told = meetings.met({ second: "bob" });

  assertEquals(told.map((text) => text.slice(text.indexOf("until"))), [
    `until you accept it with /trust ${suffixed("second")}; /trust bob accepts the key that you ` +
    `were told first, ${fingerprintOf(keyOf("first"))}`,
  ]);
  assertEquals(names.trust("bob")?.key, keyOf("first"));
  assertEquals(meetings.shown("bob", "first", "second"), [
    suffixed("bob"),
    "bob",
    suffixed("second"),
  ]);
  assertEquals(names.trust(suffixed("second"))?.key, keyOf("second"));
  assertEquals(meetings.shown("first", "second"), [suffixed("first"), "bob"]);
});

Deno.test("MemberNames accept whoever was told last, once there was time to ask for the one before", () => {
  const meetings = new Meetings();
  const { names } = meetings;
  meetings.met({ bob: "bob" });
  meetings.met({ first: "bob" });
  meetings.pass(STRANGE_KEPT_MS);
  assertStringIncludes(meetings.met({ second: "bob" })[0]!, "accept it with /trust bob");

  assertEquals(names.trust("bob")?.key, keyOf("second"));
});

Deno.test("MemberNames mean the stranger that was told where the one who is known isn't there", () => {
  const out = new MemberOutput(() => true);
  const pins = new Map([["bob", fingerprintOf(keyOf("bob"))]]);
  const names = new MemberNames(keyOf("me"), pins, out);
  const met = (who: string) => names.met([{ ...MEMBER, key: keyOf(who), name: "bob" }]);

  met("first");
  met("second");

  assertEquals(names.keyOf("bob"), keyOf("first"));
  assertEquals(names.keyOf(suffixed("second")), keyOf("second"));
});

Deno.test("MemberNames tell of a key again that was accepted, and isn't any more", () => {
  const meetings = new Meetings();
  meetings.met({ bob: "bob" });
  meetings.met({ first: "bob" });
  meetings.names.trust("bob");
  assertEquals(meetings.met({ bob: "bob", first: "bob" }).length, 1);
  meetings.names.trust("bob");

  assertEquals(meetings.met({ bob: "bob", first: "bob" }).length, 1);
  assertEquals(meetings.met({ bob: "bob", first: "bob" }).length, 0);
  assertEquals(meetings.shown("bob", "first"), ["bob", suffixed("first")]);
});

Deno.test("MemberNames show nobody like a stranger that was verified before this start", () => {
  const [one, other] = alike();
  const name = suffixed(one);
  const meetings = new Meetings([], [{ name, fingerprint: fingerprintOf(keyOf(one)) }]);
  meetings.met({ bob: "bob" });

  meetings.met({ [other]: "bob" });

  const [shown] = meetings.shown(other);
  assertEquals([shown?.startsWith(name), shown !== name], [true, true], shown);
});

Deno.test("MemberNames show no two strangers alike", () => {
  const meetings = new Meetings();
  const [one, other] = alike();
  meetings.met({ bob: "bob" });

  meetings.met({ [one]: "bob", [other]: "BOB" });

  const start = (length: number) => fingerprintOf(keyOf(other)).slice(0, length);
  const shown = [`bob~${start(4)}`, `BOB~${start(8)}`];
  assertEquals(meetings.shown(one, other), shown);
  assertEquals(shown.map((name) => meetings.names.keyOf(name)), [keyOf(one), keyOf(other)]);
});

Deno.test("MemberNames show nobody with the start of a key that was refused, whether its owner is here or not", () => {
  const [refused, other] = alike();
  const meetings = new Meetings([{ name: "Bob", fingerprint: fingerprintOf(keyOf(refused)) }]);
  meetings.met({ bob: "bob" });

  meetings.met({ [other]: "bob" });

  assertEquals(meetings.shown(other), [`bob~${fingerprintOf(keyOf(other)).slice(0, 8)}`]);
});

Deno.test("MemberNames say among whom the user has to choose", () => {
  const meetings = new Meetings();
  const { names } = meetings;
  names.shown(keyOf("first"), "bob");
  assertEquals(names.severalCalled("bob"), []);
  names.shown(keyOf("second"), "bob");

  assertEquals(names.severalCalled("Bob"), [suffixed("first"), suffixed("second")]);
  assertEquals(names.severalCalled(suffixed("first")), []);

  meetings.met({ second: "bob" });
  assertEquals(names.severalCalled("bob"), []);
  assertEquals(names.keyOf("bob"), keyOf("second"));
});

Deno.test("MemberNames remember nobody, and warn of nobody, who only asks to come in", () => {
  const meetings = new Meetings();
  const { names } = meetings;
  meetings.met({ bob: "bob" });

  for (let at = 0; at < 100; at++) {
    assertEquals(meetings.present({ bob: "bob", [`dan ${at}`]: "dan", [`bob ${at}`]: "bob" }), []);
  }

  assertEquals(meetings.shown("dan 99", "bob 99"), ["dan", suffixed("bob 99")]);
  assertEquals([names.keyOf("dan"), names.keyOf(suffixed("bob 99"))], [
    keyOf("dan 99"),
    keyOf("bob 99"),
  ]);
  assertEquals(names.keyOf("bob"), keyOf("bob"));
  assertEquals(names.trust("bob"), null);
  meetings.present({ bob: "bob" });
  assertEquals([names.names(), names.keyOf("dan")], [["bob"], null]);

  assertEquals(meetings.met({ bob: "bob", dan: "dan" }), []);
  assertEquals(meetings.shown("dan"), ["dan"]);
});

Deno.test("MemberNames show a newcomer apart as soon as its name is somebody else's", () => {
  const meetings = new Meetings();
  meetings.present({ first: "bob" });
  assertEquals(meetings.shown("first"), ["bob"]);

  meetings.met({ bob: "bob" });

  assertEquals(meetings.shown("bob", "first"), ["bob", suffixed("first")]);
  assertEquals(meetings.names.trust(suffixed("first"))?.key, keyOf("first"));
  assertEquals(meetings.shown("bob", "first"), [suffixed("bob"), "bob"]);
});

Deno.test("MemberNames show an author apart whose name is a member's whom we met later", () => {
  const meetings = new Meetings();
  assertEquals(meetings.names.shown(keyOf("first"), "bob"), "bob");

  meetings.met({ bob: "bob" });

  assertEquals(meetings.names.shown(keyOf("first"), "bob"), suffixed("first"));
});

/** Two whose fingerprints begin alike. */
function alike(): readonly [string, string] {
  const seen = new Map<string, string>();
  for (let number = 0;; number++) {
    const who = `bob ${number}`;
    const start = fingerprintOf(keyOf(who)).slice(0, 4);
    const before = seen.get(start);
    if (before !== undefined) return [before, who];
    seen.set(start, who);
  }
}

Deno.test("MemberNames show a key that is refused in another program as somebody else's until it is accepted there", () => {
  const bob = fingerprintOf(keyOf("bob"));
  const here = new Meetings();
  assertEquals(here.names.shown(keyOf("bob"), "bob"), "bob");
  here.names.refuse("Bob", bob);
  assertEquals(here.names.shown(keyOf("bob"), "bob"), suffixed("bob"));
  here.names.unrefused("Bob", bob);
  assertEquals(here.names.shown(keyOf("bob"), "bob"), "bob");
  assertEquals(here.names.shown(keyOf("eve"), "bob") === "bob", false, "bob's key is pinned again");
});

Deno.test("MemberNames show a refused key as somebody else's, also when it comes again, until it is accepted", () => {
  const meetings = new Meetings();
  const { names } = meetings;
  meetings.met({ bob: "bob" });

  names.refuse("bob", fingerprintOf(keyOf("bob")));

  assertEquals(meetings.shown("bob"), [suffixed("bob")]);
  assertEquals(meetings.met({ bob: "bob" }), [], "the user knows");
  assertEquals(meetings.met({ real: "bob" }), []);
  assertEquals(meetings.shown("real", "bob"), ["bob", suffixed("bob")]);
  assertEquals(names.trust(suffixed("bob")), { name: "bob", key: keyOf("bob") });
  assertEquals(meetings.shown("bob"), ["bob"]);

  const refused = [{ name: "Bob", fingerprint: fingerprintOf(keyOf("bob")) }];
  const later = new Meetings(refused);
  const [told] = later.met({ bob: "bob" });
  assertStringIncludes(told!, "whose digits you found to be different");
  assertEquals(later.shown("bob"), [suffixed("bob")]);
});

Deno.test("MemberNames tells the user whose shown name changes by a command", () => {
  const meetings = new Meetings();
  meetings.met({ bob: "bob" });
  const told = (work: () => void) => {
    meetings.out.begin(0);
    work();
    return meetings.out.take().flatMap((effect) =>
      effect.type === "show" && effect.event.event === "notice" ? [effect.event.text] : []
    );
  };

  assertEquals(told(() => meetings.names.refuse("bob", fingerprintOf(keyOf("bob")))), [
    `bob is now ${suffixed("bob")}`,
  ]);
  assertEquals(told(() => meetings.names.trust("bob")), [`${suffixed("bob")} is now bob`]);
});

Deno.test("MemberNames tells all apart who have one name in the log, unless one of them is pinned", () => {
  const meetings = new Meetings();
  const { names } = meetings;
  assertEquals(names.shown(keyOf("bob"), "bob"), "bob");
  assertEquals(names.shown(keyOf("mallory"), "Bob"), `Bob${suffixed("mallory").slice(3)}`);
  assertEquals(names.shown(keyOf("bob"), "bob"), suffixed("bob"));

  meetings.met({ bob: "bob" });
  assertEquals(names.shown(keyOf("bob"), "bob"), "bob");
  assertEquals(names.shown(keyOf("mallory"), "bob"), suffixed("mallory"));
});

Deno.test("MemberNames knows from the log's views whose names were shared before anything is shown", () => {
  const { names } = new Meetings();
  names.recorded(new Map([[foldName("bob"), [keyOf("bob"), keyOf("mallory")]]]));
  assertEquals(names.shown(keyOf("bob"), "bob"), suffixed("bob"));
});

Deno.test("MemberNames shows nobody else under our own name", () => {
  const meetings = new Meetings();
  const { names } = meetings;
  const start = fingerprintOf(keyOf("mallory")).slice(0, 4);
  assertEquals(names.shown(keyOf("mallory"), "Me"), `Me~${start}`);
  assertEquals(names.shown(keyOf("me"), "me"), "me");
  assertStringIncludes(meetings.met({ mallory: "me" })[0]!, "a different key");
  assertEquals(names.shown(keyOf("mallory"), "me"), `me~${start}`);
});

Deno.test("MemberNames remember no more names than may be, and of more those alone whom the user asks for", () => {
  const out = new MemberOutput(() => true);
  const strangers = Array.from({ length: PINS_MAX - 1 }, (_, at) => `n${at}`);
  const pins = new Map(strangers.map((name) => [name, fingerprintOf(keyOf("eve"))]));
  const names = new MemberNames(keyOf("me"), pins, out);
  const pinned = (work: () => unknown) => {
    out.begin(0);
    work();
    return out.take().flatMap((effect) => effect.type === "pin" ? [effect.name] : []);
  };
  const met = (...people: readonly string[]) =>
    pinned(() => names.met(people.map((name) => ({ ...MEMBER, key: keyOf(name), name }))));
  assertEquals(met("ann"), ["ann"]);
  assertEquals(met("bob", "cem"), []);
  assertEquals(names.shown(keyOf("bob"), "bob"), "bob");
  assertEquals(names.trust("dan"), null);
  assertEquals(pinned(() => names.trust("bob")), ["bob"]);
  assertEquals(names.trust("bob"), null, "that is known now");
});
