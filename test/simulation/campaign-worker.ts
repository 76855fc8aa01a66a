// A thread of the campaign: plays the seeds it is given, one after another, and posts what came of each.
import { parentPort, workerData } from 'node:worker_threads';
import { playSeed } from './measure/campaign.ts';
import type { CampaignOrder } from './measure/campaign.ts';

const order = workerData as CampaignOrder;
parentPort?.on('message', (seed: number) => parentPort?.postMessage(playSeed(seed, order), []));
