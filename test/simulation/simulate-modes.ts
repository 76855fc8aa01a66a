// Command line of the simulator: patterns against explicit SENDs on S1, S3 and S4, one figure per line.
//   npm run simulate:modes -- [--story NAME …] [--output any|order] [--seed N]
import { modeLines } from './measure/modes.ts';
import { printFigures } from './print-figures.ts';

printFigures('npm run simulate:modes --', 'stories', modeLines, ['S1', 'S3', 'S4']);
