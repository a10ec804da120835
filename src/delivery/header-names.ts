/** Header names in lower case. They come from definitions, so the same few are asked for with every request. */
const known = new Map<string, string>();
const MOST = 5000;

export function lowerCase(name: string): string {
  let lower = known.get(name);
  if (lower === undefined) {
    lower = name.toLowerCase();
    if (known.size >= MOST) known.clear();
    known.set(name, lower);
  }
  return lower;
}
