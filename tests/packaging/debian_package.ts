/** The package for Debian: installed in a copy of this machine, run as its user, and purged. */

import { assertEquals, assertMatch } from "@std/assert";
import { apart, IN_A_COPY } from "./apart.ts";
import { has, IS_APART, needs, packaged, run } from "./packages.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

const NEEDED = needs(
  [IS_APART, "namespaces of Linux for root"],
  [has("dpkg-deb") && has("/usr/sbin/adduser"), "dpkg and adduser"],
);
const LINTIAN = needs([has("dpkg-deb") && has("lintian"), "lintian"]);
const SYSTEMD = needs([has("dpkg-deb") && has("systemd-analyze"), "systemd-analyze"]);

Deno.test(
  "the package for Debian is installed, runs as a user of its own, and is purged",
  NEEDED,
  async () => {
    const script = `${IN_A_COPY}
    cp "$1" "$root/p2pchat.deb"
    passwd=$(cat /etc/passwd /etc/group)
    dpkg() { chroot "$root" dpkg "$@" > "$copy/log" 2>&1 || { cat "$copy/log"; exit 1; }; }
    dpkg --install /p2pchat.deb
    echo "installed: $(cd "$upper" && find . -path '*p2pchat*' ! -type d ! -path './var/lib/dpkg/*' | sort | tr '\\n' ' ')"
    chroot "$root" getent passwd p2pchat
    mkdir -m 700 "$root/var/lib/p2pchat-serve" "$root/var/cache/p2pchat-serve"
    chroot "$root" chown p2pchat: /var/lib/p2pchat-serve /var/cache/p2pchat-serve
    as_user() {
      chroot "$root" setpriv --reuid=p2pchat --regid=p2pchat --clear-groups --no-new-privs \\
        env XDG_CACHE_HOME=/var/cache/p2pchat-serve /usr/bin/p2pchat "$@" < /dev/null
    }
    as_user serve --data /var/lib/p2pchat-serve --json; cache="$root/var/cache/p2pchat-serve"
    for mode in 777 700; do
      rm -rf "$cache/p2pchat"; chmod $mode "$cache"
      as_user --version > "$copy/log"; echo "with $mode: $(ls "$cache")"
    done
    rm -r "$cache"/p2pchat/*/cache; chown 0 "$cache"/p2pchat/*; chmod 777 "$cache"/p2pchat/*
    as_user --version > "$copy/log"; echo "root's: $(cd "$cache"/p2pchat/* && ls)"
    rm -r "$cache"/p2pchat/*; chmod 777 "$cache"/p2pchat
    as_user --version > "$copy/log"; echo "open: $(ls "$cache")"
    chroot "$root" stat -c '%U %a' /var/lib/p2pchat-serve/serve/identity
    dpkg --remove p2pchat
    echo "removed: $(cd "$upper" && find . -path '*p2pchat*' -type f ! -path './var/lib/dpkg/*' ! -path '*/cache/*' | sort | tr '\\n' ' ')"
    dpkg --purge p2pchat
    rm "$root/p2pchat.deb"
    [ "$(cat "$root/etc/passwd" "$root/etc/group")" = "$passwd" ] && echo "no user left"
    # A file that was made and is gone, and a folder that was there, are no trace.
    echo "left: $(cd "$upper" && find . -name '*p2pchat*' ! -type c | tr '\\n' ' ')"
    grep -l p2pchat "$upper"/var/lib/dpkg/status "$upper"/etc/* 2>/dev/null | grep -v -e '-$' || true
  `;
    const [installed, user, ...later] = await apart(script, await packaged(".deb"));

    for (
      const path of [
        "usr/bin/p2pchat",
        "usr/share/man/man1/p2pchat.1.gz",
        "usr/share/bash-completion/completions/p2pchat",
        "usr/share/fish/vendor_completions.d/p2pchat.fish",
        "usr/share/zsh/vendor-completions/_p2pchat",
        "lib/systemd/system/p2pchat-serve.service",
        "lib/systemd/system/p2pchat-regserver.service",
        "lib/systemd/system/p2pchat-mesh.service",
      ]
    ) assertMatch(installed!, new RegExp(` \\./(usr/)?${path} `), path);
    assertMatch(
      user!,
      /^p2pchat:x:[1-9]\d*:[1-9]\d*:p2pchat,*:\/nonexistent:\/usr\/sbin\/nologin$/,
    );
    const [ready, , bye, everybodys, guarded, roots, open, identity, removed, ...purged] = later;
    assertEquals(JSON.parse(ready!).event, "ready");
    assertEquals(JSON.parse(bye!).event, "bye");
    assertEquals([everybodys, guarded], ["with 777: ", "with 700: p2pchat"]);
    assertEquals([roots, open], ["root's: used", "open: "]);
    assertEquals(identity, "p2pchat 600");
    // Keys stay until the package is purged.
    assertMatch(removed!, /^removed: .*\/var\/lib\/p2pchat-serve\/serve\/identity /);
    assertEquals(removed!.includes("/usr/"), false, removed);
    assertEquals(purged, ["no user left", "left:"]);
  },
);

Deno.test("lintian has nothing to say about the package for Debian", LINTIAN, async () => {
  const { code, stdout } = await run(["lintian", "--allow-root", await packaged(".deb")], {
    env: { LC_ALL: "C" },
  });

  assertEquals([code, stdout], [0, ""]);
});

Deno.test(
  "the units of the package for Debian are valid, and exposed to little",
  SYSTEMD,
  async () => {
    await using temporary = new TemporaryFolder({ prefix: "p2pchat-units-" });
    const folder = temporary.path;
    await run(["dpkg-deb", "-x", await packaged(".deb"), folder]);
    for (const name of ["p2pchat-serve", "p2pchat-regserver", "p2pchat-mesh"]) {
      const unit = `${folder}/lib/systemd/system/${name}.service`;
      const text = await Deno.readTextFile(unit);
      assertMatch(text, /^ExecStart=\/usr\/bin\/p2pchat /m);
      // Of 100, where 100 is a service with all rights; what listens to the network has 5 or so at best.
      const { code, stdout } = await run([
        "systemd-analyze",
        "security",
        "--offline=true",
        "--threshold=30",
        "--no-pager",
        unit,
      ]);
      assertEquals(code, 0, stdout);
    }
  },
);
