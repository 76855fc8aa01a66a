// When the demo's faults happen, what they do, and that the killed relay runs again before anybody goes on.
import { describe, expect, test } from 'vitest';
import { createFaults } from '../../client/demo/faults.ts';
import type { Faults, FaultyStage } from '../../client/demo/faults.ts';

const BYTES = 900;

describe('a download with faults', () => {
  test('is left alone until a third, slowed there, hit at half, and each of it happens once', () => {
    const { faults, done } = act();
    look(faults, 299, 0);
    expect(done).toEqual([]);
    look(faults, 300, 100);
    look(faults, 449, 200);
    expect(done).toEqual(['mid at 5', 'said 1: slows from 25 to 5 Mbit/s']);
    look(faults, 450, 300);
    look(faults, 460, 400);
    expect(done.slice(2)).toEqual(['kill near', 'said 0: killed']);
  });

  test('brings the relay back a second after the kill, and tells when it carries again', async () => {
    const { faults, done } = act();
    look(faults, 500, 1_000, 200);
    done.length = 0;
    look(faults, 600, 1_999, 200);
    expect(done).toEqual([]);
    look(faults, 600, 2_000, 200);
    await faults.settled();
    look(faults, 610, 2_500, 200);
    expect(done).toEqual(['kill near', 'start near', 'said 0: started again']);
    look(faults, 620, 2_600, 201);
    look(faults, 630, 2_700, 202);
    expect(done.slice(3)).toEqual(['said 0: in use again']);
  });

  test('that ends at once still leaves the relay running', async () => {
    const { faults, done } = act();
    look(faults, BYTES, 50);
    await faults.settled();
    expect(done.at(-2)).toBe('start near');
  });

  test('says so when the relay cannot be started again', async () => {
    const { faults, done } = act(new Error('port taken'));
    look(faults, BYTES, 50);
    await faults.settled();
    expect(done.at(-1)).toBe('said 0: cannot be started again (port taken)');
  });

  test('without a kill there is nothing to wait for', async () => {
    const { faults, done } = act();
    await faults.settled();
    expect(done).toEqual([]);
  });
});

function act(startFault?: Error): { faults: Faults; done: string[] } {
  const done: string[] = [];
  const route = (name: string, megabitsPerSecond: number): FaultyStage['routes'][number] => ({
    name,
    megabitsPerSecond,
    link: { setRate: (rate) => void done.push(`${name} at ${Number(rate)}`) },
    killRelay: async () => void done.push(`kill ${name}`),
    async startRelay() {
      if (startFault !== undefined) throw startFault;
      done.push(`start ${name}`);
    },
  });
  const stage = { bytes: BYTES, routes: [route('near', 40), route('mid', 25)] };
  const said = /slows .*|killed$|started again$|in use again$|cannot .*/;
  const faults = createFaults(stage, (text, at) => void done.push(`said ${at}: ${said.exec(text)?.[0] ?? text}`));
  return { faults, done };
}

function look(faults: Faults, receivedBytes: number, elapsedMs: number, payloadBytes = 0): void {
  faults.look({ receivedBytes, elapsedMs, routes: [{ payloadBytes }, { payloadBytes: 0 }] });
}
