/** Rooms of real processes on loopback: ours, and others under the same Deno, driven alike. */

import { baselinePath, denoCommand, LineProcess, PROGRAM } from "./line_process.ts";
import { LEAST_NAME } from "./row.ts";

/** How to run one kind of member. */
export interface Kind {
  readonly name: string;
  /** Starts a member that joins through those at `addresses`, or founds the room. */
  start(index: number, addresses: readonly string[]): LineProcess;
  /** The address in the line it prints when it is ready. */
  address(line: string): string | undefined;
  /** What to type so that the member says `text` to all. */
  saying(text: string): string;
  /** The text of a message that a line shows, of another member where `isOwnShown`. */
  text(line: string): string | undefined;
  /** Whether the author prints its own messages too. */
  readonly showsOwn: boolean;
  /** How many members a newcomer is told of. */
  contacts(members: number): number;
  dispose(): Promise<void>;
}

export interface Room extends AsyncDisposable {
  readonly kind: Kind;
  readonly members: readonly LineProcess[];
  readonly addresses: readonly string[];
}

/**
 * Ours, as users have it: each message signed, sealed, stored, shown; as events, or as lines of text.
 * @param more With what else the member of this index is started.
 */
export function p2pchatKind(
  form: "json" | "text" = "json",
  more: (index: number) => readonly string[] = () => [],
): Kind {
  const folder = Deno.makeTempDirSync({ prefix: "p2pchat-bench-" });
  return {
    name: "p2pchat",
    start: (index, [address]) =>
      new LineProcess([
        PROGRAM,
        "mesh",
        `m${index}`,
        ...(address === undefined ? [] : address.split(" ")),
        ...(form === "json" ? ["--json"] : []),
        ...["--host", "127.0.0.1", "--port", "0", "--data", folder],
        ...more(index),
      ]),
    ...(form === "json" ? JSON_LINES : TEXT_LINES),
    saying: (text) => text,
    showsOwn: true,
    contacts: (members) => Math.min(members, 1),
    dispose: () => Deno.remove(folder, { recursive: true }),
  };
}

const JSON_LINES: Pick<Kind, "address" | "text"> = {
  address(line) {
    const event = JSON.parse(line);
    return event.event === "ready" ? `127.0.0.1 ${event.port}` : undefined;
  },
  text(line) {
    if (!line.startsWith('{"event":"message"')) return undefined;
    const event = JSON.parse(line);
    return event.history ? undefined : event.text;
  },
};

const TEXT_LINES: Pick<Kind, "address" | "text"> = {
  address(line) {
    const port = /^>INFO: .* is listening at (\d+)\.$/.exec(line)?.[1];
    return port === undefined ? undefined : `127.0.0.1 ${port}`;
  },
  text: (line) => /^\d\d:\d\d <[^>]*> (.*)$/.exec(line)?.[1],
};

/** gossipsub has no membership of its own: each member dials some of those before it. */
export function gossipsubKind(): Kind {
  /** Its own upper bound for a mesh is 12; 8 leave its random choice. */
  const dialledMax = 8;
  return {
    name: "gossipsub",
    start: (_index, addresses) =>
      new LineProcess(
        denoCommand(baselinePath("gossipsub_node.ts"), ...addresses),
      ),
    address: (line) => line.startsWith("/ip4/") ? line : undefined,
    saying: (text) => text,
    text: (line) => line,
    showsOwn: false,
    contacts: (members) => Math.min(members, dialledMax),
    dispose: () => Promise.resolve(),
  };
}

/** What no member can save: all are connected to the first one, which alone speaks, and sync what they hear. */
export function leastKind(): Kind {
  const folder = Deno.makeTempDirSync({ prefix: "p2pchat-bench-" });
  const connected = "ready";
  return {
    name: LEAST_NAME,
    start: (index, addresses) => {
      const ports = addresses.filter((address) => address !== connected);
      const path = baselinePath("sync_and_pass_on.ts");
      return new LineProcess(denoCommand(path, `${folder}/${index}`, ...ports));
    },
    address: (line) => line,
    saying: (text) => text,
    text: (line) => line,
    showsOwn: false,
    contacts: (members) => members,
    dispose: () => Deno.remove(folder, { recursive: true }),
  };
}

/**
 * A room of `size` members that all hear the first one. Tried again where one of them never does: on a busy
 * machine the baseline's streams may time out while they are opened, and aren't opened again.
 */
export async function openRoom(kind: Kind, size: number, tries = 3): Promise<Room> {
  const members: LineProcess[] = [];
  const addresses: string[] = [];
  const stop = () => Promise.all(members.map((member) => member[Symbol.asyncDispose]()));
  try {
    while (members.length < size) await grow({ kind, members, addresses });
    await settle({ kind, members });
  } catch (error) {
    await stop();
    if (tries > 1) return await openRoom(kind, size, tries - 1);
    await kind.dispose();
    throw error;
  }
  const dispose = async () => {
    await stop();
    await kind.dispose();
  };
  return { kind, members, addresses, [Symbol.asyncDispose]: dispose };
}

async function grow(
  { kind, members, addresses }: {
    kind: Kind;
    members: LineProcess[];
    addresses: string[];
  },
): Promise<void> {
  const member = kind.start(
    members.length,
    contactsFor(kind, addresses),
  );
  members.push(member);
  addresses.push(await member.until("address", (line) => kind.address(line)));
}

/** Those that a newcomer is told of: as many as its kind needs, at random. */
export function contactsFor(kind: Kind, addresses: readonly string[]): readonly string[] {
  const left = [...addresses];
  return Array.from(
    { length: kind.contacts(addresses.length) },
    () => left.splice(Math.floor(Math.random() * left.length), 1)[0]!,
  );
}

const SETTLE_INTERVAL_MS = 500;
const SETTLE_WORDS_MAX = 60;

/** Says something until everybody has heard it: connections and meshes take a moment. */
async function settle({ kind, members }: Pick<Room, "kind" | "members">): Promise<void> {
  const [author, ...others] = members as [LineProcess, ...LineProcess[]];
  const heard = Promise.all(
    others.map((member) =>
      member.until("first words", (line) => kind.text(line)?.startsWith("settle") || undefined)
    ),
  );
  let isSettled = false;
  heard.then(() => isSettled = true, () => isSettled = true);
  for (let at = 0; !isSettled && at < SETTLE_WORDS_MAX; at++) {
    await author.type(kind.saying(`settle ${at}`));
    await new Promise((resolve) => setTimeout(resolve, SETTLE_INTERVAL_MS));
  }
  if (!isSettled) {
    heard.catch(() => {});
    throw new Error(`Cannot measure: a member of ${kind.name} hears nobody`);
  }
  await heard;
}
