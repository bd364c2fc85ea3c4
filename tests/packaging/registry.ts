/**
 * A registry of npm packages, for hosts that reach no other: `deno run -A registry.ts PORT TARBALL...`. It prints a line
 * once it listens.
 */

interface Kept {
  readonly about: { readonly name: string; readonly version: string };
  readonly bytes: Uint8Array<ArrayBuffer>;
}

async function keptOf(tarball: string): Promise<Kept> {
  // What npm packs, and `make npm`, lies below this folder.
  const args = ["xOf", tarball, "package/package.json"];
  const { stdout } = await new Deno.Command("tar", { args }).output();
  const about = JSON.parse(new TextDecoder().decode(stdout));
  return { about, bytes: await Deno.readFile(tarball) };
}

const [port, ...tarballs] = Deno.args;
const all = new Map<string, Kept>();
for (const kept of await Promise.all(tarballs.map(keptOf))) all.set(kept.about.name, kept);

Deno.serve({
  port: Number(port),
  // deno-lint-ignore no-console -- whoever has started it waits for this
  onListen: () => console.log("listening"),
}, ({ url }) => {
  const { pathname, origin } = new URL(url);
  const name = decodeURIComponent(pathname.slice(1)).replace(/\.tgz$/, "");
  const kept = all.get(name);
  if (kept === undefined) return Response.json({ error: "Not found" }, { status: 404 });
  if (pathname.endsWith(".tgz")) return new Response(kept.bytes);
  const { about } = kept;
  const dist = { tarball: `${origin}/${encodeURIComponent(name)}.tgz` };
  return Response.json({
    name,
    "dist-tags": { latest: about.version },
    versions: { [about.version]: { ...about, dist } },
  });
});
