/** Files of a test, where they are saved, and what programs say of them. */

import { holds, type Node, type ShownEvent } from "./node.ts";

export const MB = 1_000_000;
/** Large enough that a kill comes in the middle of it. */
export const LARGE = 60 * MB;

/** A folder for files, removed at the end, when the programs are. */
export class FilesFolder implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "p2pchat-files-" });
  readonly nodes: Node[] = [];

  /** A file that is the same at each call. */
  file(name: string, bytes: number): { readonly path: string; readonly content: Uint8Array } {
    const content = new Uint8Array(bytes);
    for (let at = 0, word = 1; at < bytes; at += 4) {
      word = Math.imul(word, 1_664_525) + 1_013_904_223 | 0;
      content[at] = word >>> 24;
    }
    const path = `${this.folder}/${name}`;
    Deno.writeFileSync(path, content);
    return { path, content };
  }

  /** Where somebody's files are saved. */
  saved(name: string): string {
    return `${this.folder}/saved-${name}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes) await node[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

export const isOfTransfer = (state: string) => (event: ShownEvent) =>
  event.event === "transfer" && event.state === state;
export const isOffer = ({ event }: ShownEvent) => event === "offer";

/** Waits until this part of the file is on the disk, whichever leaves that are. */
export async function isFetched(folder: string, bytes: number): Promise<void> {
  await holds("it is being fetched", () => {
    const parts = safeList(folder).filter((name) => name.endsWith(".part"));
    return parts.some((name) => bytesOnDisk(`${folder}/${name}`) >= bytes);
  });
}

function bytesOnDisk(path: string): number {
  try {
    return (Deno.statSync(path).blocks ?? 0) * 512;
  } catch {
    return 0; // it has its own name just now
  }
}

export function safeList(folder: string): readonly string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return []; // it isn't made yet
  }
}
