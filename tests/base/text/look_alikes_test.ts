import { assertEquals } from "@std/assert";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { LookAlikes, lookOf } from "../../../lib/base/text/look_alikes.ts";
import { markImitation, parseName, shownName, withoutMark } from "../../../lib/base/text/names.ts";
import { fakeSigner } from "../../sim/fake_crypto.ts";

/** Which of these names, told in this order, look like one before them. */
function imitations(...names: readonly string[]): readonly string[] {
  const known = new LookAlikes();
  return names.flatMap((name) => known.note(parseName(name)));
}

for (
  const [imitated, imitation, how] of [
    ["Alice", "\u0410\u04cf\u0456\u0441\u0435", "all of it Cyrillic"],
    ["Alice", "AIice", "ASCII"],
    ["alice", "AIice", "ASCII, for a name in another case"],
    ["Alice", "AL1CE", "ASCII, in upper case"],
    ["Alice", "a1ice", "ASCII, with a digit"],
    ["coco", "\u0441\u043e\u0441\u043e", "Cyrillic"],
    ["Tom", "\u03a4\u039f\u039c", "Greek"],
    ["NANCY", "\u039d\u0391\u039d\u03f9\u03a5", "Greek, with a lunate sigma"],
    ["coco", "\u03f2\u03bf\u03f2\u03bf", "Greek, with small lunate sigmas"],
    ["Stefan", "Ste\u017fan", "with a long s"],
    ["Stefan", "Ste\u1e9can", "with a long s with a stroke"],
    ["Stefan", "Ste\ua77can", "with an insular f"],
    ["Ste\u1e1fan", "Ste\u1e9ban", "with a long s with a dot"],
    ["Often", "O\ufb05en", "with a long s and t in one letter"],
    ["Hop", "\u041d\u041e\u0420", "Cyrillic, in upper case"],
    ["\u041d\u041e\u0420", "HOP", "Latin, for a Cyrillic name"],
    ["bob", "\uab9f\uabbb\uab9f", "Cherokee"],
    ["Eva", "\u13ac\u13d9\u13aa", "Cherokee, in upper case"],
    ["Bob", "B0b", "a digit"],
    ["Tom", "Torn", "two letters for one"],
    ["Zo\u00eb", "Z\u043e\u00eb", "with an accent"],
    ["william", "vvilliam", "two letters that look like one"],
    ["William", "VVilliam", "two capital letters that look like one"],
    ["Alice", "Ali\u0307ce", "a dot over a letter that has one"],
    ["jim", "j\u0307i\u0307m", "two dots over letters that have them"],
    ["Kiss", "K\u0131\u0307ss", "a dot over a letter that has lost it"],
    ["Maja", "Ma\u0237\u0307a", "a dot over a j that has lost it"],
    ["Maja", "Ma\u{1d6a5}\u0307a", "a dot over a j of mathematics that has lost it"],
    ["Jon", "\u0237on", "a j that has lost its dot, for a name in another case"],
    ["Li", "L\u0131\u0307", "a dot at the end"],
    ["Alice", "Alice\u0332", "a line below"],
    ["Bob", "Bo\u1e05", "a dot below"],
    ["Alice", "Alice\u302a", "a tone mark of Chinese"],
    ["Bob", "Bob\u3099", "a voicing mark of Japanese"],
    ["Bob", "Bob\u20e5", "a mark of symbols"],
    ["Bob", "Bob\u1ab0", "a mark of phonetics"],
    ["obrien", "o\u02bcbrien", "an apostrophe that is a letter"],
    ["Bob", "Bob\u02d0", "a colon that is a letter"],
    ["Bob", "Bob\u02d1", "half a colon that is a letter"],
    ["Bob", "Bob\u02cc", "a low stroke that is a letter"],
    ["Bob", "Bob\u02ce", "a low accent that is a letter"],
    ["Bob", "Bob\u02cd", "a low line that is a letter"],
    ["Bob", "Bob\ua788", "a low circumflex that is a letter"],
    ["Bob", "Bo\u02c6b", "a circumflex that is a letter"],
    ["Bob", "Bob\u02ba", "two strokes that are a letter"],
    ["Bob", "Bob\u02ee", "two apostrophes that are a letter"],
    ["Jill", "Ji\ua781\ua781", "a turned L"],
    ["Bob", "Bob.", "a full stop at the end"],
    ["Bob", "Bob_-", "other signs at the end"],
    ["Bob", "B\u043eb-", "a sign after a Cyrillic letter"],
    ["Bob", "\u0299\u1d0f\u0299", "small capitals"],
    ["BOB", "\u0299\u1d0f\u0299", "small capitals, for a name in upper case"],
    ["Clara", "\u1d04\u029f\u1d00\u0280\u1d00", "small capitals"],
    ["Vicky", "\u1d20\u026a\u1d04\u1d0b\u028f", "small capitals"],
    ["Mary", "\u1d0d\u1d00\u0280\u028f", "small capitals"],
    ["Mary", "M\u1d00\u0280\u028f", "small capitals after a large one"],
    ["ABBY", "A\u0299\u0299Y", "small capitals between large ones"],
    ["Rita", "\u0280\u026a\u1d1b\u1d00", "small capitals"],
    ["Rita", "\u{107aa}\u1da6\u1d1b\u1d00", "raised small capitals"],
    ["Ivan", "\ua7aevan", "the large form of a small capital"],
    ["\u0141ukasz", "\u1d0c\u1d1c\u1d0b\u1d00\ua731\u1d22", "small capitals, one with a stroke"],
    ["Zo\u00eb", "\u1d22\u1d0f\u1d07\u0308", "small capitals, with an accent"],
    ["Eva", "\uab7c\uaba9\uab7a", "small Cherokee letters, which look like small capitals"],
    ["Bob", "\u2c83\u2c9f\u2c83", "small Coptic letters, which look like small capitals"],
    ["\u0432\u043e\u0432", "\u0299\u1d0f\u0299", "small capitals, for a Cyrillic name"],
    ["Kate", "\u0138\u1d00\u1d1b\u1d07", "a kra, which looks like a small capital"],
  ] as const
) {
  Deno.test(`a name that looks like another is an imitation: ${imitation} of ${imitated}, ${how}`, () => {
    assertEquals(imitations(imitated, imitation), [imitation]);
    assertEquals(imitations(imitation, imitated), [imitated]);
    const batch = new LookAlikes();
    assertEquals([...batch.note(imitated, "1"), ...batch.note(imitation, "1")], [
      imitated,
      imitation,
    ]);
  });
}

