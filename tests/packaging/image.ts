/** The image for containers: its digests, and what is in it, run as a container runs it, by a user that isn't root. */

import { assertEquals, assertMatch } from "@std/assert";
import { apart } from "./apart.ts";
import { filesBelow, inFolder, IS_APART, needs, packaged, run, sha256 } from "./packages.ts";

const NEEDED = needs([IS_APART, "namespaces of Linux for root"]);

interface Described {
  readonly digest: string;
  readonly size: number;
}

const quoted = (words: readonly string[]) =>
  words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");

Deno.test(
  "the image runs both servers without root, says whether they answer, and writes to its volume alone",
  NEEDED,
  async () => {
    await inFolder(async (folder) => {
      const [layout, root] = [`${folder}/layout`, `${folder}/root`];
      await Deno.mkdir(layout);
      await Deno.mkdir(root);
      assertEquals((await run(["tar", "xf", await packaged(".tar"), "-C", layout])).stderr, "");
      const json = async (path: string) => JSON.parse(await Deno.readTextFile(path));
      const blob = async ({ digest, size }: Described) => {
        const path = `${layout}/blobs/${digest.replace(":", "/")}`;
        assertEquals([`sha256:${await sha256(path)}`, (await Deno.stat(path)).size], [
          digest,
          size,
        ]);
        return path;
      };
      assertEquals(await json(`${layout}/oci-layout`), { imageLayoutVersion: "1.0.0" });
      const [described] = (await json(`${layout}/index.json`)).manifests;
      const manifest = await json(await blob(described));
      const [forDocker] = await json(`${layout}/manifest.json`);
      assertEquals(
        [forDocker.Config, ...forDocker.Layers],
        [manifest.config, ...manifest.layers].map(({ digest }) =>
          `blobs/${digest.replace(":", "/")}`
        ),
      );
      const { config, rootfs, history } = await json(await blob(manifest.config));
      for (const [at, layer] of manifest.layers.entries()) {
        const path = await blob(layer);
        await run(["sh", "-c", 'gzip -dc "$0" > "$1"', path, `${folder}/layer`]);
        assertEquals(`sha256:${await sha256(`${folder}/layer`)}`, rootfs.diff_ids[at]);
        const { stderr } = await run(["tar", "xpf", `${folder}/layer`, "-C", root]);
        assertEquals(stderr, "");
      }
      assertEquals(history.length, manifest.layers.length);
      assertEquals([Object.keys(config.Volumes), config.Healthcheck.Test[0]], [["/data"], "CMD"]);
      assertEquals(
        (await filesBelow(root)).filter((path) => /\/(sh|bash|busybox)$/.test(path)),
        [],
      );
      for (const mounted of ["proc", "dev"]) await Deno.mkdir(`${root}/${mounted}`);

      const inside = `env -i ${
        quoted(config.Env)
      } $(command -v chroot) --userspec=${config.User} "$1"`;
      const health = `${inside} ${quoted(config.Healthcheck.Test.slice(1))}`;
      const withPassword = inside.replace("env -i", "env -i P2PCHAT_PASSWORD=123-rabbit");
      for (const server of [config.Cmd, ["regserver", "--stay"]]) {
        const lines = await apart(
          `
        mount --bind "$1" "$1"
        mount -t proc proc "$1/proc"
        mount --rbind /dev "$1/dev"
        mount -t tmpfs -o mode=700,uid=\${2%:*},gid=\${2#*:} tmpfs "$1/data"
        mount -o remount,bind,ro "$1"
        mkfifo /mnt/p2pchat 2> /dev/null || { mount -t tmpfs tmpfs /mnt; mkfifo /mnt/p2pchat; }
        ${inside} ${quoted(config.Entrypoint)} ${quoted(server)} --json < /dev/null > /mnt/p2pchat &
        exec 3< /mnt/p2pchat
        read -r ready <&3 && echo "$ready"
        sed -n 's/^Uid:/ran as/p' "$1/proc/$!/status"
        ${health} && echo healthy
        ${withPassword} ${quoted(config.Entrypoint)} accounts add alice > /dev/null && echo added
        kill $!
        wait $! && echo ended
        ${health} || echo gone
        find "$1/data" -name identity
        `,
          root,
          config.User,
        );

        const [ready, user, ...later] = lines;
        assertEquals([JSON.parse(ready!).event, JSON.parse(ready!).command], ["ready", server[0]]);
        assertMatch(user!, /^ran as(\t10001){4}$/);
        assertEquals(later, [
          "healthy",
          "added",
          "ended",
          "gone",
          `${root}/data/${server[0]}/identity`,
        ]);
      }
    });
  },
);
