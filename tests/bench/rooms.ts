/** Rooms of real processes on loopback: ours, and gossipsub's under the same Deno, driven alike. */

import { baselinePath, denoCommand, LineProcess, PROGRAM } from "./line_process.ts";

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

/** Ours, as users have it: each message signed, sealed, stored, shown; as events, or as lines of text. */
export function p2pchatKind(form: "json" | "text" = "json"): Kind {
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
      ]),
    ...(form === "json" ? JSON_LINES : TEXT_LINES),
    saying: (text) => text,
    showsOwn: true,
    contacts: () => 1,
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

/** A room of `size` members that all hear the first one. */
export async function openRoom(kind: Kind, size: number): Promise<Room> {
  const members: LineProcess[] = [];
  const addresses: string[] = [];
  const room = {
    kind,
    members,
    addresses,
    async [Symbol.asyncDispose]() {
      await Promise.all(members.map((member) => member[Symbol.asyncDispose]()));
      await kind.dispose();
    },
  };
  try {
    while (members.length < size) await grow(room);
    await settle(room);
    return room;
  } catch (error) {
    await room[Symbol.asyncDispose]();
    throw error;
  }
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
    someOf(addresses, kind.contacts(addresses.length)),
  );
  members.push(member);
  addresses.push(await member.until("address", (line) => kind.address(line)));
}

/** `count` of `all`, at random. */
export function someOf<Value>(
  all: readonly Value[],
  count: number,
): readonly Value[] {
  const left = [...all];
  return Array.from(
    { length: count },
    () => left.splice(Math.floor(Math.random() * left.length), 1)[0]!,
  );
}

/** Says something until everybody has heard it: connections and meshes take a moment. */
async function settle(
  { kind, members }: Omit<Room, typeof Symbol.asyncDispose>,
): Promise<void> {
  const [author, ...others] = members as [LineProcess, ...LineProcess[]];
  const heard = Promise.all(
    others.map((member) =>
      member.until("first words", (line) => kind.text(line)?.startsWith("settle") || undefined)
    ),
  );
  let isSettled = false;
  heard.then(() => isSettled = true, () => isSettled = true);
  for (let at = 0; !isSettled; at++) {
    await author.type(kind.saying(`settle ${at}`));
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  await heard;
}
