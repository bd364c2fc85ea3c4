/**
 * What the user asks for in the room. What is said comes after what was typed before it, here too: a command waits while
 * lines before it aren't on disk, and all but a status wait for a ruling that isn't: who is being removed reads nothing of it.
 * They wait for a new name, too, under which they are to go out, until a neighbour has admitted it, or nobody does.
 */

import { P2pchatError } from "../../../base/errors.ts";
import { type Fingerprint, fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { Endpoint, PeerKey } from "../../../base/ids.ts";
import type { ModeEvent, VerifyCommand } from "../../../base/machine/mode_machine.ts";
import { Comparing } from "../../../base/trust/name_answers.ts";
import { unreachable } from "../../../base/invariant.ts";
import { shownName } from "../../../base/text/names.ts";
import type { RulingKind } from "../authority/kept_rulings.ts";
import { isMessage, type MeshCommand } from "../schema/events.ts";
import type { Give, RoomParts } from "./room_parts.ts";
import { PRIVATE_WAITING_HIGH, PROMPT_BYTES_MAX, PROMPT_MESSAGES_MAX } from "../schema/limits.ts";
import type { AuthorFlow } from "../log/author_flow.ts";
import type { CausalOrder } from "../log/causal_order.ts";
import type { PrivateMessages } from "../private/private_messages.ts";
import type { DeliveryGate } from "./delivery_gate.ts";
import type { RoomEvents } from "./room_events.ts";
import type { RoomOutput } from "./room_output.ts";

type UserCommand = Exclude<MeshCommand, { readonly command: "quit" }>;

/** The `ref` that the user gave with a command. */
type Ref = string | undefined;

export class RoomCommands {
  /** Commands typed after lines or a ruling that aren't on disk yet, in the order in which they were typed. */
  readonly #held: { readonly command: UserCommand; readonly ref: Ref }[] = [];

  #isRenaming = false;
  readonly #comparing: Comparing;

  /**
   * @param entrances Where a newcomer can come in.
   * @param pausedBecause Why the user is asked to wait, as a status shows it.
   */
  constructor(
    readonly parts: RoomParts,
    readonly give: Give,
    readonly entrances: () => readonly Endpoint[],
    readonly pausedBecause: () => string | null,
  ) {
    const show = (event: ModeEvent, ref: Ref) => parts.out.screen({ type: "show", event, ref });
    const refuse = (name: string, fingerprint: Fingerprint) =>
      give("names", { type: "refused", name, fingerprint });
    this.#comparing = new Comparing(parts.signer.key, { show }, refuse);
  }

  /** How many wait, or are under way. */
  get held(): number {
    return this.#held.length + (this.#isRenaming ? 1 : 0);
  }

  /** The name that was asked for is ours, or the user was told why not. */
  nameSettled(): void {
    this.#isRenaming = false;
  }

  /** A message to one member comes after what was said to all before it, here too; a status doesn't wait. */
  typed(command: UserCommand, ref: Ref): void {
    const { command: name } = command;
    const waits = isMessage(command) || name === "history" || name === "name" ||
      (this.#isBusy && name !== "status");
    if (waits) this.#held.push({ command, ref });
    else this.#carryOut(command, ref);
  }

  /**
   * Carries out the commands that waited for the disk, as far as the disk has what was before them. What was said before is
   * asked for by whoever is back, too, before what was said meanwhile has come: that alone waits for it.
   */
  release(): void {
    const { showing, machines: { order, privateMessages } } = this.parts;
    const isDue = ({ command }: { readonly command: UserCommand }) =>
      command.command !== "history" || !showing.awaitsMissed;
    for (let index; !this.#isBusy && (index = this.#held.findIndex(isDue)) >= 0;) {
      const { command, ref } = this.#held[index]!;
      if (command.command !== "say" && order.unsaid().messages > 0) return;
      if (isOfPrivate(command) && privateMessages.isStoring) return;
      this.#held.splice(index, 1);
      this.#carryOut(command, ref);
    }
  }

  get #isBusy(): boolean {
    return this.#isRenaming || this.parts.machines.rulings.isStoring;
  }

  #carryOut(command: UserCommand, ref: Ref): void {
    try {
      this.#perform(command, ref);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      this.parts.view.error(error.code, error.message, ref);
    }
  }

  /** @throws {P2pchatError} What is wrong with the command. */
  #perform(command: UserCommand, ref: Ref): void {
    const { view, showing, neighbours, links } = this.parts;
    const { give } = this;
    switch (command.command) {
      case "say": {
        const token = showing.lineTyped(ref);
        return give("order", { type: "say", texts: [{ text: command.text, token }] });
      }
      case "msg": {
        const receiver = view.receiver(command.name);
        const say = { type: "say", ...receiver, text: command.text } as const;
        return give("privateMessages", ref === undefined ? say : { ...say, ref });
      }
      case "name":
        this.#isRenaming = true;
        return links.claimName(command.name, ref);
      case "peers":
        return view.peers(new Set(neighbours.peers), ref);
      case "presence":
        return give("roster", { type: "presence", change: command.change, ref });
      case "history":
        return view.history(command, ref);
      case "status":
        return this.#status(ref);
      case "verify":
        return this.#verify(command, ref);
      case "whois":
        return view.whois(command.name, new Set(neighbours.peers), ref);
      case "refuse":
        return this.#comparing.refuse(command.name, command.key);
      case "unrefuse":
        return give("names", { type: "unrefused", name: command.name, fingerprint: command.key });
      case "invite": {
        const { rotate, as } = command;
        // Checked before the secret is rotated: nobody could see the new invite.
        if (this.entrances().length === 0) return view.noEntrance(rotate, ref);
        const asked = as === undefined ? { ref } : { as, ref };
        return give("secrets", { type: "invite", rotate, ...asked });
      }
      case "remove":
      case "allow":
        return this.#rule(command.command, command.name, ref);
      case "deputy":
        return this.#rule(command.appoint ? "deputy" : "no-deputy", command.name, ref);
      case "trust":
        return this.#trust(command.name, ref);
      default:
        return unreachable(command);
    }
  }

  #status(ref: Ref): void {
    const { machines, neighbours, flow, view, out: { nowMs } } = this.parts;
    view.status({
      nowMs,
      direct: new Set(neighbours.peers),
      unsent: machines.order.unsaid().messages,
      waiting: machines.privateMessages.waiting(),
      upToDate: (peer) => flow.hasOwn(peer) || machines.isLevel(peer),
      sources: machines.antiEntropy.sources(),
      pausedBecause: this.pausedBecause(),
    }, ref);
  }

  #verify(command: VerifyCommand, ref: Ref): void {
    const { view } = this.parts;
    const found = view.compared(command);
    // The answer comes first: it says why the member is shown under another name then.
    if (!this.#comparing.verify(command, found, null, ref)) throw view.unknownUser(command.name);
    if (found !== null && command.answer === "no") view.refused(found.key);
  }

  #trust(name: string, ref: Ref): void {
    const { machines, view, out } = this.parts;
    const key = view.stranger(name);
    const several = machines.names.severalTold(name, out.nowMs);
    if (several.length > 0) return view.error("unknown-user", severalToldText(name, several), ref);
    const isNew = !machines.names.isKnown(key);
    this.give("names", { type: "trust", key });
    view.trusted(key, name, isNew, ref);
  }

  #rule(kind: RulingKind, typed: string, ref: Ref): void {
    const { machines, view } = this.parts;
    const denial = machines.rulings.denial(kind, shownName(typed));
    if (denial !== null) return view.error(denial.code, denial.text, ref);
    const subject = kind === "allow" ? this.#removedNamed(typed) : view.subject(kind, typed);
    const name = view.nameOf(subject, typed);
    this.give("rulings", { type: "rule", kind, subject, name, ref });
  }

  /**
   * @throws {P2pchatError} `unknown-user`, if it is nobody, or several; `key-changed`, if the user knows another key by
   *   that name.
   */
  #removedNamed(typed: string): PeerKey {
    const { machines, view } = this.parts;
    const removed = machines.removedNamed(typed);
    const [key, ...others] = removed;
    if (key === undefined) return view.notRemoved(typed);
    if (others.length === 0) {
      const fingerprint = fingerprintOf(key);
      if (typed === fingerprint || machines.names.mayMean(typed, key)) return key;
      throw new P2pchatError(
        "key-changed",
        `Cannot allow ${
          shownName(typed)
        } by that name: the key that was removed, ${fingerprint}, isn't the one you ` +
          `know by it; type /allow ${fingerprint} to let this one come back`,
      );
    }
    const keys = removed.map(fingerprintOf).join(", ");
    throw new P2pchatError(
      "unknown-user",
      `Several that were removed have been called ${
        shownName(typed)
      }: name the key, one of ${keys}`,
    );
  }
}

