/**
 * Gives the bundle a `require` for the modules of the runtime. Packages written as CommonJS ask for them by that; the
 * bundler puts in their place a function that fails, which Deno replaces by a real one, but only if the minifier's name
 * for it is of letters and digits: whether it is changes with every edit of the sources.
 */

/** The bundler's function, and the name that it has been given. */
const FAILING =
  /var ([\w$]+)=\((\w+)=>typeof require<"u"\?require:typeof Proxy<"u"\?new Proxy\(\2,\{get:\((\w+),(\w+)\)=>\(typeof require<"u"\?require:\3\)\[\4\]\}\):\2\)\(function\(\w+\)\{if\(typeof require<"u"\)return require\.apply\(this,arguments\);throw Error\('Dynamic require of "'\+\w+\+'" is not supported'\)\}\);/;

/**
 * The bundle with a function that works instead, padded so that all else stays where the source map says.
 * @throws {Error} Where there is another form of the function, so that the program would fail where it is called.
 */
export function withRequire(text: string): string {
  const replaced = text.replace(FAILING, (failing, name) => {
    const working = `import{createRequire as bundledRequire}from"node:module";` +
      `var ${name}=bundledRequire(import.meta.url);`;
    return working.padEnd(failing.length);
  });
  if (!replaced.includes("Dynamic require of ")) return replaced;
  throw new Error("the bundle has a require that fails: see tools/bundled_require.ts");
}
