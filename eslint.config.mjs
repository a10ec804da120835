/**
 * The rules of the house that a machine can hold: who may import whom, what pure code may not touch, and the ordinary
 * ones for TypeScript. test/lint.spec.ts proves on bad examples that each of them bites.
 */
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** No I/O, no Nest, no clock, no randomness, no async: loadable in a browser. */
const PURE = [
  'src/kernel/**/*.ts',
  'src/liquid/**/*.ts',
  'src/journey/**/*.ts',
  'src/segments/**/*.ts',
  'src/profiles/merge.ts',
  'src/delivery/{outcome,retry,rate-window,circuit,pacing,signature}.ts',
];
const SQL = ['src/**/*.{store,reader,sql}.ts'];
const SPECS = ['src/**/*.spec.ts', 'test/**/*.ts'];

const BANS = {
  xstate: { name: 'xstate', message: 'Only journey/ knows XState.' },
  undici: { name: 'undici', message: 'Only delivery/sender.ts and security/egress.ts make requests.' },
  pg: { name: 'pg', message: 'Only persistence/ and stores reach PostgreSQL.' },
  typeorm: {
    name: 'typeorm',
    allowImportNames: ['DataSource', 'EntityManager', 'Repository'],
    message: 'Only persistence/ and stores use TypeORM; others may name what is injected.',
  },
  forwardRef: {
    name: '@nestjs/common',
    importNames: ['forwardRef'],
    message: 'A cycle of injected classes dies at load: cut it.',
  },
};
const STATEMENT_BAN = {
  group: ['**/persistence/database.js'],
  importNames: ['statement'],
  message: 'SQL stands in *.store.ts, *.reader.ts and *.sql.ts.',
};
const PURE_BAN = {
  group: ['@nestjs/*', 'node:*', 'fastify', 'pino', 'prom-client', 'rxjs', 'reflect-metadata'],
  message: 'This file is pure.',
};

function imports({ allow = [], pure = false, sql = false }) {
  const paths = Object.entries(BANS).filter(([name]) => !allow.includes(name));
  const patterns = [...(sql ? [] : [STATEMENT_BAN]), ...(pure ? [PURE_BAN] : [])];
  return ['error', { paths: paths.map(([, ban]) => ban), patterns }];
}

const ALWAYS = [
  {
    selector: 'CatchClause > BlockStatement[body.length=0]',
    message: 'A catch rethrows, returns a value or logs the error.',
  },
  {
    selector: "MethodDefinition[kind='constructor'] > FunctionExpression[params.length>6]",
    message: 'More than six constructor parameters: this class holds two nouns.',
  },
  { selector: 'ExportAllDeclaration', message: 'No barrels.' },
];
const NO_SQL_TEXT = {
  selector: "CallExpression[callee.property.name='query'] > :matches(TemplateLiteral, Literal).arguments",
  message: 'SQL stands in *.store.ts, *.reader.ts and *.sql.ts.',
};
const NO_ENVIRONMENT = {
  selector: "MemberExpression[object.name='process']:matches([property.name='env'], [property.value='env'])",
  message: 'Only config/ reads the environment.',
};
const NO_CLOCK = [
  { selector: "MemberExpression[object.name='Date'][property.name='now']", message: 'Pure code is given the time.' },
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Pure code is given the time.' },
  {
    selector: "MemberExpression[object.name='Math'][property.name='random']",
    message: 'Pure code draws no random numbers.',
  },
  { selector: ':function[async=true]', message: 'Pure code does not wait.' },
  {
    selector: 'CallExpression[callee.name=/^(setTimeout|setInterval|setImmediate|fetch)$/]',
    message: 'Pure code has no effects.',
  },
];

/** `target` may import from nothing of src but `allowed` (folders or files, relative to src). */
const only = (target, ...allowed) => ({
  target: `./src/${target}`,
  from: './src',
  except: allowed.map((path) => `./${path}`),
});
const never = (target, ...from) => ({ target: `./src/${target}`, from: from.map((path) => `./src/${path}`) });

const ROOTS = ['main.ts', 'start.ts', 'app.module.ts'];
const BELOW_ENGINE = ['profiles', 'journeys', 'security', 'reporting'];
const STORES = '{profiles,segments,journeys,engine,delivery,campaigns,security,reporting}/**/*.{store,reader,sql}.ts';

