// The health check of the image: asks the admin listener whether the process lives, and says what it answered.
// A script of its own, because the image has neither curl nor wget.
import { get } from 'node:http';

const url = process.env.HEDDLE_HEALTH_URL ?? 'http://127.0.0.1:9101/livez';
const TIMEOUT_MS = 4_000;

get(url, { timeout: TIMEOUT_MS, agent: false }, (answer) => {
  answer.pipe(process.stdout);
  process.exitCode = answer.statusCode === 200 ? 0 : 1;
})
  .on('timeout', function () {
    this.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`));
  })
  .on('error', (error) => {
    console.error(
      `${url}: ${error.message}; serve it with "admin: 0.0.0.0:9101", or say where it is in HEDDLE_HEALTH_URL`,
    );
    process.exitCode = 1;
  });
