/**
 * Noise XX on `@noble` packages alone, as straightforward as the specification: the baseline of the handshake
 * bench. Not used by the program.
 */

type Bytes = Uint8Array;

/** What the baseline uses of `@noble/ciphers`, `@noble/curves` and `@noble/hashes`. */
interface Noble {
  readonly chacha20poly1305: (key: Bytes, nonce: Bytes, ad: Bytes) => {
    encrypt(plaintext: Bytes): Bytes;
    decrypt(sealed: Bytes): Bytes;
  };
  readonly x25519: {
    readonly utils: { randomPrivateKey(): Bytes };
    getPublicKey(secret: Bytes): Bytes;
    getSharedSecret(secret: Bytes, publicKey: Bytes): Bytes;
  };
  readonly sha256: (data: Bytes) => Bytes;
  readonly hkdf: (
    hash: Noble["sha256"],
    input: Bytes,
    salt: Bytes,
    info: Bytes,
    length: number,
  ) => Bytes;
}

const MODULES = [
  "ciphers/esm/chacha.js",
  "curves/esm/ed25519.js",
  "hashes/esm/hkdf.js",
  "hashes/esm/sha2.js",
];

/** The packages that `make bench-deps` installs, `null` where it wasn't called. */
export async function loadNoble(): Promise<Noble | null> {
  try {
    const modules = await Promise.all(
      MODULES.map((path) =>
        import(
          new URL(
            `../../build/bench-deps/node_modules/@noble/${path}`,
            import.meta.url,
          ).href
        )
      ),
    );
    return Object.assign({}, ...modules);
  } catch (error) {
    if (error instanceof TypeError) return null; // what `import` says of a missing file
    throw error;
  }
}

const EMPTY = new Uint8Array(0);
type Token = "e" | "s" | "ee" | "es" | "se";
const MESSAGES: readonly (readonly Token[])[] = [
  ["e"],
  ["e", "ee", "s", "es"],
  ["s", "se"],
];

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

export interface NobleKeyPair {
  readonly secret: Uint8Array;
  readonly publicKey: Uint8Array;
}

export function nobleKeyPair({ x25519 }: Noble): NobleKeyPair {
  const secret = x25519.utils.randomPrivateKey();
  return { secret, publicKey: x25519.getPublicKey(secret) };
}

export class NobleHandshake {
  #hash: Bytes;
  #chainingKey: Bytes;
  #key: Uint8Array | null = null;
  #nonce = 0;
  #next = 0;
  readonly #ephemeral: NobleKeyPair;
  #remoteEphemeral: Bytes = EMPTY;
  #remoteStatic: Bytes = EMPTY;

  constructor(
    readonly noble: Noble,
    readonly initiator: boolean,
    readonly fixed: NobleKeyPair,
  ) {
    this.#ephemeral = nobleKeyPair(noble);
    this.#hash = new TextEncoder().encode("Noise_XX_25519_ChaChaPoly_SHA256");
    this.#chainingKey = this.#hash;
    this.#mixHash(EMPTY);
  }

  get hash(): Uint8Array {
    return this.#hash;
  }

  write(payload: Uint8Array): Uint8Array {
    const parts: Uint8Array[] = [];
    for (const token of MESSAGES[this.#next++]!) {
      if (token === "e") {
        parts.push(this.#ephemeral.publicKey);
        this.#mixHash(this.#ephemeral.publicKey);
      } else if (token === "s") parts.push(this.#seal(this.fixed.publicKey));
      else this.#mixSecret(token);
    }
    return join(...parts, this.#seal(payload));
  }

  read(message: Uint8Array): Uint8Array {
    let at = 0;
    for (const token of MESSAGES[this.#next++]!) {
      if (token === "e") {
        this.#remoteEphemeral = message.subarray(at, at += 32);
        this.#mixHash(this.#remoteEphemeral);
      } else if (token === "s") {
        this.#remoteStatic = this.#open(
          message.subarray(at, at += this.#key === null ? 32 : 48),
        );
      } else this.#mixSecret(token);
    }
    return this.#open(message.subarray(at));
  }

  split(): Uint8Array {
    return this.noble.hkdf(
      this.noble.sha256,
      EMPTY,
      this.#chainingKey,
      EMPTY,
      64,
    );
  }

  #mixHash(data: Uint8Array): void {
    this.#hash = this.noble.sha256(join(this.#hash, data));
  }

  #mixSecret(token: "ee" | "es" | "se"): void {
    const [ours, theirs] = token === "ee"
      ? [this.#ephemeral, this.#remoteEphemeral]
      : (token === "es") === this.initiator
      ? [this.#ephemeral, this.#remoteStatic]
      : [this.fixed, this.#remoteEphemeral];
    const secret = this.noble.x25519.getSharedSecret(ours.secret, theirs);
    const keys = this.noble.hkdf(
      this.noble.sha256,
      secret,
      this.#chainingKey,
      EMPTY,
      64,
    );
    this.#chainingKey = keys.subarray(0, 32);
    this.#key = keys.subarray(32);
    this.#nonce = 0;
  }

  #cipher() {
    const nonce = new Uint8Array(12);
    new DataView(nonce.buffer).setUint32(4, this.#nonce++, true);
    return this.noble.chacha20poly1305(this.#key!, nonce, this.#hash);
  }

  #seal(plaintext: Uint8Array): Uint8Array {
    const sealed = this.#key === null ? plaintext : this.#cipher().encrypt(plaintext);
    this.#mixHash(sealed);
    return sealed;
  }

  #open(sealed: Uint8Array): Uint8Array {
    const plaintext = this.#key === null ? sealed : this.#cipher().decrypt(sealed);
    this.#mixHash(sealed);
    return plaintext;
  }
}