Deno.test("a name that looks like a key is an imitation, whether anybody has that key or not", () => {
  const key = fingerprintOf(fakeSigner("Ann").key);
  for (
    const name of [
      key,
      key.toUpperCase(),
      key.replaceAll("a", "\u1d00").replaceAll("b", "\u0299").replaceAll("n", "\u0274"),
      `${key}.`,
      key.slice(1),
      `${key.slice(0, 9)}-${key.slice(9)}`,
    ]
  ) {
    assertEquals(imitations(name), [name]);
  }
  assertEquals(imitations("Maximilian_Konstantin", "Ann-2024", "k7f3"), []);
});

Deno.test("a name that looks like another with the start of a key is an imitation", () => {
  const known = new LookAlikes();
  const noted = ["Bob", "Bob~k7f3", "Bob-k7f3", "B0b_k7f3", "bob.k7f3", "Bob-k7f4", "Ann-k7f3"].map(
    (
      name,
    ) => known.note(name),
  );
  assertEquals(noted.flat(), ["Bob-k7f3", "B0b_k7f3", "bob.k7f3"]);
});

Deno.test("honest names of one script imitate nobody, beside each other too", () => {
  const names = [
    "\u0410\u043d\u044f", // Anya
    "Anna",
    "\u0410\u043d\u043d\u0430", // Anna
    "Maria",
    "\u041c\u0430\u0440\u0438\u044f", // Mariya
    "\u0395\u03bb\u03ad\u03bd\u03b7", // Eleni
    "Elena",
    "\u674e",
    "\u5f20\u4f1f",
    "\u3055\u304f\u3089",
    "\ubbfc\uc900",
    "\u0645\u062d\u0645\u062f",
    "\u05d3\u05d5\u05d3",
    "\u0930\u093e\u091c",
    "Lia",
    "Ila",
    "Ann",
    "Anne",
    "Jos\u00e9",
    "Jose",
    "Zo\u00eb",
    "Vi\u1ec7t",
    "\u0110\u1eb7ng",
    "Ng\u1ecdc",
    "\u0130pek",
    "W\u0105s",
    "Was",
    "\u304b\u304a",
    "\u304c\u304a",
    "Ka\u02bbiulani",
    "\u05d3\u05d5\u05d9\u05d3",
    "Bob1",
    "Bob2",
    "bob-smith",
    "Clara",
    "Dara",
  ];
  assertEquals(imitations(...names), []);
  for (const name of names) assertEquals(imitations(name), []);
});

