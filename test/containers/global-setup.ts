// Before all tests: looks for an engine, builds the images, and tells the tests what there is; without an engine it says
// why they are skipped, or fails where one is required. After all tests: removes what carries their label.
import type { TestProject } from 'vitest/node';
import { removeLabelled } from './engine.ts';
import { buildHeddle, engineVersion, prepareHelpers } from './images.ts';
import type { Images } from './images.ts';

declare module 'vitest' {
  // oxlint-disable-next-line typescript/consistent-type-definitions -- only an interface can be added to
  export interface ProvidedContext {
    readonly engine: ProvidedEngine;
  }
}

/** What tests are told. */
export type ProvidedEngine =
  | { readonly images: Images; readonly missing?: undefined }
  | { readonly images?: undefined; readonly missing: string };

export async function setup(project: TestProject): Promise<void> {
  const begun = performance.now();
  const found = await engineVersion();
  if ('missing' in found) return goWithout(project, found.missing);
  await removeLabelled();
  let tools: string;
  try {
    tools = await prepareHelpers((line) => console.log(line));
  } catch (error) {
    return goWithout(project, error instanceof Error ? error.message : String(error));
  }
  const images: Images = { heddle: await buildHeddle(), tools };
  const seconds = ((performance.now() - begun) / 1_000).toFixed(1);
  console.log(`Docker engine ${found.version}, images ready in ${seconds} s`);
  project.provide('engine', { images });
}

export async function teardown(): Promise<void> {
  if (!('missing' in (await engineVersion()))) await removeLabelled();
}

function goWithout(project: TestProject, missing: string): void {
  if (process.env['HEDDLE_REQUIRE_DOCKER'] === '1') throw new Error(`HEDDLE_REQUIRE_DOCKER=1, but ${missing}`);
  console.log(`container tests are skipped: ${missing}`);
  project.provide('engine', { missing });
}
