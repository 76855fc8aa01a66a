// Settings given by environment variables: HEDDLE__RELAY__LIMITS__MAX_SESSIONS is limits.maxSessions of a relay. They win
// over the file and lose to flags. Knows the names and who speaks of what; values are read as the table says.
import type { AnyTable } from './setting.ts';
import { nearest } from './nearest.ts';

/** The roles that have a table. */
export type Role = 'client' | 'relay' | 'origin';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable that names a setting, and the path to it. */
export type Variable = { readonly name: string; readonly path: readonly string[]; readonly value: string };

const SEPARATOR = '__';

/** True when `environment` says anything about `role`. */
export function speaksOf(role: Role, environment: Environment): boolean {
  return Object.keys(environment).some((name) => name.startsWith(prefixOf(role)));
}

/** The name of the variable for the setting at `path`. */
export function variableOf(role: Role, path: readonly string[]): string {
  return (
    prefixOf(role) + path.map((key) => key.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '_').toUpperCase()).join(SEPARATOR)
  );
}

/** The variables about `role`, each with its setting; a text says what is wrong with one that names none. */
export function variablesOf(role: Role, environment: Environment, table: AnyTable): (Variable | string)[] {
  const known = new Map(pathsOf(table).map((path) => [variableOf(role, path), path]));
  const names = Object.keys(environment).filter((name) => name.startsWith(prefixOf(role)));
  return names.toSorted().map((name) => {
    const path = known.get(name);
    if (path !== undefined) return { name, path, value: environment[name] ?? '' };
    const close = nearest(name, [...known.keys()]);
    const meant =
      close === undefined ? `write one of ${[...known.keys()].slice(0, 5).join(', ')}, …` : `did you mean ${close}?`;
    return `the environment variable ${name} is no setting of the ${role}; ${meant}`;
  });
}

function prefixOf(role: Role): string {
  return `HEDDLE${SEPARATOR}${role.toUpperCase()}${SEPARATOR}`;
}

function pathsOf(table: AnyTable, before: readonly string[] = []): string[][] {
  return Object.entries(table).flatMap(([key, { members }]) => {
    const path = [...before, key];
    return members === undefined ? [path] : [path, ...pathsOf(members, path)];
  });
}
