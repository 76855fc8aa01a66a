// A fingerprint of everything the core did: two runs are the same, byte for byte, when their fingerprints are.
import type { Effect } from '../../../client/core/messages.ts';
import type { Observer } from '../world/shell.ts';

/** Hashes effects with their times as they come. */
export class EffectLog implements Observer {
  #hash = 0x811c9dc5;
  #effects = 0;

  /** Count and hash, for people and comparisons. */
  get fingerprint(): string {
    return `${this.#effects} effects ${(this.#hash >>> 0).toString(16).padStart(8, '0')}`;
  }

  effect(effect: Effect, now: number): void {
    this.#effects += 1;
    this.#mix(String(now));
    this.#mix(JSON.stringify(effect));
  }

  #mix(text: string): void {
    for (let at = 0; at < text.length; at += 1) {
      this.#hash = Math.imul(this.#hash ^ text.charCodeAt(at), 0x01000193);
    }
  }
}
