/** What an operator may set for a host: limits and the numbers of its circuit breaker. */
import { z } from 'zod';
import { parseDuration } from '../kernel/duration.js';
import { DEFAULT_CIRCUIT, type CircuitRules } from './circuit.js';
import type { StatusPattern } from './outcome.js';

const duration = (max: number) =>
  z.string().refine(
    (value) => {
      const ms = parseDuration(value);
      return ms !== null && ms >= 1000 && ms <= max;
    },
    { message: `must be an ISO 8601 duration from PT1S to ${max / 1000} s` },
  );

const status = z.union([z.number().int().min(100).max(599), z.enum(['4xx', '5xx'])]);

const circuitSchema = z.strictObject({
  window: duration(3_600_000).nullish(),
  min_requests: z.number().int().min(1).max(1_000_000).nullish(),
  failure_ratio: z.number().min(0).max(1).nullish(),
  max_failures: z.number().int().min(1).max(10_000_000).nullish(),
  cool_down: duration(15 * 60_000).nullish(),
  probes: z.number().int().min(1).max(100).nullish(),
  statuses: z.array(status).max(50).nullish(),
});

/** The body of `PATCH /api/hosts/:host`: a key set to `null` goes back to its default, an absent one stays. */
export const hostSettingsSchema = z.strictObject({
  per_second: z.number().min(0.01).max(100_000).nullish(),
  concurrency: z.number().int().min(1).max(10_000).nullish(),
  circuit: circuitSchema.nullish(),
});

export type HostSettings = z.infer<typeof hostSettingsSchema>;

export function circuitRules(settings: HostSettings): CircuitRules {
  const circuit = settings.circuit ?? {};
  const ms = (text: string | null | undefined, otherwise: number): number =>
    typeof text === 'string' ? (parseDuration(text) ?? otherwise) : otherwise;
  return {
    window: ms(circuit.window, DEFAULT_CIRCUIT.window),
    minRequests: circuit.min_requests ?? DEFAULT_CIRCUIT.minRequests,
    failureRatio: circuit.failure_ratio ?? DEFAULT_CIRCUIT.failureRatio,
    maxFailures: circuit.max_failures ?? DEFAULT_CIRCUIT.maxFailures,
    coolDown: ms(circuit.cool_down, DEFAULT_CIRCUIT.coolDown),
    maxCoolDown: DEFAULT_CIRCUIT.maxCoolDown,
    probes: circuit.probes ?? DEFAULT_CIRCUIT.probes,
    statuses: (circuit.statuses as readonly StatusPattern[] | null | undefined) ?? DEFAULT_CIRCUIT.statuses,
  };
}

/** JSON merge patch (RFC 7396) of one level of nesting: `null` removes a key. */
export function mergeSettings(settings: HostSettings, patch: HostSettings): HostSettings {
  const merge = (into: Record<string, unknown>, from: Record<string, unknown>): Record<string, unknown> => {
    const merged = { ...into };
    for (const [key, value] of Object.entries(from)) {
      if (value === undefined) continue;
      if (value === null) delete merged[key];
      else if (key === 'circuit')
        merged[key] = merge((into[key] ?? {}) as Record<string, unknown>, value as Record<string, unknown>);
      else merged[key] = value;
    }
    return merged;
  };
  return merge(settings, patch);
}
