// BBR version 1, much simplified: start-up until the delivery rate is flat for three rounds, drain, then a cycle of
// pacing gains around the best rate of the last ten rounds, with a dip every ten seconds to see the round trip bare.
// A loss in start-up keeps the window at what is in flight for a round; nothing else follows from losses.
import type { Acknowledged, Congestion } from './congestion.ts';
import { FIRST_WINDOW_BYTES } from './congestion.ts';
import { PACKET_BYTES } from './link.ts';

const STARTUP_GAIN = 2.885;
const CYCLE: readonly number[] = [1.25, 0.75, 1, 1, 1, 1, 1, 1];
const WINDOW_GAIN = 2;
const RATE_ROUNDS = 10;
const FLAT_ROUNDS = 3;
const FLAT_GROWTH = 1.25;
const ROUND_TRIP_VALID_MS = 10_000;
const DIP_MS = 200;
const LEAST_WINDOW_BYTES = 4 * PACKET_BYTES;

type Mode = 'startup' | 'drain' | 'cycle' | 'dip';

/** One flow's BBR. */
export class Bbr implements Congestion {
  #mode: Mode = 'startup';
  #rates: number[] = [0];
  #fullRate = 0;
  #flatRounds = 0;
  #leastRttMs = Number.POSITIVE_INFINITY;
  #leastRttAt = 0;
  #dipUntil = 0;
  #cycleAt = 0;
  #phase = 2;
  #isCollapsed = false;
  /** Window for the round after a loss: what was in flight then. */
  #conservedBytes = Number.POSITIVE_INFINITY;
  #conservedRounds = 0;

  get windowBytes(): number {
    if (this.#mode === 'dip' || this.#isCollapsed) return LEAST_WINDOW_BYTES;
    const gain = this.#mode === 'startup' || this.#mode === 'drain' ? STARTUP_GAIN : WINDOW_GAIN;
    const product = this.#rate * (Number.isFinite(this.#leastRttMs) ? this.#leastRttMs : 0);
    const least = this.#mode === 'startup' ? FIRST_WINDOW_BYTES : LEAST_WINDOW_BYTES;
    return Math.max(least, Math.min(this.#conservedBytes, gain * product + 3 * PACKET_BYTES));
  }

  get pacingRate(): number {
    if (this.#rate === 0) return Number.POSITIVE_INFINITY;
    return Math.max(0.05, this.#gain() * this.#rate);
  }

  acknowledged(ack: Acknowledged, now: number): void {
    this.#isCollapsed = false;
    if (ack.isNewRound && ack.isSupplied) this.#rates = [...this.#rates.slice(1 - RATE_ROUNDS), 0];
    if (ack.isNewRound) this.#conservedRounds -= 1;
    if (this.#conservedRounds <= 0) this.#conservedBytes = Number.POSITIVE_INFINITY;
    const last = this.#rates.length - 1;
    if (ack.isSupplied || ack.deliveryRate > this.#rate) {
      this.#rates[last] = Math.max(this.#rates[last] ?? 0, ack.deliveryRate);
    }
    this.#watchRoundTrip(ack, now);
    if (this.#mode === 'startup' && ack.isNewRound && ack.isSupplied) this.#checkFull();
    const product = this.#rate * this.#leastRttMs;
    const drained = Math.max(LEAST_WINDOW_BYTES, product + 3 * PACKET_BYTES);
    if (this.#mode === 'drain' && ack.mostInFlight <= drained) this.#mode = 'cycle';
    if (this.#mode === 'cycle' && now - this.#cycleAt > this.#leastRttMs) {
      this.#cycleAt = now;
      this.#phase = (this.#phase + 1) % CYCLE.length;
    }
  }

  lost(inFlight: number, _now: number): void {
    if (this.#mode !== 'startup') return;
    this.#conservedBytes = Math.max(LEAST_WINDOW_BYTES, inFlight);
    this.#conservedRounds = 1;
  }

  timedOut(_now: number): void {
    this.#isCollapsed = true;
  }

  idled(_ms: number, _timeoutMs: number): void {}

  get #rate(): number {
    return Math.max(...this.#rates);
  }

  #gain(): number {
    if (this.#mode === 'startup') return STARTUP_GAIN;
    if (this.#mode === 'drain') return 1 / STARTUP_GAIN;
    return this.#mode === 'dip' ? 1 : (CYCLE[this.#phase] ?? 1);
  }

  #checkFull(): void {
    if (this.#rate >= FLAT_GROWTH * this.#fullRate) {
      this.#fullRate = this.#rate;
      this.#flatRounds = 0;
      return;
    }
    this.#flatRounds += 1;
    if (this.#flatRounds >= FLAT_ROUNDS) this.#mode = 'drain';
  }

  #watchRoundTrip({ rttMs }: Acknowledged, now: number): void {
    const isStale = now - this.#leastRttAt > ROUND_TRIP_VALID_MS;
    if (this.#mode === 'dip' && now >= this.#dipUntil) {
      this.#mode = this.#flatRounds >= FLAT_ROUNDS ? 'cycle' : 'startup';
      this.#leastRttAt = now;
    } else if (isStale && this.#mode === 'cycle') {
      this.#mode = 'dip';
      this.#dipUntil = now + DIP_MS;
      this.#leastRttMs = rttMs;
    }
    if (rttMs <= this.#leastRttMs) {
      this.#leastRttMs = rttMs;
      this.#leastRttAt = now;
    }
  }
}
