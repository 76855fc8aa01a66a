// One route of the world: its line, the process at its far end, and what happens to both over time. Connections run over
// it; it tells them when they are reset or fall silent.
import type { Agenda } from '../agenda.ts';
import { Bbr } from '../network/bbr.ts';
import type { Congestion } from '../network/congestion.ts';
import { Cubic } from '../network/cubic.ts';
import { Line } from '../network/line.ts';
import { Link } from '../network/link.ts';
import type { Random } from '../random.ts';
import { lineRate } from '../scenario/scenario.ts';
import type { RouteChange, RouteScenario } from '../scenario/scenario.ts';

/** What the process at the far end does with an upgrade. */
export type Refusing = Extract<RouteChange, { type: 'refuse' }>;

/** Something that lives on a path and has to hear when it ends. */
export type Resident = {
  /** The far end reset the connection. */
  reset(): void;
  /** The far end says nothing more. */
  hang(): void;
};

/** One route. */
export class Path {
  readonly route: RouteScenario;
  readonly line: Line;
  readonly random: Random;
  readonly residents: Set<Resident> = new Set();
  /** False while the process is dead: dials are refused. */
  isServing = true;
  refusing: Refusing | undefined;
  corrupt: number;
  readonly #agenda: Agenda;
  /** When a source with a cap on its rate may send again. */
  #freeAt = 0;

  /** `shared`: the bottlenecks that the route leads over. */
  constructor(agenda: Agenda, random: Random, route: RouteScenario, shared: readonly Link[] = []) {
    this.#agenda = agenda;
    this.route = route;
    this.random = random.fork(`path ${route.name}`);
    this.corrupt = route.corrupt;
    const rate = lineRate(route.rateMbit);
    const conditions = {
      rate,
      delayMs: route.rttMs / 2,
      jitterMs: route.jitterMs,
      loss: route.loss,
      burst: route.burst,
      down: false,
    };
    const own = new Link(agenda, random.fork(`link ${route.name}`), conditions, rate * route.bufferMs);
    this.line = new Line(own, shared);
  }

  /** ms until the cap on the source's rate allows another segment. */
  get heldUpMs(): number {
    return Math.max(0, this.#freeAt - this.#agenda.now);
  }

  /** The source sends `bytes`: they count against its cap. */
  spend(bytes: number): void {
    if (this.route.cappedRate === undefined) return;
    this.#freeAt = Math.max(this.#freeAt, this.#agenda.now) + bytes / this.route.cappedRate;
  }

  congestion(): Congestion {
    return this.route.congestion === 'bbr' ? new Bbr() : new Cubic();
  }

  apply(change: RouteChange): void {
    switch (change.type) {
      case 'rate':
        return this.line.own.change({ rate: lineRate(change.rateMbit) });
      case 'rtt':
        return this.line.own.change({ delayMs: change.rttMs / 2 });
      case 'jitter':
        return this.line.own.change({ jitterMs: change.jitterMs });
      case 'loss':
        return this.line.own.change({ loss: change.loss });
      case 'blackhole':
        return this.line.own.change({ down: true });
      case 'recover':
        return this.line.own.change({ down: false });
      case 'kill':
        this.isServing = false;
        for (const resident of [...this.residents]) resident.reset();
        return;
      case 'restart':
        this.isServing = true;
        return;
      case 'reset':
        for (const resident of [...this.residents]) resident.reset();
        return;
      case 'hang':
        for (const resident of [...this.residents]) resident.hang();
        return;
      case 'corrupt':
        this.corrupt = change.corrupt;
        return;
      case 'refuse':
        this.refusing = change;
        return;
      case 'accept':
        this.refusing = undefined;
        return;
      default:
        change satisfies never;
    }
  }
}
