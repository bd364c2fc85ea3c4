/** What happens in a room, in the words of a trace: short, and the same in every run. */

import type { PeerKey } from "../../lib/base/ids.ts";
import type { MeshEvent } from "../../lib/protocols/mesh/schema/events.ts";
import type { MeshMessage } from "../../lib/protocols/mesh/schema/messages.ts";
import type { MeshRecord } from "../../lib/protocols/mesh/schema/records.ts";
import type { Bundle, SignedBeacon, SignedClaim } from "../../lib/protocols/mesh/schema/structures.ts";

/** The simulator makes each text one of its own by a number before it; a reader needs none. */
const TEXT_NUMBER = /^[mp]\d+ /;

/** Puts messages, records and events into words, once it knows how the script calls whom. */
export class Words {
  readonly #labels = new Map<PeerKey, string>();
  /** By key: its incarnations, in the order in which they were first heard of. */
  readonly #lives = new Map<PeerKey, number[]>();

  /** From now on `key` is called `label`. */
  name(key: PeerKey, label: string): void {
    this.#labels.set(key, label);
  }

  who(key: PeerKey): string {
    return this.#labels.get(key) ?? `?${key.slice(0, 4)}`;
  }

  /** `bob`, and `bob(2)` for the second life of that profile. */
  life(key: PeerKey, incarnation: number): string {
    let lives = this.#lives.get(key);
    if (lives === undefined) this.#lives.set(key, lives = []);
    if (!lives.includes(incarnation)) lives.push(incarnation);
    const life = lives.indexOf(incarnation) + 1;
    return life === 1 ? this.who(key) : `${this.who(key)}(${life})`;
  }

  /** `bob/3`: the third text of bob, or all up to it. */
  place(at: { author: PeerKey; incarnation: number; counter: number }): string {
    return `${this.life(at.author, at.incarnation)}/${at.counter}`;
  }

  /** A message's type, then what tells it from others of this type. */
  message(message: MeshMessage): string {
    const detail = this.#detail(message);
    return detail === "" ? message.type : `${message.type} ${detail}`;
  }

  #detail(message: MeshMessage): string {
    switch (message.type) {
      case "hello":
        return this.#beacon(message.beacon);
      case "join":
        return `as ${message.name}${message.earlier === null ? "" : ", with its earlier claim"}`;
      case "offer":
        return message.claim.value.name;
      case "accept":
        return this.#claim(message.claim);
      case "welcome":
        return this.#claim(message.claim);
      case "refuse":
        return message.code;
      case "forward-join":
        return `${this.who(message.contact.key)}, ${message.ttl} steps left`;
      case "neighbor":
        return `priority ${message.priority}`;
      case "neighbor-reply":
        return message.accepted ? "accepted" : "refused";
      case "shuffle":
        return [message.origin, ...message.contacts].map(({ key }) => this.who(key)).join(" ");
      case "shuffle-reply":
        return message.contacts.map(({ key }) => this.who(key)).join(" ");
      case "beacons":
        return message.beacons.map(({ signed }) => this.#beacon(signed)).join(" ");
      case "claims":
        return message.claims.map((claim) => this.#claim(claim)).join(" ");
      case "statements":
        return message.statements.map(({ statement: { value } }) => {
          const accused = `${this.life(value.accused, value.incarnation)}#${value.number}`;
          return `${this.who(value.by)} ${
            value.verdict === "accuse" ? "accuses" : "denies"
          } ${accused}`;
        }).join(", ");
      case "roster-want":
        return count(message.buckets.length, "bucket");
      case "roster-part":
        return message.entries.map(({ beacon, lost }) =>
          this.#beacon(beacon) + (lost ? " lost" : "")
        )
          .join(" ") || "nothing";
      case "bundle":
        return `(${message.reason}) ${this.bundle(message.bundle)}, hop ${message.hop}` +
          (message.claim === null ? "" : `, with claim ${this.#claim(message.claim)}`);
      case "preview": {
        const { value } = message.header.header;
        return `${this.place(value)}, hop ${message.hop}`;
      }
      case "ihave":
        return `${message.entries.map((entry) => this.place(entry)).join(" ")}, hop ${message.hop}`;
      case "graft":
        return `${this.life(message.author, message.incarnation)} after ${message.after}`;
      case "prune":
        return message.source === null ? "of all" : `of ${this.who(message.source)}`;
      case "sync-summary":
        return `root ${message.root.slice(0, 4)}`;
      case "sync-frontiers":
        return (message.entries.map((entry) => this.place(entry)).join(" ") || "nothing") +
          ` in ${count(message.buckets.length, "bucket")}${message.reply ? ", reply" : ""}`;
      case "sync-want":
        return message.entries.map((entry) =>
          `${this.life(entry.author, entry.incarnation)} after ${entry.after}`
        ).join(", ");
      case "sync-progress":
        return `${message.bytes} B`;
      case "proof": {
        const { value } = message.proof.first.header;
        return `against ${this.place(value)}`;
      }
      case "private": {
        const { kind, from, to } = message.envelope;
        return `${kind} ${this.who(from)} to ${this.who(to)}`;
      }
      case "unknown":
        return `code ${message.code}`;
      default:
        return "";
    }
  }

  bundle({ header: { value }, texts }: Bundle): string {
    const place = this.place(value) +
      (value.count > 1 ? `-${value.counter + value.count - 1}` : "");
    if (value.kind === "heads") return `${place} ${count(value.heads.length, "head")}`;
    return `${place} ${texts.value.map((text) => `"${text.replace(TEXT_NUMBER, "")}"`).join(" ")}`;
  }

  record(record: MeshRecord): string {
    switch (record.kind) {
      case "bundle":
        return `bundle ${this.bundle(record.bundle)}`;
      case "claim":
        return `claim ${this.#claim(record.claim)}`;
      case "member":
        return `member ${this.#beacon(record.beacon)}`;
      default:
        return record.kind;
    }
  }

  /** What the user sees; the message's text as it is typed. */
  event(event: MeshEvent): string {
    switch (event.event) {
      case "ready":
        return `is ready as ${event.name}`;
      case "joined":
        return event.present
          ? `hears that ${event.name} is here`
          : `hears that ${event.name} joined`;
      case "left":
        return `hears that ${event.name} left: ${event.reason}`;
      case "renamed":
        return `hears that ${event.from} is ${event.name} now`;
      case "message":
        return `shows <${event.from}> ${event.text.replace(TEXT_NUMBER, "")}` +
          (event.private ? " (private)" : "") + (event.history ? " (history)" : "");
      case "notice":
        return `notice: ${event.text}`;
      case "error":
        return `error ${event.code}: ${event.text}`;
      default:
        return `shows ${event.event}`;
    }
  }

  #beacon({ beacon: { value } }: SignedBeacon): string {
    const quit = value.state === "quit" ? " quit" : "";
    return `${this.life(value.key, value.incarnation)}#${value.number}${quit}`;
  }

  #claim({ claim: { value } }: SignedClaim): string {
    return `${value.name}=${this.who(value.key)}`;
  }
}

function count(many: number, noun: string): string {
  return `${many} ${noun}${many === 1 ? "" : "s"}`;
}
