/** The numbers of the contract and of Braze's semantics (reference, section 6) that a definition is held to. */
export const LIMITS = {
  steps: 200,
  /** Ways out of one split, Everyone Else included. */
  paths: 8,
  experimentPaths: 4,
  variants: 8,
  conversions: 4,
  contextVariables: 10,
  contextBytes: 50 * 1024,
  documentBytes: 256 * 1024,
  /** Nesting of objects and arrays; keeps recursion over a document within the stack. */
  depth: 100,
  userUpdateCharacters: 65_536,
  /** Milliseconds. */
  delay: 730 * 86_400_000,
  window: 31 * 86_400_000,
  conversionMin: 5 * 60_000,
  conversionMax: 30 * 86_400_000,
  requestTimeout: 10 * 60_000,
} as const;