/**
 * Marks above a letter are seen, however many and whether a language writes them or not: who is called so isn't taken
 * for the one without them. Points are seen in scripts that have them.
 */
for (
  const [one, other, how] of [
    ["Bob", "Bob\u0300\u0323", "the grave accent is seen, though the dot below isn't"],
    ["Zoe", "Zo\u00eb", "German"],
    ["Nguyen", "Nguy\u1ec5n", "Vietnamese, two marks above one letter"],
    ["Viet", "Vi\u1ec7t", "Vietnamese, a mark above and one below"],
    ["Tola", "T\u1ecd\u0301l\u00e1", "Yoruba, a mark above and one below"],
    ["\u05d3\u05d5\u05d3", "\u05d3\u05bc\u05b8\u05d5\u05b4\u05d3", "Hebrew, with points"],
    ["Tom", "\u0422\u043e\u043c", "Russian, whose small letters look like small capitals"],
    ["Nikos", "\u039d\u03af\u03ba\u03bf\u03c2", "Greek, whose kappa looks like a small capital"],
  ] as const
) {
  Deno.test(`an honest name isn't marked beside one like it: ${other} beside ${one}, ${how}`, () => {
    assertEquals(imitations(one, other), []);
    assertEquals(imitations(other, one), []);
  });
}

Deno.test("a name is the same in each case and with the start of a key, and imitates itself never", () => {
  assertEquals(imitations("Alice", "ALICE", "alice", "Alice"), []);
  const known = new LookAlikes();
  assertEquals(["Bob", "Bob~k7f3", "B0b~k7f3", "B0b"].map((name) => known.note(name)), [
    [],
    [],
    ["B0b"],
    [],
  ]);
});

Deno.test("an imitation isn't imitated, and the later one is marked whichever came first", () => {
  assertEquals(imitations("AIice", "Alice", "A1ice"), ["Alice", "A1ice"]);
});

Deno.test("of those whose order nobody knows both are marked, and neither because of one that comes later", () => {
  const known = new LookAlikes();
  assertEquals(known.note("Alice", "first"), []);
  assertEquals(known.note("Bob", "first"), []);
  assertEquals(known.note("B0b", "first"), ["Bob", "B0b"]);
  assertEquals(known.note("AIice", "second"), ["AIice"]);
  assertEquals(known.note("A1ice"), ["A1ice"]);
});

Deno.test("beyond 10,000 names, imitations of those before are still found", () => {
  const known = new LookAlikes();
  known.note("Alice");
  for (let n = 0; n < 10_050; n++) known.note(`user${n}`);
  assertEquals([known.note("AIice"), known.note("Alice")], [["AIice"], []]);
});

Deno.test("lookOf() has what the table says, in ASCII and beyond it", () => {
  assertEquals(lookOf("ImO01"), "lrnool");
  assertEquals(lookOf("ImO01\u0301"), "lrnool\u0301");
  assertEquals(lookOf("\u0410\u04cf\u0456\u0441\u0435"), "Alice");
});

Deno.test("shownName() marks an imitation, with the start of a key too, and nobody else", () => {
  markImitation("Ma11ory~k7f3");
  for (const name of ["Ma11ory", "ma11ory", "Ma11ory~k7f3"]) {
    assertEquals(shownName(name), `\u2248${name}`);
    assertEquals(withoutMark(shownName(name)), name);
  }
  assertEquals(shownName("Mallory"), "Mallory");
});

Deno.test("a name that looks like one of the program's own words is marked, whoever is here", () => {
  for (
    const name of [
      "y0u",
      "Y0U",
      "\u028f\u1d0f\u1d1c", // small capitals
      "you\u0332",
      "directory",
      "D1rectory",
      "P2pchat",
      "C00rdinator",
      "INFO",
      "lNF0",
      "1nfo",
      "\u026a\u0274\ua730\u1d0f", // small capitals
      "\u1d05\u026a\u0280\u1d07\u1d04\u1d1b\u1d0f\u0280\u028f", // small capitals
    ]
  ) assertEquals(imitations(name), [name]);
  assertEquals(imitations("your", "inform", "Info2", "youssef"), []);
});
