/** What Linux tells of a process: memory, processor time, open connections. */

/** Clock ticks in a second, as `/proc` counts them on every Linux that Deno runs on. */
const TICKS_A_SECOND = 100;
/** As `/proc/net/tcp` writes that state. */
const ESTABLISHED = "01";

/** Bytes of memory that the process `pid` has at the moment. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
}

/** Processor time that the process `pid` has used so far, in ms. */
export async function processorMs(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  // The command's name, in parentheses, may hold blanks; user and system time are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 1_000 / TICKS_A_SECOND;
}

/** How many files, sockets and the like the process `pid` has open. */
export async function openDescriptors(pid: number): Promise<number> {
  return (await Array.fromAsync(Deno.readDir(`/proc/${pid}/fd`))).length;
}

/** How many sockets the process `pid` has open. */
export async function openSockets(pid: number): Promise<number> {
  return (await socketsOf(pid)).size;
}

/** How many of them are TCP connections to another end. */
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

/** Their inodes. */
async function socketsOf(pid: number): Promise<ReadonlySet<string>> {
  const inodes = new Set<string>();
  for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
    const target = await Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => "");
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined) inodes.add(inode);
  }
  return inodes;
}
