import type { Issues } from '../issues.js';
import { LIMITS } from '../limits.js';

/** What holds for the paths of every split: how many there may be, and that each has a name of its own. */
export function checkPaths(paths: readonly { readonly name: string }[], most: number, issues: Issues): void {
  if (paths.length > most) {
    const all =
      most === LIMITS.paths - 1 ? `${LIMITS.paths} paths per split, "everyone_else" included` : `${most} paths`;
    issues.error(['paths'], 'limit_exceeded', `${paths.length} paths are over the limit of ${all}`);
  }
  const seen = new Set<string>();
  paths.forEach(({ name }, i) => {
    if (seen.has(name)) issues.error(['paths', i, 'name'], 'path_name_twice', `the path name "${name}" is used twice`);
    seen.add(name);
  });
}
