/** A yes is signed by whose user was asked, and no decision counts without it. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  type Consent,
  consentTo,
  isConsentOf,
} from "../../../../lib/protocols/group/identity/consents.ts";
import {
  type Edit,
  type SignedEditRequest,
  textDigest,
} from "../../../../lib/protocols/group/schema/edit.ts";
import type { GroupMessageOf } from "../../../../lib/protocols/group/schema/messages.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { Decider, editOf, forged, requestOf } from "../edit_fixtures.ts";
import { COORDINATOR, GROUP, type Node } from "../group_net.ts";
import {
  ask,
  AUTHORS,
  commit,
  decisionOn,
  errors,
  notices,
  restartedInDoubt,
  started,
  three,
} from "./participant_cases.ts";

Deno.test("a yes is signed by whose user was asked: for that request, entry, old and new text", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 1, "uno");
  ask(net, signed);
  ann.command({ command: "go", edit: 1 });
  net.settle();

  const [{ consent }] = net.coordinator.gotFrom(ann, "vote") as [GroupMessageOf<"vote">];
  const is = (changes: Partial<Consent>) =>
    isConsentOf(
      fakeCrypto,
      ann.key,
      { ...consentTo(fakeCrypto, signed), ...changes },
      consent!,
    );
  assert(is({}));
  const other = textDigest(fakeCrypto, "other");
  for (const changes of [{ old: other }, { new: other }, { entry: ann.entryNow(2)!.id }]) {
    assertEquals(is(changes), false);
  }
  assertEquals([is({ agrees: false }), is({ group: other })], [false, false]);
  for (const node of [bob, cem]) {
    assertEquals(net.coordinator.gotFrom(node, "vote")[0]?.consent, null);
  }
});

Deno.test("after a restart a consent that was on disk is signed again, and nobody is asked", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(cem, GROUP, 2, "due");
  ask(net, signed);
  bob.command({ command: "go", edit: 1 });
  net.settle();
  bob.kill({ power: true });
  bob.start();
  net.settle();
  net.coordinator.change(ann, bob, cem);
  net.settle();
  net.coordinator.got.length = 0;
  ask(net, signed, { view: 2 }, [bob]);
  const [vote] = net.coordinator.gotFrom(bob, "vote");
  const consent = consentTo(fakeCrypto, signed);
  assert(isConsentOf(fakeCrypto, bob.key, consent, vote!.consent!));
  assertEquals(bob.told("vote-wanted"), []);
});

Deno.test("what was agreed to while nobody had to be asked is no consent where one is needed", () => {
  const { net, signed, bob } = restartedInDoubt();
  net.coordinator.got.length = 0;
  ask(net, signed, { view: 2, policy: "ask" }, [bob]);
  assertEquals(net.coordinator.gotFrom(bob, "vote"), []);
});

/** The members' rule is that an author is asked; the entry is Ann's, and Bob asks. */
const UNCONSENTED: readonly (readonly [
  what: string,
  fault: string,
  decide: (signed: SignedEditRequest) => Edit,
])[] = [
  ["nobody's consent", "a consent is missing that the rules need", (signed) => editOf(1, signed)],
  ["a consent that its author never signed", "ann hasn't signed to agree", (signed) => {
    const edit = editOf(1, signed, AUTHORS.slice(0, 1));
    return { ...edit, agreed: edit.agreed.map(forged) };
  }],
  ["a consent to another text", "ann hasn't signed to agree", (signed) => {
    const edit = editOf(1, signed, AUTHORS.slice(0, 1));
    return {
      ...edit,
      agreed: editOf(1, {
        ...signed,
        request: { ...signed.request, value: { ...signed.request.value, text: "due" } },
      }, AUTHORS.slice(0, 1)).agreed,
    };
  }],
  [
    "somebody else's consent",
    "others are said to agree",
    (signed) => editOf(1, signed, [{ name: "cem", signer: fakeSigner("cem") }]),
  ],
  ["a consent twice", "others are said to agree", (signed) => {
    const edit = editOf(1, signed, AUTHORS.slice(0, 1));
    return { ...edit, agreed: [...edit.agreed, ...edit.agreed] };
  }],
];

