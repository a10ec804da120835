import { Context, Liquid, type Template } from 'liquidjs';
import { registerFilters } from './filters/registry.js';
import { LIMITS } from './limits.js';
import { AbortMessageTag } from './tags/abort-message.js';
import { LimitedCaptureTag } from './tags/capture.js';

/** liquidjs' own file access reads the working directory of the process; there are no files here. */
const NO_FILES = {
  exists: (): Promise<boolean> => Promise.resolve(false),
  existsSync: (): boolean => false,
  readFile: (): Promise<string> => Promise.reject(new Error('templates cannot read files')),
  readFileSync: (): string => {
    throw new Error('templates cannot read files');
  },
  resolve: (_root: string, file: string): string => file,
  contains: (): Promise<boolean> => Promise.resolve(false),
  containsSync: (): boolean => false,
  dirname: (): string => '',
  sep: '/',
};

/** Tags that load other files. */
const REFUSED_TAGS = ['include', 'render', 'layout', 'block'] as const;

function createEngine(): Liquid {
  const liquid = new Liquid({
    fs: NO_FILES,
    relativeReference: false,
    dynamicPartials: false,
    ownPropertyOnly: true,
    strictFilters: true,
    strictVariables: false,
    timezoneOffset: 0,
    locale: 'en-US',
    parseLimit: LIMITS.source * 2,
    renderLimit: LIMITS.renderMs,
    memoryLimit: LIMITS.memory,
  });
  for (const tag of REFUSED_TAGS) delete liquid.tags[tag];
  registerFilters(liquid);
  liquid.registerTag('abort_message', AbortMessageTag);
  liquid.registerTag('capture', LimitedCaptureTag);
  return liquid;
}

export const engine = createEngine();

export function contextOf(variables: object): Context {
  return new Context(variables, engine.options, { sync: true }, { liquid: engine });
}

export type { Template };
