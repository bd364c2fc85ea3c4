/** Lines in and out of the baselines' processes, cheaply: what they cost must not count against them. */

/** The lines of `readable` without their line feeds. */
export async function* linesOf(
  readable: ReadableStream<Uint8Array>,
): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of readable) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}

/** Prints lines in order; those of one turn of the event loop, and those that come meanwhile, at once. */
export function linePrinter(): (line: string) => void {
  const encoder = new TextEncoder();
  let waiting: string[] = [];
  let isWriting = false;
  const write = async () => {
    isWriting = true;
    while (waiting.length > 0) {
      let bytes = encoder.encode(`${waiting.join("\n")}\n`);
      waiting = [];
      while (bytes.length > 0) {
        bytes = bytes.subarray(await Deno.stdout.write(bytes));
      }
    }
    isWriting = false;
  };
  return (line) => {
    waiting.push(line);
    if (!isWriting) {
      isWriting = true;
      queueMicrotask(write);
    }
  };
}
