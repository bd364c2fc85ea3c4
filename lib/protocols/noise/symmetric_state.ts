/** SymmetricState (Noise revision 34, section 5.2): chaining key, transcript hash and handshake cipher. */

import { type Bytes, utf8 } from "../../base/crypto/crypto.ts";
import { CipherState } from "./cipher_state.ts";
import { EMPTY, hkdf, KEY_BYTES, sha256 } from "./primitives.ts";

/** hkdf() with a tuple for the type checker: `outputs` keys are always there. */
function hkdf2(chainingKey: Uint8Array, input: Uint8Array): readonly [Bytes, Bytes] {
  return hkdf(chainingKey, input, 2) as unknown as readonly [Bytes, Bytes];
}

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
