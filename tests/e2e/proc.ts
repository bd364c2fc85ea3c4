/** Figures of a process that Linux provides: memory, processor time, open connections. */

/** Clock ticks per second in `/proc`, the same on every Linux that Deno runs on. */
const TICKS_A_SECOND = 100;
/** The code of the state ESTABLISHED in `/proc/net/tcp`. */
const ESTABLISHED = "01";

/** The resident memory of the process `pid`, in bytes. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
}

/** The processor time that the process `pid` has used so far, in ms. */
export async function processorMs(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  // The command's name, in parentheses, may contain blanks; user and system time are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 1_000 / TICKS_A_SECOND;
}

/** How long the main thread of the process `pid` has waited for a processor so far, in ms; 0 where Linux doesn't count it. */
export async function starvedMs(pid: number): Promise<number> {
  const counts = await Deno.readTextFile(`/proc/${pid}/schedstat`).catch(() => "0 0 0");
  return Number(counts.split(" ")[1]) / 1e6;
}

/** The number of open file descriptors of the process `pid`. */
export async function openDescriptors(pid: number): Promise<number> {
  return (await Array.fromAsync(Deno.readDir(`/proc/${pid}/fd`))).length;
}

/** What the process `pid` has open, by its path or kind: that of a file that was removed ends with ` (deleted)`. */
export async function openPaths(pid: number): Promise<readonly string[]> {
  const descriptors = await Array.fromAsync(Deno.readDir(`/proc/${pid}/fd`));
  const paths = descriptors.map(({ name }) => Deno.readLink(`/proc/${pid}/fd/${name}`));
  return (await Promise.all(paths.map((path) => path.catch(() => "")))).filter((path) =>
    path !== ""
  );
}

/** The number of open sockets of the process `pid`. */
export async function openSockets(pid: number): Promise<number> {
  return (await socketsOf(pid)).size;
}

/** The number of established TCP connections of the process `pid`. */
export async function openConnections(pid: number): Promise<number> {
  const sockets = await socketsOf(pid);
  let count = 0;
  for (const table of ["tcp", "tcp6"]) {
    const lines = (await Deno.readTextFile(`/proc/${pid}/net/${table}`)).split("\n");
    for (const line of lines) {
      const [, , , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state === ESTABLISHED && sockets.has(inode!)) count++;
    }
  }
  return count;
}

/** The inodes of the open sockets of the process `pid`. */
async function socketsOf(pid: number): Promise<ReadonlySet<string>> {
  const inodes = new Set<string>();
  for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
    const target = await Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => "");
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined) inodes.add(inode);
  }
  return inodes;
}
