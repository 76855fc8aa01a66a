// What theory says of one connection's average window under random loss, packets: CUBIC's window equation (RFC 9438, with
// its Reno-friendly region) iterated round by round, Mathis' formula for Reno, and PFTK's with time-outs. The yardsticks
// of the TCP model and the loss-limited part of the ideals; shares no code with the model.
import { Random } from '../random.ts';

const CUBIC_SCALE = 0.4;
const AFTER_LOSS = 0.7;
const RENO_GAIN = (3 * (1 - AFTER_LOSS)) / (1 + AFTER_LOSS);
const ROUNDS = 20_000;
/** Rounds before the average begins. */
const SETTLING_ROUNDS = 500;
const SEED = 9_438;
const LEAST_TIMEOUT_MS = 200;

/** Packets per round trip of one CUBIC connection that loses each packet with probability `loss`. */
export function cubicWindow(loss: number, rttMs: number): number {
  if (loss <= 0) return Number.POSITIVE_INFINITY;
  const random = new Random(SEED);
  const rttSeconds = rttMs / 1_000;
  let window = 10;
  let atLoss = 0;
  let reno = 0;
  let kSeconds = 0;
  let epochRound: number | undefined;
  let isRecovering = false;
  let sum = 0;
  for (let round = 0; round < ROUNDS + SETTLING_ROUNDS; round += 1) {
    if (round >= SETTLING_ROUNDS) sum += window;
    if (isRecovering) {
      isRecovering = false; // a round trip in which the loss is repaired
      continue;
    }
    if (random.next() >= (1 - loss) ** window) {
      atLoss = window < atLoss ? (window * (1 + AFTER_LOSS)) / 2 : window;
      window = Math.max(2, window * AFTER_LOSS);
      epochRound = undefined;
      isRecovering = true;
      continue;
    }
    if (epochRound === undefined) {
      epochRound = round;
      reno = window;
      kSeconds = Math.cbrt(Math.max(0, atLoss - window) / CUBIC_SCALE);
      atLoss = Math.max(atLoss, window);
    }
    const target = CUBIC_SCALE * ((round + 1 - epochRound) * rttSeconds - kSeconds) ** 3 + atLoss;
    reno += RENO_GAIN;
    window = Math.max(window * (1 + Math.max(0.01, Math.min(0.5, target / window - 1))), reno);
  }
  return sum / ROUNDS;
}

/** Packets per round trip of Reno and of CUBIC's Reno-friendly region (Mathis et al. 1997). */
export function mathisWindow(loss: number): number {
  return Math.sqrt(1.5 / loss);
}

/** The same with retransmission time-outs as they were before SACK and tail probes (Padhye et al. 1998): a lower bound. */
export function pftkWindow(loss: number, rttMs: number): number {
  const timeoutMs = Math.max(LEAST_TIMEOUT_MS, rttMs + LEAST_TIMEOUT_MS);
  const often = Math.min(1, 3 * Math.sqrt((3 * loss) / 8)) * loss * (1 + 32 * loss * loss);
  return rttMs / (rttMs * Math.sqrt((2 * loss) / 3) + timeoutMs * often);
}
