/**
 * M4: when the room is quiet, `/history` is identical everywhere, with each message once, under a name that its
 * author had claimed, in an order consistent with causality. Of two members compared, messages that one has gone on
 * without only because of liars are ignored (`withheld.ts`), and so are the older ones that it keeps in their place,
 * or that the other one let go of for messages of an equivocator that were excluded later.
 */

import type { HistoryMessage } from "../../../lib/protocols/mesh/schema/events.ts";
import { KEPT_MESSAGES_MAX } from "../../../lib/protocols/mesh/schema/limits.ts";
import { isMadeUp } from "../mesh/adversary.ts";
import { type MeshChecker, Violation } from "../mesh/checker.ts";
import { raise } from "../mesh/ledger.ts";
import { withoutLie } from "../mesh/liar.ts";
import type { Member } from "../mesh/member.ts";
import { isWithheld } from "../mesh/withheld.ts";
import type { World } from "../mesh/world.ts";

interface Listed {
  readonly member: Member;
  readonly history: readonly HistoryMessage[];
  /** How many messages it had, at most, that a proof has excluded. */
  readonly excluded: number;
}

export class SameHistory implements MeshChecker {
  readonly name = "M4";

  atAnswers(world: World): void {
    let first: Listed | null = null;
    for (const { member, history, probe } of world.judged()) {
      if (member.config.liar !== null) continue; // a liar believes its own latest statements
      if (history === null) throw new Violation(this.name, `${member.label} showed no history`);
      const listed = { member, history, excluded: probe?.excluded() ?? 0 };
      if (first === null) {
        this.#checkOne(world, member, history);
        first = listed;
      } else {
        this.#compare(first, listed);
      }
    }
  }

  #compare(a: Listed, b: Listed): void {
    const comparable = comparing(a.member, b.member);
    const [comparedOfA, comparedOfB] = [a.history.filter(comparable), b.history.filter(comparable)];
    const ofA = withoutOlder(comparedOfA, comparedOfB, b);
    const ofB = withoutOlder(comparedOfB, comparedOfA, a);
    const length = Math.max(ofA.length, ofB.length);
    for (let at = 0; at < length; at++) {
      const [one, two] = [ofA[at], ofB[at]];
      if (
        one?.id !== two?.id || one?.text !== two?.text || one?.from !== two?.from ||
        one?.sentAt !== two?.sentAt
      ) {
        throw new Violation(
          this.name,
          `message ${at} in the history of ${a.member.label} is ${JSON.stringify(one)}, ` +
            `of ${b.member.label} ${JSON.stringify(two)}`,
        );
      }
    }
  }

  #checkOne(world: World, member: Member, history: readonly HistoryMessage[]): void {
    const seen = new Set<string>();
    const known: number[] = [];
    for (const { text, from } of history) {
      if (isMadeUp(text)) continue;
      const said = world.ledger.byText(withoutLie(text));
      const at = `the history of ${member.label} has "${text}"`;
      if (said === undefined) throw new Violation(this.name, `${at}, typed by nobody`);
      if (said.to !== null) throw new Violation(this.name, `${at}, a private message`);
      if (seen.has(text)) throw new Violation(this.name, `${at} twice`);
      seen.add(text);
      if (said.lie) continue; // only required to be the same everywhere
      const author = world.members[said.author]!;
      if (!author.names.has(from)) {
        throw new Violation(
          this.name,
          `${at} from ${from}, a name n${said.author} never asked for`,
        );
      }
      if (said.place <= (known[said.stream] ?? 0)) {
        const answer = history.map((message) => world.ledger.byText(withoutLie(message.text)))
          .find((other) => (other?.knew[said.stream] ?? 0) >= said.place);
        throw new Violation(this.name, `${at} after "${answer?.text}", an answer to it`);
      }
      for (let stream = 0; stream < said.knew.length; stream++) {
        raise(known, stream, said.knew[stream]!);
      }
    }
  }
}

/** Whether a message is to be compared: no liars kept either member from having it. */
function comparing(...members: readonly Member[]): (message: HistoryMessage) => boolean {
  return ({ text }) => !members.some((member) => isWithheld(member, text));
}

/**
 * A history without what it has at its beginning in place of messages that are ignored, if the other one had to let go
 * of that: it is full, or was before a proof excluded messages. @param others What is compared of the other one.
 */
function withoutOlder(
  own: readonly HistoryMessage[],
  others: readonly HistoryMessage[],
  { history, excluded }: Listed,
): readonly HistoryMessage[] {
  const isFull = history.length + excluded >= KEPT_MESSAGES_MAX;
  return isFull ? own.slice(Math.max(0, own.length - others.length)) : own;
}
