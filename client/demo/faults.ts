// What goes wrong in the demo, and when: at a third of the bytes the middle route's link is slowed to a fifth, at half the
// fastest route's relay is killed, and a second later it is started again. Each is said in one line when it happens.
import { asHeddleError } from '../../protocol/errors.ts';
import type { SessionReport } from '../io/report.ts';
import type { Stage, StagedRoute } from './stage.ts';

/** The part of a route that faults touch. */
export type FaultyRoute = Pick<StagedRoute, 'name' | 'megabitsPerSecond' | 'killRelay' | 'startRelay'> & {
  readonly link: Pick<StagedRoute['link'], 'setRate'>;
};

/** The part of a stage that faults touch. */
export type FaultyStage = Pick<Stage, 'bytes'> & { readonly routes: readonly FaultyRoute[] };

/** The part of a report that says when. */
export type FaultyReport = Pick<SessionReport, 'receivedBytes' | 'elapsedMs'> & {
  readonly routes: readonly { readonly payloadBytes: number }[];
};

/** The faults of one download. */
export type Faults = {
  /** Looks at the transfer and does what is due. */
  look(report: FaultyReport): void;
  /** Settles when the killed relay runs again. */
  settled(): Promise<void>;
};

const SLOWED = 1;
const KILLED = 0;
const SLOWED_AT = 1 / 3;
const SLOWED_TO = 1 / 5;
const KILLED_AT = 1 / 2;
const BACK_AFTER_MS = 1_000;

/** The faults on `stage`; `say` tells them, with a route's place in the list where one is meant. */
export function createFaults(stage: FaultyStage, say: (text: string, route: number) => void): Faults {
  let slowed = false;
  let killedAt: number | undefined;
  let back: Promise<void> | undefined;
  let bytesBefore = 0;
  let runsAgain = false;
  let usedAgain = false;

  function slow(route: FaultyRoute): void {
    slowed = true;
    const rate = SLOWED_TO * route.megabitsPerSecond;
    route.link.setRate(rate);
    say(`a third has come: the link of ${route.name} slows from ${route.megabitsPerSecond} to ${rate} Mbit/s`, SLOWED);
  }

  function kill(route: FaultyRoute, now: number): void {
    killedAt = now;
    void route.killRelay();
    say(`half has come: the relay of ${route.name} is killed`, KILLED);
  }

  async function restart(route: FaultyRoute): Promise<void> {
    try {
      await route.killRelay();
      await route.startRelay();
      runsAgain = true;
      say(`the relay of ${route.name} is started again`, KILLED);
    } catch (error) {
      say(`the relay of ${route.name} cannot be started again (${asHeddleError(error).message})`, KILLED);
    }
  }

  return {
    look({ receivedBytes, elapsedMs, routes }) {
      const [killed, slower] = [stage.routes[KILLED], stage.routes[SLOWED]];
      if (killed === undefined || slower === undefined) return;
      const done = receivedBytes / stage.bytes;
      if (!slowed && done >= SLOWED_AT) slow(slower);
      if (killedAt === undefined && done >= KILLED_AT) kill(killed, elapsedMs);
      if (killedAt === undefined || elapsedMs < killedAt + BACK_AFTER_MS) return;
      const brought = routes[KILLED]?.payloadBytes ?? 0;
      if (back === undefined) {
        bytesBefore = brought;
        back = restart(killed);
      } else if (!usedAgain && runsAgain && brought > bytesBefore) {
        usedAgain = true;
        say(`${killed.name} is in use again`, KILLED);
      }
    },
    async settled() {
      const killed = stage.routes[KILLED];
      if (killedAt !== undefined && killed !== undefined) back ??= restart(killed);
      await back;
    },
  };
}