const ZONES = [
  only('kernel', 'kernel'),
  only('liquid', 'kernel', 'liquid', 'segments/subject.ts'),
  only('segments', 'kernel', 'segments', 'liquid'),
  only('journey', 'kernel', 'liquid', 'segments', 'journey'),
  only('delivery/{outcome,retry,rate-window,circuit,pacing,signature}.ts', 'kernel', 'delivery'),
  only('profiles/merge.ts', 'kernel', 'segments', 'profiles'),
  only('config', 'kernel', 'config'),
  only('persistence', 'kernel', 'config', 'persistence'),
  ...BELOW_ENGINE.map((room) => never(room, 'engine', 'delivery', 'campaigns', 'api', 'scheduler', ...ROOTS)),
  never('engine', 'delivery', 'api', 'scheduler', ...ROOTS),
  never('delivery', 'engine', 'api', 'scheduler', ...ROOTS),
  never('scheduler', 'api', ...ROOTS),
  never('scheduler', STORES),
  never('api', 'scheduler', 'persistence/entities', ...ROOTS),
  never('api', STORES),
];

/** The configuration for a source tree at `root`. */
export function configFor(root) {
  return tseslint.config(
    {
      ignores: [
        'dist/',
        'node_modules/',
        '.build/',
        '.itinera/',
        'coverage/',
        'test/fixtures/',
        'bench/',
        'web/',
        '**/*.mjs',
      ],
    },
    {
      files: ['**/*.ts'],
      extends: [tseslint.configs.recommendedTypeChecked],
      plugins: { 'import-x': importX },
      languageOptions: { parserOptions: { project: `${root}/tsconfig.check.json`, tsconfigRootDir: root } },
      linterOptions: { reportUnusedDisableDirectives: 'error' },
      settings: {
        'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
        'import-x/resolver-next': [createTypeScriptImportResolver({ project: `${root}/tsconfig.check.json` })],
      },
      rules: {
        'max-lines': ['error', 400],
        'no-restricted-syntax': ['error', ...ALWAYS],
        eqeqeq: ['error', 'always'],
        'no-console': 'error',
        'no-control-regex': 'error',
        'require-yield': 'error',
        'import-x/no-cycle': ['error', { ignoreExternal: true }],
        'import-x/no-unresolved': 'error',
        'import-x/no-duplicates': 'error',
        'import-x/no-restricted-paths': ['error', { basePath: root, zones: ZONES }],
        '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
        '@typescript-eslint/no-unused-vars': [
          'error',
          { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' },
        ],
        // Modules and decorated classes are empty on purpose.
        '@typescript-eslint/no-extraneous-class': 'off',
        // An async signature is part of many interfaces (Nest's hooks, listeners) that have nothing to wait for.
        '@typescript-eslint/require-await': 'off',
        '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      },
    },
    {
      files: ['src/**/*.ts'],
      rules: {
        'no-restricted-imports': imports({}),
        'no-restricted-syntax': ['error', ...ALWAYS, NO_ENVIRONMENT, NO_SQL_TEXT],
      },
    },
    {
      files: SQL,
      rules: {
        'no-restricted-imports': imports({ allow: ['pg', 'typeorm'], sql: true }),
        'no-restricted-syntax': ['error', ...ALWAYS, NO_ENVIRONMENT],
      },
    },
    {
      files: ['src/persistence/**/*.ts'],
      rules: {
        'no-restricted-imports': imports({ allow: ['pg', 'typeorm'], sql: true }),
        'no-restricted-syntax': ['error', ...ALWAYS, NO_ENVIRONMENT],
      },
    },
    { files: ['src/config/**/*.ts'], rules: { 'no-restricted-syntax': ['error', ...ALWAYS, NO_SQL_TEXT] } },
    {
      files: ['src/delivery/sender.ts', 'src/security/egress.ts'],
      rules: { 'no-restricted-imports': imports({ allow: ['undici'] }) },
    },
    {
      files: PURE,
      rules: {
        'no-restricted-imports': imports({ pure: true }),
        'no-restricted-syntax': ['error', ...ALWAYS, NO_ENVIRONMENT, NO_SQL_TEXT, ...NO_CLOCK],
      },
    },
    { files: ['src/journey/**/*.ts'], rules: { 'no-restricted-imports': imports({ pure: true, allow: ['xstate'] }) } },
    // The one place where the time comes from.
    { files: ['src/kernel/clock.ts'], rules: { 'no-restricted-syntax': ['error', ...ALWAYS, NO_ENVIRONMENT] } },
    {
      files: ['src/**/index.ts'],
      rules: { 'no-restricted-syntax': ['error', { selector: 'Program', message: 'No barrels.' }] },
    },
    {
      files: SPECS,
      rules: {
        'no-restricted-imports': 'off',
        'no-restricted-syntax': ['error', ALWAYS[0]],
        'import-x/no-restricted-paths': 'off',
        '@typescript-eslint/no-unsafe-assignment': 'off',
        '@typescript-eslint/no-unsafe-member-access': 'off',
        '@typescript-eslint/no-unsafe-argument': 'off',
        '@typescript-eslint/no-unsafe-call': 'off',
        '@typescript-eslint/no-unsafe-return': 'off',
        '@typescript-eslint/unbound-method': 'off',
      },
    },
  );
}

export default configFor(import.meta.dirname);