/** Whether the answer has private messages in it: those typed before it, too. */
function isOfPrivate(command: UserCommand): boolean {
  return command.command === "history" &&
    (command.name !== undefined || command.text !== undefined);
}

function severalToldText(typed: string, shown: readonly string[]): string {
  const ways = shown.map((name) => `/trust ${shownName(name)}`).join(" or ");
  return `Several came as ${shownName(typed)} lately: ask who is whom, then type ${ways}`;
}

interface Parts {
  readonly machines: {
    readonly order: Pick<CausalOrder, "unsaid">;
    readonly privateMessages: Pick<PrivateMessages, "size" | "awaited">;
  };
  readonly showing: Pick<DeliveryGate, "state">;
  readonly flow: Pick<AuthorFlow, "waitedFor">;
  readonly view: Pick<RoomEvents, "namesOf">;
  readonly out: Pick<RoomOutput, "nowMs" | "first">;
}

/** Why the user's input is to pause: while this member comes in, for the disk, or for members that are far behind. */
export class RoomPause {
  #because: string | null = null;

  constructor(readonly parts: Parts) {}

  /** Null while the input isn't paused. */
  get because(): string | null {
    return this.#because;
  }

  /** @param isQuitting Whether the user leaves: nothing more is typed. */
  stepEnds(commands: Pick<RoomCommands, "held">, isQuitting: boolean): void {
    const reason = isQuitting ? null : this.#reason(commands.held);
    if (reason === this.#because) return;
    this.#because = reason;
    this.parts.out.first({ type: "input", pausedBecause: reason });
  }

  #reason(held: number): string | null {
    const { showing, flow, view, out, machines: { order, privateMessages } } = this.parts;
    if (showing.state !== "here") return "catching up with the room";
    const unsaid = order.unsaid();
    const waiting = unsaid.messages + held;
    // Commands that are held are carried out at once when the disk has what is before them: there must be room for
    // them.
    const isCrowded = held > 0 && privateMessages.size + held > PRIVATE_WAITING_HIGH;
    if (waiting > PROMPT_MESSAGES_MAX || unsaid.bytes > PROMPT_BYTES_MAX || isCrowded) {
      return "waiting for the disk";
    }
    const laggards = flow.waitedFor(out.nowMs);
    const receivers = privateMessages.awaited();
    if (laggards.length + receivers.length === 0) return null;
    return `waiting for ${view.namesOf([...new Set([...laggards, ...receivers])])}`;
  }
}
