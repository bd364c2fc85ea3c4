/**
 * What in a bundle has to be otherwise than the bundler writes it. All stays where the source map says.
 */

/*
 * A `require` for the modules of the runtime. Packages written as CommonJS ask for them by that; the
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
    // Not by `createRequire`, for which each start would load the runtime's module loader.
    return `var ${name}=m=>process.getBuiltinModule(m);`.padEnd(failing.length);
  });
  if (!replaced.includes("Dynamic require of ")) return replaced;
  throw new Error("the bundle has a require that fails: see tools/mended_bundle.ts");
}

/** An import of a module that was left out of the bundle. */
const LEFT_OUT = /import\("(?:\.{1,2}\/|@).([^"]*)"\)/g;

/**
 * The bundle in which no module that was left out is named where the runtime looks: before each start it would try to
 * open all that a program may import by a literal. The rest of the path stays, for the error if one were asked for.
 */
export function withoutLeftOut(text: string): string {
  return text.replace(LEFT_OUT, (whole, rest) => `import(0||"${rest}")`.padEnd(whole.length));
}

/**
 * The bundle.
 * @throws {Error} Where a character isn't ASCII: V8 would hold two bytes of each, and each start take 15 ms more.
 */
export function asciiOnly(text: string): string {
  // deno-lint-ignore no-control-regex
  const other = /.{0,30}[^\x00-\x7f]/.exec(text)?.[0];
  if (other === undefined) return text;
  throw new Error(
    `the bundle has what isn't ASCII, which the source can escape (\\u....): ${other}`,
  );
}
