/** Commands that change a machine, run so that only they see it: with file systems and a network of their own. */

import { run } from "./packages.ts";

/**
 * Runs a script of `sh` as root. What it mounts, and the network of this machine, only it sees.
 * @returns What it printed, by line. @throws With all that it printed, where a command of it fails.
 */
export async function apart(
  script: string,
  ...args: readonly string[]
): Promise<readonly string[]> {
  const path = `${Deno.env.get("PATH")}:/usr/sbin:/sbin`;
  const { code, stdout, stderr } = await run(
    [
      "unshare",
      "-mnpf",
      "--kill-child",
      "sh",
      "-euc",
      `ip link set lo up\n${script}`,
      "sh",
      ...args,
    ],
    { clearEnv: true, env: { PATH: path, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" } },
  );
  if (code !== 0) throw new Error(`exit ${code}\n${stdout}\n${stderr}`);
  return stdout.trimEnd().split("\n");
}

/** Goes on in a copy of this machine in memory, of which `$upper` has what has changed. */
export const IN_A_COPY = `
copy=/mnt
mount -t tmpfs -o size=2g tmpfs "$copy"
mkdir "$copy/upper" "$copy/work" "$copy/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$copy/upper,workdir=$copy/work" "$copy/root"
upper=$copy/upper root=$copy/root
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
`;
