// Random tests draw the same cases in every run, so that a change is tried against what the change before it was tried
// against. HEDDLE_SEED=N draws others, HEDDLE_SEED=random new ones each time.
import fc from 'fast-check';

const USUAL_SEED = 1;
const wish = process.env['HEDDLE_SEED'];
if (wish !== 'random') fc.configureGlobal({ seed: wish === undefined ? USUAL_SEED : Number(wish) });