for (const [what, fault, decide] of UNCONSENTED) {
  Deno.test(`a decision with ${what} takes no place, and all are told so`, () => {
    const net = started();
    const [ann, bob] = three(net);
    const signed = requestOf(bob, GROUP, 1, "uno");
    ask(net, signed);
    const decision = new Decider(COORDINATOR, GROUP).decides([decide(signed)]);
    commit(net, decision);

    for (const node of net.nodes) {
      assertEquals(node.disk.log.length, 2);
      assertEquals(errors(node), [], "the link stays");
      assertStringIncludes(notices(node), fault);
      const lie = "The coordinator has decided on an edit that can't be";
      assertEquals(notices(node).split(lie).length, 2);
      node.command({ command: "status" });
      net.settle();
      assertStringIncludes(node.told("status").at(-1)!.problems.join(), lie);
    }
    // It says so again, on each link: users are told once, and it each time.
    net.pass(10_000);
    commit(net, decision);
    for (const node of net.nodes) {
      assertEquals(notices(node).match(/can't be/g)?.length, 1);
      assertEquals(net.coordinator.gotFrom(node, "impossible").map(({ through }) => through), [
        1,
        1,
      ]);
    }
    // No member passes it on, or takes it from one that does.
    net.tell(ann, bob.key, { type: "data", signed: decision });
    net.settle();
    assertEquals(bob.disk.records.filter(({ kind }) => kind === "held").length, 2);
  });
}

Deno.test("a decision on an entry that there isn't takes no place, and all are told so at once", () => {
  const net = started();
  three(net);
  const request = requestOf({ name: "cem", signer: fakeSigner("cem") }, GROUP, 9, "uno");
  commit(net, new Decider(COORDINATOR, GROUP).decides([editOf(1, request)]));
  for (const node of net.nodes) {
    assertStringIncludes(notices(node), "an edit that can't be: edit 1: there is no entry 9");
    assertEquals(net.coordinator.gotFrom(node, "impossible").map(({ through }) => through), [1]);
  }
});

Deno.test("a decision that was made before takes no second place", () => {
  const net = started();
  const [ann] = three(net);
  const [{ text: was }, decider] = [ann.entryNow(1)!, new Decider(COORDINATOR, GROUP)];
  const request = requestOf(ann, GROUP, 1, "uno");
  commit(net, decider.decides([editOf(1, request)]));
  commit(net, decider.decides([editOf(2, requestOf(ann, GROUP, 1, was))]));
  commit(net, decider.decides([editOf(3, request)]));

  for (const node of net.nodes) {
    assertEquals(node.entryNow(1)!.text, was);
    const lie = "edit 3: what was asked for was done before";
    assertStringIncludes(notices(node), `decided on an edit that can't be: ${lie}`);
  }
  // Nor within one decision.
  const bob = started();
  const again = requestOf(bob.nodes[0]!, GROUP, 1, "uno");
  const back = requestOf(bob.nodes[0]!, GROUP, 1, was, { old: textDigest(fakeCrypto, "uno") });
  const one = new Decider(COORDINATOR, GROUP);
  commit(bob, one.decides([editOf(1, again), editOf(2, back), editOf(3, again)]));
  assertEquals(bob.nodes.map(({ disk }) => disk.log.length), [2, 2, 2]);
});

Deno.test("the rule ask: all others of the view that voted have to agree", () => {
  const net = started();
  const [, bob] = three(net);
  net.ruleIs("ask");
  const signed = requestOf(bob, GROUP, 1, "uno");
  commit(net, decisionOn(signed));
  assertStringIncludes(notices(bob), "a consent is missing that the rules need");
  assertEquals(bob.disk.log.length, 2);

  // As a view that never was had no other members.
  const made = started();
  made.ruleIs("ask");
  const unseen = editOf(1, requestOf(made.nodes[1]!, GROUP, 1, "uno"), [], { view: 2 });
  commit(made, new Decider(COORDINATOR, GROUP).decides([unseen]));
  assertStringIncludes(notices(made.nodes[0]!), "view 2, said to have voted, never was");

  const other = started();
  other.ruleIs("ask");
  const cem = { name: "cem", signer: fakeSigner("cem") };
  commit(other, decisionOn(requestOf(other.nodes[1]!, GROUP, 1, "uno"), [AUTHORS[0]!, cem]));
  assertEquals(other.nodes.map(({ disk }) => disk.log.length), [3, 3, 3]);
});

Deno.test("a consent in its user's name that it never gave is told to the user, and stays in /status", () => {
  const problems = (node: Node) => {
    node.command({ command: "status" });
    node.net.settle();
    return node.told("status").at(-1)!.problems.join("\n");
  };
  // Somebody else has Ann's key: the signature is good.
  const net = started();
  const [ann, bob, cem] = three(net);
  commit(net, decisionOn(requestOf(bob, GROUP, 1, "uno")));
  assertEquals(ann.disk.log.length, 3);
  assertStringIncludes(notices(ann), "Edit 1 says that you agreed, and you didn't");
  assertStringIncludes(problems(ann), "Edit 1 says that you agreed, and you didn't");
  assertEquals(problems(cem).includes("you agreed"), false);

  // Here it is forged.
  const other = started();
  const [anna, boris] = three(other);
  const edit = editOf(2, requestOf(boris, GROUP, 1, "uno"), AUTHORS.slice(0, 1));
  const agreed = edit.agreed.map(forged);
  commit(other, new Decider(COORDINATOR, GROUP).decides([{ ...edit, agreed }]));
  assertStringIncludes(problems(anna), "Edit 2 says that you agreed, and you didn't");
  assertEquals(problems(boris).includes("you agreed"), false);

  // And here its user has agreed.
  const third = started();
  const [anne, bert] = three(third);
  const asked = requestOf(bert, GROUP, 1, "uno");
  ask(third, asked);
  anne.command({ command: "go", edit: 1 });
  third.settle();
  commit(third, decisionOn(asked));
  assertEquals(problems(anne).includes("you agreed"), false);
});

Deno.test("a user who agreed to another text under the same id is told of a consent that it took for void", () => {
  const net = started();
  const [ann, bob] = three(net);
  const first = requestOf(bob, GROUP, 1, "uno");
  const agreesTo = (signed: SignedEditRequest, edit: number) => {
    ask(net, signed, { edit });
    ann.command({ command: "go", edit });
    net.settle();
  };
  agreesTo(first, 1);
  agreesTo(requestOf(bob, GROUP, 1, "eins", { number: first.request.value.number }), 2);
  assertEquals(notices(ann).includes("you didn't"), false);

  commit(net, decisionOn(first));
  assertEquals(ann.disk.log.length, 3);
  assertStringIncludes(notices(ann), "Edit 1 says that you agreed, and you didn't");
});
