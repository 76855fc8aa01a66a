// Command line of the simulator: the stories of changes/ and what each change costs, one figure per line.
//   npm run simulate:changes -- [--story NAME …] [--output any|order] [--seed N]
// One of them is looked at by: npm run simulate -- --scenario test/simulation/changes/NAME.txt --output OUTPUT
import { changeLines } from './measure/change-lines.ts';
import { isKept } from './measure/figure-lines.ts';
import { printFigures } from './print-figures.ts';

const lines = printFigures('npm run simulate:changes --', 'changes', changeLines);
console.log(`${lines.filter((line) => isKept(line) === false).length} figures miss what was promised`);
