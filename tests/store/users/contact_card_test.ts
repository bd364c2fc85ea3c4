import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { Fingerprint } from "../../../lib/base/text/fingerprint.ts";
import {
  checkContact,
  type Contact,
  contactCard,
  parseContactCard,
} from "../../../lib/store/users/contact_card.ts";
import { userInfoRows } from "../../../lib/store/users/user_info.ts";

const KEY = "xsazfbd3ockoqe46yrkpuxern4x" as Fingerprint;
const OTHER = "gdooot5va4u7yw64bkewydfpy3m" as Fingerprint;
const BOB: Contact = {
  name: "bob",
  endpoint: { host: "192.168.1.5", port: 5_001 },
  fingerprint: KEY,
};
const CARD = "p2pchat-card:bob@192.168.1.5:5001#xsazfbd3ockoqe46yrkpuxern4x.ux2tsqyk";

Deno.test("contactCard() says who and where in one word, which parseContactCard() reads", () => {
  assertEquals(contactCard(BOB), CARD);
  const others: readonly Contact[] = [
    BOB,
    { ...BOB, name: "Zoë-1_x.y" },
    { ...BOB, name: "Ωmega", endpoint: { host: "2001:db8::7", port: 1 } },
    { ...BOB, name: "x".repeat(32), endpoint: { host: "bob.example", port: 65_535 } },
  ];
  for (const contact of others) {
    const card = contactCard(contact);
    assertEquals(card.split(/\s/).length, 1);
    assertEquals(parseContactCard(card), contact);
  }
});

Deno.test("parseContactCard() takes a card as a letter or a terminal has broken it", () => {
  assertEquals(parseContactCard(`  ${CARD.slice(0, 30)}\r\n   ${CARD.slice(30)}\n`), BOB);
});

function refusedAs(text: string): readonly [code: string, text: string] {
  const error = assertThrows(() => parseContactCard(text), P2pchatError);
  return [error.code, error.message];
}

Deno.test("parseContactCard() refuses a card that is torn anywhere, or has any other character", () => {
  for (let at = 0; at < CARD.length; at++) {
    const other = CARD[at] === "3" ? "4" : "3";
    for (
      const text of [
        CARD.slice(0, at),
        CARD.slice(0, at) + other + CARD.slice(at + 1),
        CARD.slice(at + 1),
      ]
    ) {
      const [code, why] = refusedAs(text);
      assertEquals(code, "usage", text);
      assert(/^That is no contact card: |^The contact card isn't whole/.test(why), why);
    }
  }
  for (
    const text of [
      "",
      "bob 192.168.1.5 5001",
      `${CARD}${CARD}`,
      `x${CARD}`,
      CARD + "a".repeat(5_000),
    ]
  ) {
    assertEquals(refusedAs(text)[0], "usage", text.slice(0, 40));
  }
});

Deno.test("parseContactCard() refuses what no friend has, though the letters fit", () => {
  const made = (contact: Partial<Contact>) => contactCard({ ...BOB, ...contact });
  const at = (host: string, port = 5_001) => made({ endpoint: { host, port } });

  for (
    const card of [
      at("0.0.0.0"),
      at("::"),
      at("no host!".replace(" ", "")),
      at("bob.example", 70_000),
    ]
  ) {
    const [code, why] = refusedAs(card);
    assertEquals(code, "usage", card);
    assertStringIncludes(why, "Cannot use the contact card: ");
  }
  assertEquals(refusedAs(made({ name: "you" }))[0], "bad-name");
  assertEquals(refusedAs(made({ name: "-bob" }))[0], "bad-name");
  assertEquals(refusedAs(made({ fingerprint: KEY.replace("4", "5") as Fingerprint }))[0], "usage");
});

Deno.test("checkContact() refuses a name that is there, and says what is different", () => {
  const check = (row: string, card = BOB) =>
    checkContact("users.txt", userInfoRows("users.txt", utf8(`${row}\n`)), card);

  check("carol 192.168.1.6 5001");
  const refused: readonly (readonly [row: string, code: string, text: string])[] = [
    [`BOB 192.168.1.5 5001 ${OTHER}`, "key-changed", `key is ${OTHER}, and the card says ${KEY}`],
    [
      `bob 192.168.1.9 5001 ${KEY}`,
      "name-taken",
      "at 192.168.1.9:5001; if bob has moved, write 192.168.1.5:5001 there",
    ],
    [`bob 192.168.1.5 5001 ${KEY}`, "name-taken", "has bob already, as the card says"],
    [
      "bob 192.168.1.5 5001",
      "name-taken",
      `without a key; if the card is bob's, write ${KEY} behind`,
    ],
  ];
  for (const [row, code, text] of refused) {
    const error = assertThrows(() => check(row), P2pchatError);
    assertEquals(error.code, code, row);
    assertStringIncludes(error.message, text);
    assertStringIncludes(error.message, "users.txt, line 1");
  }
});
