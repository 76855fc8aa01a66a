// Command line of the simulator: the stories of crowds/, many clients over the same relays, one figure per line.
//   npm run simulate:crowds -- [--story NAME …] [--output any|order] [--seed N]
import { crowdLines, playCrowd } from './measure/crowd.ts';
import { printFigures } from './print-figures.ts';

printFigures('npm run simulate:crowds --', 'crowds', (scenario, output, seed) => {
  const played = { ...scenario, core: { ...scenario.core, output } };
  return crowdLines(played, playCrowd(played, seed));
});
