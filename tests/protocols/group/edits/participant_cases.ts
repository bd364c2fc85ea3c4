/** A member in an edit: what it is asked by a coordinator that a test speaks for, and what it says. */

import { assertEquals } from "@std/assert";
import type { EditPolicy, SignedEditRequest } from "../../../../lib/protocols/group/schema/edit.ts";
import type { SignedBatch } from "../../../../lib/protocols/group/schema/history.ts";
import type { GroupMessageOf } from "../../../../lib/protocols/group/schema/messages.ts";
import type { MemberRecord } from "../../../../lib/protocols/group/schema/records.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { Decider, editOf, idOf, requestOf } from "../edit_fixtures.ts";
import { COORDINATOR, GROUP, GroupNet, type Node } from "../group_net.ts";

/** Ann, Bob and Cem; the first two have said something, entries 1 and 2. */
export function started(names: readonly string[] = ["ann", "bob", "cem"]): GroupNet {
  const net = GroupNet.started(names);
  net.nodes[0]!.say("one");
  net.settle();
  net.nodes[1]?.say("two");
  net.settle();
  forgetTold(net);
  return net;
}

export function forgetTold(net: GroupNet): void {
  net.coordinator.got.length = 0;
  for (const node of net.nodes) node.events = [];
}

/** The three of a net. */
export function three({ nodes: [ann, bob, cem] }: GroupNet): readonly [Node, Node, Node] {
  return [ann!, bob!, cem!];
}

export function prepareOf(
  signed: SignedEditRequest,
  changes: Partial<GroupMessageOf<"prepare">> = {},
): GroupMessageOf<"prepare"> {
  return { type: "prepare", edit: 1, view: 1, signed, voteMs: 30_000, ...changes };
}

/** The coordinator asks these, or all, under this rule, and hears what they say. */
export function ask(
  net: GroupNet,
  signed: SignedEditRequest,
  { policy = "own", ...changes }:
    & Partial<GroupMessageOf<"prepare">>
    & { readonly policy?: EditPolicy } = {},
  nodes: readonly Node[] = net.nodes,
): void {
  net.ruleIs(policy);
  for (const node of nodes) net.coordinator.send(node, prepareOf(signed, changes));
  net.settle();
}

/** What they said, each the last thing: `yes`, or why not. */
export function votes(net: GroupNet): readonly string[] {
  return net.nodes.map((node) => {
    const last = net.coordinator.gotFrom(node, "vote").at(-1);
    return last === undefined ? "nothing" : last.agrees ? "yes" : `no: ${last.reason}`;
  });
}

export function kinds(node: Node): readonly MemberRecord["kind"][] {
  return node.disk.records.map(({ kind }) => kind);
}

export function locks(net: GroupNet): readonly (readonly number[])[] {
  return net.nodes.map(({ machine }) => machine!.membership!.voting.locks);
}

export function errors(node: Node): readonly string[] {
  return node.told("error").map(({ code, text, detail }) =>
    `${code}: ${text}${detail === undefined ? "" : `: ${detail}`}`
  );
}

export function notices(node: Node): string {
  return node.told("notice").map(({ text }) => text).join("\n");
}

/** What users were told of edits: `committed`, `aborted: why`. */
export function outcomes(node: Node): readonly string[] {
  return node.told("edit").map(({ edit, outcome, reason }) =>
    outcome === "committed" ? `${edit} committed` : `${edit} ${outcome}: ${reason}`
  );
}

export function commit(
  net: GroupNet,
  signed: SignedBatch,
  nodes: readonly Node[] = net.nodes,
): void {
  for (const node of nodes) net.coordinator.send(node, { type: "committed", signed });
  net.settle();
}

/** Who has said entries 1 and 2. */
export const AUTHORS = ["ann", "bob"].map((name) => ({ name, signer: fakeSigner(name) }));

/** Committed as edit 1. @param agreed Absent: the author, where somebody else has asked. */
export function decisionOn(
  signed: SignedEditRequest,
  agreed: readonly typeof AUTHORS[number][] = authorOf(signed),
): SignedBatch {
  return new Decider(COORDINATOR, GROUP).decides([editOf(1, signed, agreed)]);
}

function authorOf({ request: { value } }: SignedEditRequest): readonly typeof AUTHORS[number][] {
  const author = AUTHORS[value.seq - 1];
  return author === undefined || author.signer.key === value.requester ? [] : [author];
}

/** The coordinator is gone, and everybody knows it. */
export function vanish(net: GroupNet): void {
  net.coordinator.vanish();
  net.settle();
}

/** What it told other members of a kind. */
export function tells<Type extends "committed" | "aborted" | "inquire">(
  node: Node,
  type: Type,
): readonly GroupMessageOf<Type>[] {
  return node.effects.flatMap((effect) =>
    effect.type === "tell" && effect.message.type === type
      ? [effect.message as GroupMessageOf<Type>]
      : []
  );
}

/** Bob, or another one, asks Ann what became of edits while the coordinator is away. */
export function inquire(
  net: GroupNet,
  signed: readonly SignedEditRequest[],
  { view = 1, by = net.nodes[1]! }: { readonly view?: number; readonly by?: Node } = {},
): void {
  const [ann] = net.nodes;
  const edits = signed.map((one) => ({
    id: idOf(one),
    edit: 1,
    seq: one.request.value.seq,
    view,
  }));
  net.tell(by, ann!.key, { type: "inquire", edits });
  net.settle();
}

/** Bob has agreed to an edit of Ann's, and is started again, with its view. */
export function restartedInDoubt(): {
  readonly net: GroupNet;
  readonly signed: SignedEditRequest;
  readonly bob: Node;
} {
  const net = started();
  const [ann, bob] = three(net);
  const signed = requestOf(ann, GROUP, 1, "uno");
  ask(net, signed);
  bob.kill({ power: true });
  bob.start();
  net.settle();
  assertEquals(bob.machine!.membership!.voting.locks, [1]);
  net.coordinator.got.length = 0;
  net.coordinator.change(...net.nodes);
  net.settle();
  net.pass(100);
  return { net, signed, bob };
}
