// deno-lint-ignore-file no-console -- a program of its own
/**
 * Draws `docs/layers.svg`: which folder of `lib/` imports from which, as the sources are, and the rooms in each.
 *
 *     deno run --allow-read --allow-write=docs tools/layers.ts
 */

import { walk } from "@std/fs";

/**
 * From what puts all together down to what all need, with the middle of each box: a folder may import from rows below,
 * and from its own.
 */
const ROWS: readonly Readonly<Record<string, number>>[] = [
  { cli: 520 },
  { transport: 122, runtime: 361, engine: 600, store: 838 },
  {
    wire: 120,
    "protocols/words": 361,
    "protocols/meeting_point": 600,
    "protocols/port_mapping": 843,
  },
  {
    "protocols/mesh": 120,
    "protocols/friends": 415,
    "protocols/group": 629,
    "protocols/directory": 843,
  },
  {
    "protocols/transfer": 122,
    "protocols/noise": 361,
    "protocols/sealed_datagram": 600,
    "protocols/reliable_datagram": 838,
  },
  { base: 520 },
];
/** Of all, so that a line for each would hide the others. */
const WITH_ALL = new Map([["cli", "imports all"], ["base", "imported by all"]]);

/**
 * The rooms of each folder, from what puts them together down to what all need; "" is the folder itself. A room may
 * import from those below it in its folder, and from its own (`tests/architecture_test.ts`).
 */
export const ROOMS: Readonly<Record<string, readonly string[]>> = {
  cli: [
    "",
    "mesh",
    "group",
    "directory",
    "friends",
    "tools",
    "engine",
    "meeting",
    "routers",
    "files",
    "words",
    "discovery",
    "opened_doors",
    "page",
    "irc",
    "irc/rooms",
    "irc/lines",
    "credentials",
    "metrics",
    "session",
    "doors",
    "http",
    "mcp",
    "scripts",
    "terminal",
    "streams",
    "args",
    "rendering",
    "commands",
  ],
  "protocols/mesh": [
    "",
    "discovery",
    "joining",
    "room",
    "private",
    "membership",
    "names",
    "roster",
    "links",
    "authority",
    "sync",
    "broadcast",
    "log",
    "schema",
  ],
  "protocols/group": [
    "recovery",
    "member",
    "coordinator",
    "views",
    "edits",
    "snapshot",
    "states",
    "catch_up",
    "log",
    "detector",
    "identity",
    "schema",
  ],
  "protocols/directory": [
    "",
    "login",
    "calls",
    "broadcasts",
    "sessions",
    "broadcast_log",
    "client",
    "client_calls",
    "lobby",
    "datagrams",
    "schema",
  ],
  runtime: ["hosts", "records", ""],
  transport: ["discovery", "tcp", "links", "strangers", "routers", ""],
  store: ["accounts", "profile", "users", "log", "files", "disk"],
  base: ["trust", "machine", "rates", "schema", "text", "crypto", "collections", ""],
};

const WIDTH = 960;
const BOX = { width: 204, height: 40 };
const ROW_HEIGHT = 95;
const MARGIN = 20;
/** Of the columns of rooms below the picture. */
const COLUMN_WIDTH = (WIDTH - 2 * MARGIN) / Object.keys(ROOMS).length;
const LINE_HEIGHT = 16;
const GROUND = "#ffffff";
const INK = "#2b303b";
const FILL = "#eef2f8";
const LINE = "#7a8699";

export interface Import {
  readonly from: string;
  readonly to: string;
}

/** Every pair of folders of which one imports from the other, in order. */
export async function importsOf(root: string): Promise<readonly Import[]> {
  const found = new Map<string, Import>();
  for await (const { path } of walk(`${root}/lib`, { exts: [".ts"], includeDirs: false })) {
    const from = folderOf(path.slice(root.length + 1));
    for (const [, target] of (await Deno.readTextFile(path)).matchAll(/from "(\.[^"]+)"/g)) {
      const file = new URL(target!, `file://${path}`).pathname;
      if (!file.startsWith(`${root}/lib/`)) continue;
      const to = folderOf(file.slice(root.length + 1));
      if (from !== to) found.set(`${from} ${to}`, { from, to });
    }
  }
  return [...found].toSorted(([one], [other]) => one < other ? -1 : 1).map(([, pair]) => pair);
}

