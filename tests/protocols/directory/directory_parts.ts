/** Parts of the directory, each alone, and what they do in words. */

import { endpointText, type LinkId } from "../../../lib/base/ids.ts";
import { DatagramPath } from "../../../lib/protocols/directory/datagrams/datagram_path.ts";
import { ProvenAddress } from "../../../lib/protocols/sealed_datagram/keyed_path.ts";
import type { DirectoryEffect } from "../../../lib/protocols/directory/schema/directory_io.ts";
import { DirectoryOutput } from "../../../lib/protocols/directory/schema/directory_output.ts";
import type { DirectoryEvent } from "../../../lib/protocols/directory/schema/events.ts";
import type { DirectoryMessage } from "../../../lib/protocols/directory/schema/messages.ts";
import { Client, ClientLink } from "../../../lib/protocols/directory/sessions/client_session.ts";
import { Sessions } from "../../../lib/protocols/directory/sessions/sessions.ts";
import { fakeSigner } from "../../sim/fake_crypto.ts";
import { PartOutput } from "../part_output.ts";

/** The output of a part of the directory. */
export function partOutput() {
  return new PartOutput(new DirectoryOutput(), wordsOf);
}

function wordsOf(effect: DirectoryEffect): string {
  switch (effect.type) {
    case "send":
      return `${effect.links.join(" ")}: ${messageWords(effect.message)}`;
    case "datagram":
      return `datagram to ${endpointText(effect.to)}`;
    case "persist":
      return `writes ${effect.records.map(({ kind }) => kind).join(" ")}`;
    case "registrar":
      return `asks the registrar to ${effect.question.ask}`;
    case "account":
      return `asks ${effect.question.ask}`;
    case "show":
      return eventWords(effect.event) + (effect.ref ? ` [${effect.ref}]` : "");
    case "close":
    case "ban":
      return `${effect.link}: ${effect.type} (${effect.reason})`;
    default:
      return effect.type;
  }
}

interface ClientOptions {
  /** Its number is its link's, its datagrams' and its endpoint's. */
  readonly id?: number;
  readonly device?: string;
  readonly process?: string;
  readonly host?: string;
  readonly isGuest?: boolean;
  readonly had?: number;
  readonly before?: number;
  readonly rank?: number;
  readonly asksForList?: boolean;
}

/** A link to the directory. */
export function linkOf(
  { id = 1, device = "ann", process = "1", host = "10.0.0.2" }: ClientOptions = {},
): ClientLink {
  return new ClientLink(id as LinkId, fakeSigner(device).key, process, host);
}

/** A client that is in. */
export function clientOf(name: string, options: ClientOptions = {}): Client {
  const { id = 1, isGuest = false, had = 0, before = 0, rank = 1, asksForList = false } = options;
  const link = linkOf({ device: name, ...options });
  link.enter("checking");
  link.enter("in");
  const key = () => new Uint8Array(32);
  const address = new ProvenAddress(new DatagramPath(id, key(), key()), key);
  const facts = {
    name,
    isGuest,
    port: 5_000,
    address,
    sinceMs: 0,
    enteredMs: 0,
    rank,
    session: `-${id}`,
    asksForList,
  };
  return link.client = new Client(link, facts, { had, before });
}

/** Of these clients, in this order. */
export function sessionsOf(...clients: readonly Client[]): Sessions {
  const sessions = new Sessions();
  for (const client of clients) sessions.add(client);
  return sessions;
}

export function messageWords(message: DirectoryMessage): string {
  switch (message.type) {
    case "refused":
      return `refused ${message.code}`;
    case "dismissed":
      return `dismissed ${message.because}`;
    case "entered":
      return `entered as ${message.name}`;
    case "incoming":
      return `incoming ${message.call[0]} from ${message.from}`;
    case "meet":
      return `meet ${message.call[0]} ${message.name}`;
    case "outcome":
      return `outcome ${message.call[0]} ${message.state}` +
        (message.reason === "" ? "" : ` (${message.reason})`);
    case "call-at":
      return `call-at ${message.call[0]} ${message.at.port}`;
    case "relay-on":
      return `relay-on ${message.call[0]}`;
    case "relay":
      return `relay ${message.bytes.length} B`;
    case "relay-room":
      return `relay-room ${message.bytes}`;
    case "told":
      return `told ${message.text.slice(0, 20)} by ${message.from}`;
    case "broadcast-taken":
      return `broadcast-taken ${message.own}`;
    case "broadcast-sent":
      return `broadcast-sent, ${message.reached} have it`;
    default:
      return message.type;
  }
}

export function eventWords(event: DirectoryEvent): string {
  switch (event.event) {
    case "login":
      return `* login ${event.name}${event.guest ? " (guest)" : ""}`;
    case "logout":
      return `* logout ${event.name} ${event.reason}`;
    case "signup":
      return `* signup ${event.name}`;
    case "call":
      return `* call ${event.from} ${event.to} ${event.state}` +
        (event.reason === undefined ? "" : ` (${event.reason})`);
    case "broadcast":
      return `* broadcast by ${event.from}`;
    case "broadcast-sent":
      return `* broadcast-sent, ${event.reached} have it`;
    case "error":
      return `* error ${event.code}`;
    default:
      return `* ${event.event}`;
  }
}
