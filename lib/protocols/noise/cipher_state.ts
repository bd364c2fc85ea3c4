/**
 * CipherState (Noise revision 34, section 5.1): one key, one direction, a counter as nonce; and the SymmetricState that
 * has one while a handshake goes on (section 5.2).
 */

import { type Bytes, utf8 } from "../../base/crypto/crypto.ts";
import { RemoteProtocolError } from "../../base/errors.ts";
import { invariant } from "../../base/invariant.ts";
import { EMPTY, hkdf, KEY_BYTES, open, sealInto, sha256, TAG_BYTES } from "./primitives.ts";

// The specification reserves 2^64 - 1; a number counts exactly to 2^53, which no link reaches in its day.
const NONCE_END = Number.MAX_SAFE_INTEGER;

// ChaChaPoly's nonce: four zero bytes, then the counter, little-endian. Here the reserved 2^64 - 1.
const REKEY_NONCE = Uint8Array.fromHex("00000000ffffffffffffffff");

export class CipherState {
  #key: Bytes | null = null;
  #counter = 0;
  readonly #nonce = new Uint8Array(12);
  readonly #nonceView = new DataView(this.#nonce.buffer);

  constructor(key: Bytes | null = null) {
    this.#key = key;
  }

  get hasKey(): boolean {
    return this.#key !== null;
  }

  /** How many messages this state has sealed or opened since its key was set. */
  get counter(): number {
    return this.#counter;
  }

  /** InitializeKey(): a new key starts at counter 0. */
  setKey(key: Bytes): void {
    this.#key = key;
    this.#counter = 0;
  }

  /** Bytes that sealing adds: the tag, or nothing before there is a key. */
  get overheadBytes(): number {
    return this.hasKey ? TAG_BYTES : 0;
  }

  /** EncryptWithAd(), written to `out` at `offset`. @returns How many bytes were written. */
  sealInto(out: Uint8Array, offset: number, ad: Uint8Array, plaintext: Uint8Array): number {
    if (this.#key === null) {
      out.set(plaintext, offset);
      return plaintext.length;
    }
    sealInto(out, offset, this.#key, this.#nextNonce(), ad, plaintext);
    this.#counter += 1;
    return plaintext.length + TAG_BYTES;
  }

  /**
   * DecryptWithAd(), into a new array.
   * @throws {RemoteProtocolError} If authentication fails; the counter then stays, so that the genuine message
   * could still be opened.
   */
  open(ad: Uint8Array, ciphertext: Uint8Array): Bytes {
    if (this.#key === null) return new Uint8Array(ciphertext);
    const plaintext = open(this.#key, this.#nextNonce(), ad, ciphertext);
    if (plaintext === null) {
      throw new RemoteProtocolError(
        `Cannot open sealed message ${this.#counter}: it was changed, repeated or sealed with another key`,
      );
    }
    this.#counter += 1;
    return plaintext;
  }

  /**
   * DecryptWithAd() after SetNonce(`counter`), for messages that come in any order (Noise, section 11.4), into a
   * new array; `null` where authentication fails. This state's own counter stays: the caller keeps track of what
   * was opened.
   * @param counter 0 to 2^53 - 2.
   */
  openAt(counter: number, ad: Uint8Array, ciphertext: Uint8Array): Bytes | null {
    invariant(this.#key !== null, "only a state that has a key opens messages out of order");
    return open(this.#key, this.#nonceOf(counter), ad, ciphertext);
  }

  /** An independent copy of this state. */
  fork(): CipherState {
    const fork = new CipherState(this.#key);
    fork.#counter = this.#counter;
    return fork;
  }

  /** Rekey() (Noise, sections 4.2 and 11.3): a captured later key opens nothing earlier. The counter goes on. */
  rekey(): void {
    invariant(this.#key !== null, "only a state that has a key is rekeyed");
    const sealed = new Uint8Array(KEY_BYTES + TAG_BYTES);
    sealInto(sealed, 0, this.#key, REKEY_NONCE, EMPTY, new Uint8Array(KEY_BYTES));
    this.#key = sealed.slice(0, KEY_BYTES);
  }

  #nextNonce(): Uint8Array {
    invariant(this.#counter < NONCE_END, "a nonce is never used twice");
    return this.#nonceOf(this.#counter);
  }

  #nonceOf(counter: number): Uint8Array {
    this.#nonceView.setUint32(4, counter >>> 0, true);
    this.#nonceView.setUint32(8, Math.floor(counter / 2 ** 32), true);
    return this.#nonce;
  }
}

/** hkdf() with a tuple for the type checker: `outputs` keys are always there. */
function hkdf2(chainingKey: Uint8Array, input: Uint8Array): readonly [Bytes, Bytes] {
  return hkdf(chainingKey, input, 2) as unknown as readonly [Bytes, Bytes];
}

/** SymmetricState (Noise revision 34, section 5.2): chaining key, transcript hash and handshake cipher. */
export class SymmetricState {
  #chainingKey: Bytes;
  #hash: Bytes;
  readonly #cipher: CipherState;

  /** InitializeSymmetric(). `protocolName` is ASCII, as in Noise section 8. */
  constructor(protocolName: string, cipher = new CipherState()) {
    this.#cipher = cipher;
    const name = utf8(protocolName);
    if (name.length <= KEY_BYTES) {
      this.#hash = new Uint8Array(KEY_BYTES);
      this.#hash.set(name);
    } else {
      this.#hash = sha256(name);
    }
    this.#chainingKey = this.#hash;
  }

  /** GetHandshakeHash(): the transcript so far. Never changed in place, so it may be kept. */
  get hash(): Bytes {
    return this.#hash;
  }

  /** Bytes that sealAndHash() adds now. */
  get overheadBytes(): number {
    return this.#cipher.overheadBytes;
  }

  mixHash(data: Uint8Array): void {
    this.#hash = sha256(this.#hash, data);
  }

  mixKey(input: Uint8Array): void {
    const [chainingKey, key] = hkdf2(this.#chainingKey, input);
    this.#chainingKey = chainingKey;
    this.#cipher.setKey(key);
  }

  /** MixKeyAndHash(), for pre-shared keys (Noise, section 9). */
  mixKeyAndHash(input: Uint8Array): void {
    const [chainingKey, hash, key] = hkdf(this.#chainingKey, input, 3) as unknown as readonly [
      Bytes,
      Bytes,
      Bytes,
    ];
    this.#chainingKey = chainingKey;
    this.mixHash(hash);
    this.#cipher.setKey(key);
  }

  /** EncryptAndHash(). */
  sealAndHash(plaintext: Uint8Array): Bytes {
    const sealed = new Uint8Array(plaintext.length + this.overheadBytes);
    this.#cipher.sealInto(sealed, 0, this.#hash, plaintext);
    this.mixHash(sealed);
    return sealed;
  }

  /**
   * DecryptAndHash().
   * @throws {RemoteProtocolError} If authentication fails; nothing has changed then.
   */
  openAndHash(sealed: Uint8Array): Bytes {
    const plaintext = this.#cipher.open(this.#hash, sealed);
    this.mixHash(sealed);
    return plaintext;
  }

  /** An independent copy of this state. */
  fork(): SymmetricState {
    const fork = new SymmetricState("", this.#cipher.fork());
    fork.#hash = this.#hash;
    fork.#chainingKey = this.#chainingKey;
    return fork;
  }

  /** Split(): the transport states, first the initiator's sending one. */
  split(): readonly [CipherState, CipherState] {
    const [first, second] = hkdf2(this.#chainingKey, EMPTY);
    return [new CipherState(first), new CipherState(second)];
  }
}