/** @throws Where a folder isn't in the picture, or imports from above. */
export function layersAsSvg(imports: readonly Import[]): string {
  const roomsY = ROWS.length * ROW_HEIGHT - (ROW_HEIGHT - BOX.height) + 3 * MARGIN;
  const lines = Math.max(...Object.values(ROOMS).map((rooms) => rooms.length)) + 1;
  const height = roomsY + lines * LINE_HEIGHT + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" ` +
    `height="${height}" font-family="sans-serif" font-size="12.5" text-anchor="middle">`,
    `<rect width="${WIDTH}" height="${height}" rx="8" fill="${GROUND}"/>`,
    `<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">` +
    `<path d="M0 0L8 4L0 8z" fill="${LINE}"/></marker>`,
    ...imports.flatMap(lineOf),
    ...ROWS.flatMap((folders) => Object.keys(folders)).map(boxOf),
    ...Object.entries(ROOMS).map(([folder, rooms], column) => {
      const x = MARGIN + (column + 0.5) * COLUMN_WIDTH;
      const heading = `<tspan x="${x}" y="${roomsY}" font-weight="bold">${
        folder.split("/").at(-1)
      }</tspan>`;
      const below = rooms.filter((room) => room !== "").map((room) =>
        `<tspan x="${x}" dy="${LINE_HEIGHT}">${room}</tspan>`
      );
      return `<text fill="${INK}">${heading}${below.join("")}</text>`;
    }),
    "</svg>\n",
  ].join("\n");
}

function folderOf(path: string): string {
  const [, layer, folder] = path.split("/");
  return layer === "protocols" ? `${layer}/${folder}` : layer!;
}

interface Place {
  readonly row: number;
  readonly x: number;
  readonly y: number;
}

/** The middle of a folder's box. */
function placeOf(folder: string): Place {
  const row = ROWS.findIndex((folders) => folder in folders);
  const x = ROWS[row]?.[folder];
  if (x === undefined) throw new Error(`${folder} isn't in the picture`);
  return { row, x, y: MARGIN + row * ROW_HEIGHT + BOX.height / 2 };
}

function lineOf({ from, to }: Import): readonly string[] {
  const [upper, lower] = [placeOf(from), placeOf(to)];
  if (upper.row > lower.row) throw new Error(`${from} imports from ${to}, which is above it`);
  if (WITH_ALL.has(from) || WITH_ALL.has(to)) return [];
  const side = Math.sign(lower.x - upper.x);
  const isBeside = upper.row === lower.row;
  const x1 = upper.x + (isBeside ? side * BOX.width / 2 : 0);
  const x2 = lower.x - (isBeside ? side * BOX.width / 2 : 0);
  const y1 = upper.y + (isBeside ? 0 : BOX.height / 2);
  const y2 = lower.y - (isBeside ? 0 : BOX.height / 2);
  const ends = `x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"`;
  return [`<line ${ends} stroke="${LINE}" stroke-width="1.5" marker-end="url(#tip)"/>`];
}

function boxOf(folder: string): string {
  const { x, y } = placeOf(folder);
  const about = WITH_ALL.get(folder);
  const name = `<tspan font-weight="bold">${folder}</tspan>`;
  return `<rect x="${x - BOX.width / 2}" y="${y - BOX.height / 2}" width="${BOX.width}" ` +
    `height="${BOX.height}" rx="6" fill="${FILL}" stroke="${INK}"/>` +
    `<text x="${x}" y="${y + 5}" fill="${INK}">${name}${about ? ` ${about}` : ""}</text>`;
}

if (import.meta.main) {
  const imports = await importsOf(Deno.cwd());
  await Deno.writeTextFile("docs/layers.svg", layersAsSvg(imports));
  console.log(`docs/layers.svg: ${imports.length} imports between folders`);
}
